package config

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gopkg.in/gcfg.v1/types"
)

// convert fills the fields of a block from its values, and from the defaults
// where there are none or they cannot be used.
func (r *reader) convert(b *block) {
	for i := range b.section.Keys {
		key := &b.section.Keys[i]
		if key.field == nil {
			continue
		}
		texts := r.texts(b, key)
		if len(texts) == 0 {
			r.useDefault(b, key)
			continue
		}
		faults := assign(key, key.field(b.target), texts)
		for _, f := range faults {
			r.say(b, key.Name, f.severity, f.message, f.advice)
		}
		if failed(faults) {
			b.bad[key.Name] = true
			r.useDefault(b, key)
		}
	}
}

// texts returns what is written for a key. A key that is written without a
// value counts as not written, except that a bare bool means true.
func (r *reader) texts(b *block, key *Key) []string {
	v := b.values[key.Name]
	switch {
	case v == nil:
		return nil
	case v.bare && key.Kind == Bool:
		return []string{"true"}
	case v.bare && key.repeats():
		return nil
	case v.bare:
		b.bad[key.Name] = true
		r.say(b, key.Name, Error, "the key has no value", fmt.Sprintf("write %s=value, or remove the line", key.Name))
		return nil
	}
	texts := slices.DeleteFunc(slices.Clone(v.texts), func(t string) bool { return len(items(key, t)) == 0 })
	if len(texts) == 0 && (key.Kind == Bool || key.Kind == Int || key.Kind == Duration) {
		r.say(b, key.Name, Warning, fmt.Sprintf("there is no value after the =, so the default %s is used", key.Default),
			fmt.Sprintf("write %s=%s, or remove the line", key.Name, key.Default))
	}
	return texts
}

func (r *reader) useDefault(b *block, key *Key) {
	delete(b.values, key.Name)
	if key.Default != "" {
		assign(key, key.field(b.target), []string{key.Default})
	}
}

// assign converts the texts of a key and stores them in its field. A field
// whose text is faulty beyond repair is left alone.
func assign(key *Key, field any, texts []string) []fault {
	last := texts[len(texts)-1]
	switch f := field.(type) {
	case *bool:
		got, err := types.ParseBool(last)
		if err != nil {
			return wrong("%s is not a bool", "write true or false", last)
		}
		*f = got
	case *int:
		return assignInt(key, f, last)
	case *time.Duration:
		return assignDuration(key, f, last)
	case *[]string:
		return assignList(key, f, texts)
	case *string:
		got, faults := check(key, last)
		if !failed(faults) {
			*f = got
		}
		return faults
	}
	return nil
}

func failed(faults []fault) bool {
	return slices.ContainsFunc(faults, func(f fault) bool { return f.severity == Error })
}

// wrong is one fault of severity Error; message has one %s, for the text.
func wrong(message, advice, text string) []fault {
	return []fault{{Error, fmt.Sprintf(message, quote(clip(text))), advice}}
}

func doubtful(message, advice, text string) []fault {
	return []fault{{Warning, fmt.Sprintf(message, quote(clip(text))), advice}}
}

func assignInt(key *Key, field *int, text string) []fault {
	var got int
	if err := types.ParseInt(&got, text, types.Dec|types.Hex); err != nil {
		return wrong("%s is not a whole number", "write digits only, such as "+key.Default, text)
	}
	switch {
	case got < key.Min && key.Max == 0:
		return wrong("%s is too small", fmt.Sprintf("write %d or more", key.Min), text)
	case key.Max > 0 && (got < key.Min || got > key.Max):
		return wrong("%s is out of range", fmt.Sprintf("write a number from %d to %d", key.Min, key.Max), text)
	}
	*field = got
	return nil
}

func assignDuration(key *Key, field *time.Duration, text string) []fault {
	got, ok := parseDuration(text)
	switch {
	case !ok:
		return wrong("%s is not a duration", "write a number with a unit, such as "+key.Default, text)
	case got <= 0:
		return wrong("%s is not a positive duration", "write a number with a unit, such as "+key.Default, text)
	case key.WholeSeconds && got%time.Second != 0:
		return wrong("%s is not a number of whole seconds, which is all that Octavia knows", "write whole seconds, such as "+key.Default, text)
	}
	*field = got
	return nil
}

// parseDuration reads a Go duration, or a bare number of seconds.
func parseDuration(text string) (time.Duration, bool) {
	var seconds int64
	if err := types.ParseInt(&seconds, text, types.Dec); err == nil {
		if seconds > math.MaxInt64/int64(time.Second) || seconds < math.MinInt64/int64(time.Second) {
			return 0, false
		}
		return time.Duration(seconds) * time.Second, true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

func assignList(key *Key, field *[]string, texts []string) []fault {
	var faults []fault
	var list []string
	for _, text := range texts {
		for _, item := range items(key, text) {
			got, f := check(key, item)
			faults = append(faults, f...)
			if slices.Contains(list, got) {
				faults = append(faults, doubtful("%s is there twice", "write it once", got)...)
				continue
			}
			list = append(list, got)
		}
		if key.Kind == Names && strings.Contains(text, ",") {
			faults = append(faults, doubtful("%s is one name: names are not split at commas",
				fmt.Sprintf("write a line %s=… for each name", key.Name), text)...)
		}
	}
	if !failed(faults) && len(list) > 0 {
		*field = list
	}
	return faults
}

// items cuts a text at its commas, where its kind is a list of such; none for
// an empty text.
func items(key *Key, text string) []string {
	if key.Kind != Words && key.Kind != CIDRs {
		return nonEmpty(text)
	}
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// checkCIDR accepts an IP prefix; bits beyond the prefix are cleared.
func checkCIDR(_ *Key, text string) (string, []fault) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return "", wrong("%s is not an IP prefix", "write address/length, such as 10.0.0.0/8 or 2001:db8::/32", text)
	}
	if prefix.Masked() != prefix {
		return prefix.Masked().String(), doubtful("%s has bits set beyond the prefix", "write "+prefix.Masked().String(), text)
	}
	return prefix.String(), nil
}

package spec

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// reader reads the annotations of one Service and collects what is wrong with them.
type reader struct {
	texts    map[string]string
	problems []Problem
	// asked are the names that were looked for.
	asked map[string]bool
}

// scope is where a setting is looked for: the ports' tokens, the most specific
// first, then the Service as a whole. Without tokens it is the whole Service.
type scope struct {
	*reader
	tokens []string
}

// found is an annotation that is there.
type found struct {
	key, text string
	// own: it was written for this very port.
	own bool
	Annotation
}

// setting is a value and where it comes from.
type setting[T any] struct {
	value T
	// key is the annotation that says so, "" where none does; own: it was written
	// for this very port.
	key string
	own bool
}

func (r *reader) service() scope { return scope{reader: r} }

func (r *reader) reject(key, value, message, advice string) {
	r.problems = append(r.problems, Problem{Key: key, Value: value, Message: message, Advice: advice})
}

// find looks for an annotation. Space around its text does not count.
func (s scope) find(name string) (found, bool) {
	s.asked[name] = true
	a := declared[name]
	for _, token := range s.tokens {
		key := portPrefix + token + "." + name
		if text, ok := s.said(a, key); ok && a.PerPort {
			return found{key: key, text: text, own: true, Annotation: a}, true
		}
	}
	if text, ok := s.said(a, a.Key()); ok && !a.OnlyPort {
		return found{key: a.Key(), text: text, Annotation: a}, true
	}
	return found{}, false
}

// said is the text at a key. A bool or a number without any is not there: charts
// write such, and kubernetes/cloud-provider-openstack takes the default.
func (s scope) said(a Annotation, key string) (string, bool) {
	text, ok := s.texts[key]
	text = strings.TrimSpace(text)
	return text, ok && (text != "" || a.Kind != Bool && a.Kind != Int)
}

// text is free text; an empty one counts, and is none.
func (s scope) text(name, otherwise string) setting[string] {
	f, ok := s.find(name)
	if !ok {
		return setting[string]{value: otherwise}
	}
	return setting[string]{f.text, f.key, f.own}
}

// chosen is free text where an empty one is the same as no annotation at all.
func (s scope) chosen(name, otherwise string) setting[string] {
	got := s.text(name, otherwise)
	if got.value == "" {
		got.value = otherwise
	}
	return got
}

// read converts an annotation that is there; convert gives advice where it cannot.
func read[T any](s scope, name string, otherwise T, convert func(found) (T, string)) setting[T] {
	f, ok := s.find(name)
	if !ok {
		return setting[T]{value: otherwise}
	}
	got, advice := convert(f)
	if advice != "" {
		s.reject(f.key, f.text, "is not "+meant(f.Annotation), advice)
		got = otherwise
	}
	return setting[T]{got, f.key, f.own}
}

// meant says what the text should have been.
func meant(a Annotation) string {
	switch a.Kind {
	case Bool:
		return "a bool"
	case Int:
		return "a number that this annotation takes"
	case Enum, List:
		return "a value that this annotation takes"
	case Hostname:
		return "a DNS name"
	default:
		return "a " + string(a.Kind)
	}
}

func (s scope) boolean(name string, otherwise bool) setting[bool] {
	return read(s, name, otherwise, func(f found) (bool, string) {
		if f.text != "true" && f.text != "false" {
			return false, "write true or false"
		}
		return f.text == "true", ""
	})
}

func (s scope) integer(name string, otherwise int) setting[int] {
	return read(s, name, otherwise, func(f found) (int, string) {
		got, err := strconv.Atoi(f.text)
		switch {
		case err == nil && got >= f.Min && (f.Max == 0 || got <= f.Max):
			return got, ""
		case f.Max > 0:
			return 0, fmt.Sprintf("write a whole number from %d to %d", f.Min, f.Max)
		default:
			return 0, fmt.Sprintf("write a whole number, %d or more", f.Min)
		}
	})
}

// enum gives one of the declared values in their own spelling; an empty text is
// the same as no annotation at all.
func (s scope) enum(name, otherwise string) setting[string] {
	return read(s, name, otherwise, func(f found) (string, string) {
		if f.text == "" {
			return otherwise, ""
		}
		if got := canonical(f.text, f.Values); got != "" {
			return got, ""
		}
		return "", "write " + alternatives(f.Values)
	})
}

func canonical(text string, values []string) string {
	i := slices.IndexFunc(values, func(v string) bool { return strings.EqualFold(v, text) })
	if i < 0 {
		return ""
	}
	return values[i]
}

// list cuts a text at its commas. Where values are declared, each must be one.
func (s scope) list(name string) setting[[]string] {
	return read(s, name, nil, func(f found) ([]string, string) {
		items := split(f.text)
		if len(f.Values) == 0 {
			return items, ""
		}
		for i, item := range items {
			if items[i] = canonical(item, f.Values); items[i] == "" {
				return nil, "write " + alternatives(f.Values) + ", separated by commas"
			}
		}
		return items, ""
	})
}

// split cuts at commas and leaves out what is empty; never nil.
func split(text string) []string {
	items := []string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

var (
	dashed   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	undashed = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
)

// parseUUID gives the form that the APIs return.
func parseUUID(text string) (string, bool) {
	t := strings.ToLower(text)
	switch {
	case dashed.MatchString(t):
		return t, true
	case undashed.MatchString(t):
		return strings.Join([]string{t[:8], t[8:12], t[12:16], t[16:20], t[20:]}, "-"), true
	default:
		return "", false
	}
}

// uuid is an OpenStack id; an empty text is the same as no annotation at all.
func (s scope) uuid(name, otherwise string) setting[string] {
	return read(s, name, otherwise, func(f found) (string, string) {
		if f.text == "" {
			return otherwise, ""
		}
		got, ok := parseUUID(f.text)
		if !ok {
			return "", "write the id, not the name: 8-4-4-4-12 hexadecimal digits"
		}
		return got, ""
	})
}

func (s scope) uuids(name string) setting[[]string] {
	return read(s, name, nil, func(f found) ([]string, string) {
		items := split(f.text)
		for i, item := range items {
			got, ok := parseUUID(item)
			if !ok {
				return nil, "write ids, not names, separated by commas"
			}
			items[i] = got
		}
		slices.Sort(items)
		return slices.Compact(items), ""
	})
}

// cidrs are canonical and sorted.
func (s scope) cidrs(name string) setting[[]netip.Prefix] {
	return read(s, name, nil, func(f found) ([]netip.Prefix, string) {
		got, err := parsePrefixes(split(f.text))
		if err != nil {
			return nil, "write address/length, such as 192.0.2.0/24, separated by commas"
		}
		return got, ""
	})
}

func parsePrefixes(items []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, item := range items {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(item))
		if err != nil {
			return nil, fmt.Errorf("read CIDR %q: %w", item, err)
		}
		all = append(all, prefix.Masked())
	}
	return sortPrefixes(all), nil
}

func sortPrefixes(all []netip.Prefix) []netip.Prefix {
	slices.SortFunc(all, netip.Prefix.Compare)
	return slices.Compact(all)
}

// pattern is what selects subnets by name, checked as cloud.conf's is.
func (s scope) pattern(name string) setting[string] {
	return read(s, name, "", func(f found) (string, string) {
		text := strings.TrimPrefix(f.text, "!")
		if expression, ok := strings.CutPrefix(text, "~"); ok {
			if _, err := regexp.Compile(expression); err != nil {
				return "", "write a regular expression after ~, see https://pkg.go.dev/regexp/syntax"
			}
			return f.text, ""
		}
		if _, err := path.Match(text, ""); err != nil {
			return "", "close the bracket, or write ~ and a regular expression"
		}
		return f.text, ""
	})
}

// labels are names of labels with a value, or with "" for any.
func (s scope) labels(name, otherwise string) setting[map[string]string] {
	fallback, _ := parseLabels(otherwise)
	return read(s, name, fallback, func(f found) (map[string]string, string) {
		got, ok := parseLabels(f.text)
		if !ok {
			return nil, "write name=value, or names alone, separated by commas"
		}
		return got, ""
	})
}

func parseLabels(text string) (map[string]string, bool) {
	all := map[string]string{}
	for _, item := range split(text) {
		name, value, _ := strings.Cut(item, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if len(validation.IsQualifiedName(name)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
			return nil, false
		}
		all[name] = value
	}
	return all, true
}

func (s scope) hostname(name string) setting[string] {
	return read(s, name, "", func(f found) (string, string) {
		if _, err := netip.ParseAddr(f.text); err == nil {
			return "", "write a name: the Service shows its address by itself"
		}
		if f.text != "" && len(validation.IsDNS1123Subdomain(f.text)) > 0 {
			return "", "write lower case letters, digits, hyphens and dots, such as www.example.com"
		}
		return f.text, ""
	})
}

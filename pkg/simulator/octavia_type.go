package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The types of attributes in bodies, as wsme (wsme/types.py, wsme/rest/json.py)
// and octavia/api/common/types.py check them. Each makes a plain value of what
// the caller sent: string, int, float64, bool, list, map or lbBody.

// lbType checks a value other than null for an API of a minor version.
type lbType func(minor int, v any) (any, error)

// lbBadValue is a value that its type refuses.
type lbBadValue string

// Error is the reason.
func (e lbBadValue) Error() string { return string(e) }

// lbBadLiteral is a value that cannot even be converted, which wsme blames on the whole body.
type lbBadLiteral string

// Error is the reason.
func (e lbBadLiteral) Error() string { return string(e) }

func lbText(limit int) lbType {
	return func(_ int, v any) (any, error) {
		text, ok := v.(string)
		switch {
		case !ok:
			return nil, lbBadValue("Value should be string")
		case utf8.RuneCountInString(text) > limit:
			return nil, lbBadValue(fmt.Sprintf("Value should have a maximum character requirement of %d", limit))
		}
		return text, nil
	}
}

func lbPattern(limit int, pattern string) lbType {
	compiled, text := regexp.MustCompile(pattern), lbText(limit)
	return func(minor int, v any) (any, error) {
		sent, err := text(minor, v)
		if err != nil {
			return nil, err
		}
		if !compiled.MatchString(sent.(string)) {
			return nil, lbBadValue("Value should match the pattern " + pattern)
		}
		return sent, nil
	}
}

func lbInt(least, most int) lbType {
	return func(_ int, v any) (any, error) {
		text := python(v)
		number, err := strconv.Atoi(strings.TrimSpace(text))
		switch {
		case err != nil:
			return nil, lbBadLiteral(fmt.Sprintf("invalid literal for int() with base 10: '%s'", text))
		case number < least:
			return nil, lbBadValue(fmt.Sprintf("Value should be greater or equal to %d", least))
		case number > most:
			return nil, lbBadValue(fmt.Sprintf("Value should be lower or equal to %d", most))
		}
		return number, nil
	}
}

func lbBool(_ int, v any) (any, error) {
	switch text := strings.ToLower(python(v)); text {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return nil, lbBadLiteral("Value not an unambiguous boolean: " + python(v))
}

func lbUUID(_ int, v any) (any, error) {
	text, _ := v.(string)
	if _, err := uuid.Parse(text); err != nil {
		return nil, lbBadValue("Value should be UUID format")
	}
	return text, nil
}

func lbAddress(_ int, v any) (any, error) {
	text, _ := v.(string)
	if address, err := netip.ParseAddr(text); err != nil || address.Zone() != "" {
		return nil, lbBadValue("Value should be IPv4 or IPv6 format")
	}
	return text, nil
}

// lbCIDR makes a prefix canonical: the bits of the host do not matter.
func lbCIDR(_ int, v any) (any, error) {
	text, _ := v.(string)
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return netip.PrefixFrom(address, address.BitLen()).String(), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, lbBadValue("Value should be IPv4 or IPv6 CIDR format")
	}
	return prefix.Masked().String(), nil
}

// lbEnum takes one of some words; newer are those that later versions brought.
func lbEnum(words []string, newer map[string]int) lbType {
	return func(minor int, v any) (any, error) {
		known := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return newer[w] > minor })
		if text, ok := v.(string); ok && slices.Contains(known, text) {
			return text, nil
		}
		return nil, lbBadValue("Value should be one of: " + strings.Join(known, ", "))
	}
}

func lbHTTPVersion(_ int, v any) (any, error) {
	number, err := strconv.ParseFloat(python(v), 64)
	switch {
	case err != nil:
		return nil, lbBadLiteral("could not convert string to float: '" + python(v) + "'")
	case number != 1.0 && number != 1.1:
		return nil, lbBadValue("Value should be one of: 1.0, 1.1")
	}
	return number, nil
}

func lbPath(_ int, v any) (any, error) {
	text, ok := v.(string)
	if !ok || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || strings.ContainsAny(text, " \t\r\n") {
		return nil, lbBadValue("Value must be a valid URL Path string")
	}
	return text, nil
}

func lbURL(_ int, v any) (any, error) {
	text, _ := v.(string)
	for _, scheme := range []string{"http://", "https://"} {
		if rest, found := strings.CutPrefix(text, scheme); found && rest != "" && !strings.ContainsAny(text, " \t\r\n") {
			return text, nil
		}
	}
	return nil, lbBadValue("Value must be a valid URL string")
}

// lbList takes a list of values of one type.
func lbList(item lbType) lbType {
	return func(minor int, v any) (any, error) {
		sent, ok := v.([]any)
		if !ok {
			return nil, lbBadLiteral("Value not a valid list: " + python(v))
		}
		checked := make([]any, 0, len(sent))
		for _, one := range sent {
			value, err := item(minor, one)
			if err != nil {
				return nil, err
			}
			checked = append(checked, value)
		}
		return checked, nil
	}
}

// lbSorted takes a list of texts that a table keeps by key.
func lbSorted(list lbType) lbType {
	return func(minor int, v any) (any, error) {
		checked, err := list(minor, v)
		if err != nil {
			return nil, err
		}
		texts := checked.([]any)
		slices.SortFunc(texts, func(a, b any) int { return cmp.Compare(python(a), python(b)) })
		return texts, nil
	}
}

// lbSet takes a list of texts and keeps each once, sorted.
func lbSet(list lbType) lbType {
	sorted := lbSorted(list)
	return func(minor int, v any) (any, error) {
		checked, err := sorted(minor, v)
		if err != nil {
			return nil, err
		}
		return slices.Compact(checked.([]any)), nil
	}
}

// lbDict takes a map from text to text.
func lbDict(minor int, v any) (any, error) {
	sent, ok := v.(map[string]any)
	if !ok {
		return nil, lbBadLiteral("Value not a valid dict: " + python(v))
	}
	checked, text := map[string]any{}, lbText(255)
	for _, key := range slices.Sorted(maps.Keys(sent)) {
		value, err := text(minor, sent[key])
		if err != nil {
			return nil, err
		}
		checked[key] = value
	}
	return checked, nil
}

// pythonType names the type of a decoded value as Python does.
func pythonType(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case json.Number:
		return "int"
	case []any:
		return "list"
	}
	return "dict"
}

// python writes a decoded value as Python's str() does.
func python(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return pythonRepr(v)
}

func pythonRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return "'" + v + "'"
	case json.Number:
		return v.String()
	case []any:
		items := make([]string, len(v))
		for i, one := range v {
			items[i] = pythonRepr(one)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		items := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = append(items, pythonRepr(key)+": "+pythonRepr(v[key]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v)
}

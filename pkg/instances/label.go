package instances

import "strings"

// maxLabelValue is the longest legal label value (k8s.io/apimachinery
// pkg/util/validation, LabelValueMaxLength).
const maxLabelValue = 63

// labelValue makes a legal label value of a name that Nova allows: characters
// that a label may not have become "-", it is cut to 63 characters, and begins
// and ends with a letter or digit. A name with nothing legal in it gives "".
// Without this one flavor named "m1 large" would keep its Nodes from ever
// being initialised, since the API server refuses the whole update.
func labelValue(name string) string {
	value := strings.Map(func(r rune) rune {
		if alphanumeric(r) || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, name)
	value = strings.TrimLeftFunc(value, func(r rune) bool { return !alphanumeric(r) })
	if len(value) > maxLabelValue {
		value = value[:maxLabelValue]
	}
	return strings.TrimRightFunc(value, func(r rune) bool { return !alphanumeric(r) })
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

package config

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// checks holds, for each kind that is more than any text, what turns the text
// into its canonical form or says what is wrong with it.
var checks = map[Kind]func(*Key, string) (string, []fault){
	Enum: checkEnum, Words: checkEnum, UUID: checkUUID, URL: checkURL, CIDRs: checkCIDR,
	Pattern: checkPattern, Labels: checkLabels, Domain: checkDomain,
}

func check(key *Key, text string) (string, []fault) {
	if f := checks[key.Kind]; f != nil {
		return f(key, text)
	}
	return text, nil
}

// checkEnum accepts one of the key's values in any case.
func checkEnum(key *Key, text string) (string, []fault) {
	if alias, ok := key.Aliases[strings.ToLower(text)]; ok {
		return alias, nil
	}
	i := slices.IndexFunc(key.Values, func(v string) bool { return strings.EqualFold(v, text) })
	if i >= 0 {
		return key.Values[i], nil
	}
	advice := "write " + alternatives(key.Values)
	if near := Nearest(text, key.Values); near != "" {
		advice = fmt.Sprintf("did you mean %s? Known are %s", near, alternatives(key.Values))
	}
	if key.Open {
		return text, doubtful("%s is not a value known here", advice, text)
	}
	return "", wrong("%s is not a value of this key", advice, text)
}

func alternatives(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
}

var (
	dashed   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	undashed = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
)

// checkUUID accepts the forms that oslo_utils.uuidutils takes for a UUID, and
// gives the one that the APIs return.
func checkUUID(_ *Key, text string) (string, []fault) {
	switch {
	case dashed.MatchString(text):
		return strings.ToLower(text), nil
	case undashed.MatchString(text):
		t := strings.ToLower(text)
		return strings.Join([]string{t[:8], t[8:12], t[12:16], t[16:20], t[20:]}, "-"), nil
	default:
		return "", wrong("%s is not an OpenStack ID", "write the UUID, not the name: 8-4-4-4-12 hexadecimal digits", text)
	}
}

// checkURL accepts an absolute http or https URL without a query.
func checkURL(_ *Key, text string) (string, []fault) {
	const advice = "write it as https://keystone.example.com:5000/v3"
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.Contains(text, "@"):
		return "", []fault{{Error, "the value is not a URL", advice}}
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", wrong("%s is not an http or https URL", advice, redactURL(text))
	case u.User != nil:
		return "", []fault{{Error, "the URL holds a user name or password, which Keystone does not take from there",
			"write the URL without them, and use username and password"}}
	case u.RawQuery != "" || u.Fragment != "":
		return "", wrong("%s has something after the path", advice, redactURL(text))
	}
	return text, nil
}

// checkPattern accepts what selects subnets by name: a glob, or ~ and a
// regular expression; ! in front negates.
func checkPattern(_ *Key, text string) (string, []fault) {
	pattern := strings.TrimPrefix(text, "!")
	if expression, ok := strings.CutPrefix(pattern, "~"); ok {
		if _, err := regexp.Compile(expression); err != nil {
			return "", wrong("%s is not a regular expression", "see https://pkg.go.dev/regexp/syntax", expression)
		}
		return text, nil
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return "", wrong("%s is not a glob", "close the bracket, or write ~ and a regular expression", pattern)
	}
	return text, nil
}

// checkLabels accepts label names, each with a value or without. Blanks and empty
// items do not matter.
func checkLabels(key *Key, text string) (string, []fault) {
	for item := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		name, val, _ := strings.Cut(item, "=")
		name, val = strings.TrimSpace(name), strings.TrimSpace(val)
		if len(validation.IsQualifiedName(name)) > 0 || len(validation.IsValidLabelValue(val)) > 0 {
			return "", wrong("%s is not a label", fmt.Sprintf("write %s=name=value, or names alone, separated by commas", key.Name), item)
		}
	}
	return text, nil
}

func checkDomain(_ *Key, text string) (string, []fault) {
	if len(validation.IsDNS1123Subdomain(strings.TrimPrefix(text, "."))) > 0 {
		return "", wrong("%s is not a DNS domain", "write lower case letters, digits, hyphens and dots, such as nip.io", text)
	}
	return text, nil
}

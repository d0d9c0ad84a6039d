package spec_test

import (
	"testing"

	"underlay/pkg/loadbalancer/spec"
)

func TestSubnetNamesMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "any", true}, {"public-*", "public-a", true}, {"public-*", "my-public-a", false}, {"public-?", "public-ab", false},
		{"*", "a/b", false}, {"**", "a/b", true}, {"{a,b}-net", "b-net", true}, {"{a,b}-net", "c-net", false}, {"[ab]x", "bx", true},
		{"a.b", "axb", false}, {"!public-*", "public-a", false}, {"!public-*", "inner", true}, {"~pub.*", "public", true},
		{"~pub", "public", false}, {"!~pub", "public", true}, {"ä*", "äöü", true}, {"~x", "", false},
	} {
		if got := spec.MatchName(c.pattern, c.name); got != c.want {
			t.Errorf("%q matches %q: got %v", c.pattern, c.name, got)
		}
	}
}

func TestSubnetTagsMatch(t *testing.T) {
	for _, c := range []struct {
		choice string
		tags   []string
		want   bool
	}{
		{"", nil, true}, {"a,b", []string{"b"}, true}, {"a,b", []string{"c"}, false}, {"&a, b", []string{"a", "b", "c"}, true},
		{"&a,b", []string{"a"}, false}, {"!a,b", []string{"c"}, true}, {"!a,b", []string{"b"}, false},
		{"!&a,b", []string{"a"}, true}, {"!&a,b", []string{"a", "b"}, false},
	} {
		if got := spec.MatchTags(c.choice, c.tags); got != c.want {
			t.Errorf("%q matches %v: got %v", c.choice, c.tags, got)
		}
	}
}

package instances

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"
)

func TestLabelValue(t *testing.T) {
	tests := map[string]string{
		"m1.large":                      "m1.large",
		"m1 large (GPU)":                "m1-large--GPU",
		"_x_":                           "x",
		"größe":                         "gr--e",
		"":                              "",
		"---":                           "",
		"ü":                             "",
		strings.Repeat("a", 70):         strings.Repeat("a", 63),
		strings.Repeat("a", 62) + " b":  strings.Repeat("a", 62),
		"  " + strings.Repeat("b", 63):  strings.Repeat("b", 63),
		"nova":                          "nova",
		"g1.small-40GB_ssd":             "g1.small-40GB_ssd",
		"flavor/with:every#kind&of=sin": "flavor-with-every-kind-of-sin",
	}
	for name, want := range tests {
		if got := labelValue(name); got != want {
			t.Errorf("labelValue(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestLabelValueIsLegal asks Kubernetes itself.
func TestLabelValueIsLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		got := labelValue(name)
		if problems := validation.IsValidLabelValue(got); len(problems) > 0 {
			t.Fatalf("labelValue(%q) = %q: %v", name, got, problems)
		}
		if len(validation.IsValidLabelValue(name)) == 0 && got != name {
			t.Fatalf("labelValue(%q) = %q changes a legal value", name, got)
		}
	})
}

package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"underlay/pkg/config"
)

// values draws a valid value for a key, as it is written after the "=".
func values(t *rapid.T, key *config.Key) string {
	uuid := rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	switch key.Kind {
	case config.Bool:
		return rapid.SampledFrom([]string{"true", "no", "ON", "0"}).Draw(t, key.Name)
	case config.Int:
		return fmt.Sprint(rapid.IntRange(max(1, key.Min), 10).Draw(t, key.Name))
	case config.Duration:
		return rapid.SampledFrom([]string{"5", "7s", "1h", "2m", "1h1m1s", "90s"}).Draw(t, key.Name)
	case config.Enum, config.Words:
		return rapid.SampledFrom(key.Values).Draw(t, key.Name)
	case config.UUID:
		return uuid.Draw(t, key.Name)
	case config.URL:
		return rapid.StringMatching(`https://[a-z]{1,8}(:5000)?/(v3|v2\.0|identity/)`).Draw(t, key.Name)
	case config.CIDRs:
		return rapid.SampledFrom([]string{"10.0.0.0/8", "192.0.2.0/24,2001:db8::/32", "10.1.2.3/16"}).Draw(t, key.Name)
	case config.Labels:
		return rapid.SampledFrom([]string{"a=b", "a,b=c", "example.com/role=x"}).Draw(t, key.Name)
	case config.Domain, config.Pattern:
		return rapid.StringMatching(`[a-z]{1,5}(\.[a-z]{1,5})?`).Draw(t, key.Name)
	default:
		text := rapid.StringMatching("[a-zA-Zä0-9 #;=\\[\\]\t/@,!\"\\\\\n]{1,12}").Draw(t, key.Name)
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(text) + `"`
	}
}

// files draws a file of valid lines; it may still have too few or too many of
// them.
func files(t *rapid.T) string {
	var text strings.Builder
	for _, section := range config.Sections() {
		names := []string{""}
		if section.Naming != config.Unnamed {
			names = append(names, `one`, `two "2"`)
		}
		for _, name := range names {
			if name == "" && section.Naming == config.MustName || !rapid.Bool().Draw(t, section.Name) {
				continue
			}
			text.WriteString("[" + section.Name)
			if name != "" {
				text.WriteString(` "` + strings.ReplaceAll(name, `"`, `\"`) + `"`)
			}
			text.WriteString("]\n")
			for i := range section.Keys {
				key := &section.Keys[i]
				// clouds.yaml is another test's; other keys with few chances
				if key.Retired == "" && key.Name != "use-clouds" && rapid.IntRange(0, 2).Draw(t, "use "+key.Name) == 0 {
					text.WriteString(key.Name + " = " + values(t, key) + "\n")
				}
			}
		}
	}
	return text.String()
}

// TestRenderedSettingsReadAsThemselves also holds for files with conflicts:
// what is left of them is what is rendered.
func TestRenderedSettingsReadAsThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := files(t)
		want, first := read(text)
		rendered := config.Render(want, true)
		got, second := read(rendered)
		if diff := cmp.Diff(want, got, raw); diff != "" {
			t.Fatalf("(-want +got):\n%s\nrendered as\n%s\nfrom\n%s", diff, rendered, text)
		}
		if first.Err() == nil && second.Err() != nil {
			t.Fatalf("the file has no error, but rendered it has: %v\n%s", second.Err(), rendered)
		}
		if again := config.Render(got, true); again != rendered {
			t.Fatalf("rendered twice:\n%s", cmp.Diff(rendered, again))
		}
	})
}

func TestRenderedSettingsHaveNoSecretByDefault(t *testing.T) {
	got, _ := read(strings.Replace(sound, "password=p", `password="hunter2"`, 1))
	rendered := config.Render(got, false)
	if strings.Contains(rendered, "hunter2") || !strings.Contains(rendered, "password=***\n") {
		t.Errorf("rendered:\n%s", rendered)
	}
}

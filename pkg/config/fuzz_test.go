package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"underlay/pkg/config"
)

// FuzzRead puts a secret under a secret key between two texts of any kind.
// Reading never panics, reports only lines that exist, and never shows the
// secret.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"2016.conf", "peer.conf"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "")
	}
	for _, test := range badFiles {
		f.Add(test.text, "region=R")
	}
	f.Add("[Global", "]")
	f.Add("[Global]\nregion=a\\", "\\")
	f.Add("[Global \"a\\\"b\"]\nuse-clouds", "x=\"\\n\\t\"\r")
	f.Add("[Metadata]\nsearch-order=,", "[Networking]\naddress-sort-order=\f")
	f.Add("[Global \"a\tb\"]", "[LoadBalancerClass \"\\\\\"]")
	f.Add("[LoadBalancerClass \"\"]", "[]")
	f.Add("[Global]\nauth-url=http://a@b@c/v2.0?x#", "user-id=\xf0\x9f")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before+after, marker) {
			return
		}
		keys := []string{"password", "application-credential-secret", "token", "trustee-password"}
		text := before + "\n" + keys[len(before+after)%len(keys)] + "=" + marker + "\n" + after
		got, report := read(text)
		if shown := everything(report) + fmt.Sprintf("%+v", got.Global); strings.Contains(shown, marker) {
			t.Errorf("the secret is shown in:\n%s", shown)
		}
		last := strings.Count(text, "\n") + 1
		for _, p := range report.Problems {
			if p.Line < 0 || p.Line > last || p.Message == "" {
				t.Errorf("problem %+v of a file with %d lines", p, last)
			}
		}
		rendered := config.Render(got, true)
		again, _ := read(rendered)
		if diff := config.Render(again, true); diff != rendered {
			t.Errorf("rendered and read again, the file is another:\n%s\n%s", rendered, diff)
		}
	})
}

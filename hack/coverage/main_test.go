package main

import (
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	const good = "ok  \tunderlay/pkg/a\t0.1s\tcoverage: 91.0% of statements\n"
	for name, tc := range map[string]struct{ in, want string }{
		"all above":           {in: good},
		"one below":           {in: good + "ok  \tunderlay/pkg/b\t0.1s\tcoverage: 12.5% of statements\n", want: "underlay/pkg/b: 12.5%"},
		"untested":            {in: good + "\tunderlay/pkg/c\t\tcoverage: 0.0% of statements\n", want: "underlay/pkg/c: 0.0%"},
		"failed":              {in: good + "FAIL\tunderlay/pkg/d\t0.1s\n", want: "FAIL\tunderlay/pkg/d"},
		"one below elsewhere": {in: good + "ok  \tother/b\t0.1s\tcoverage: 12.5% of statements\n"},
		"nothing to see":      {in: "", want: "no package"},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(strings.NewReader(tc.in), io.Discard, regexp.MustCompile("^underlay/"), 80)
			if (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

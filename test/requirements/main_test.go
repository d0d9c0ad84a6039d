package main

import (
	"context"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	all := []requirement{
		{"here", "what is here", func(context.Context) []string { return nil }},
		{"missing", "what is missing", func(context.Context) []string { return []string{"root"} }},
	}
	for name, test := range map[string]struct {
		without, ci string
		want, says  string
		fails       bool
	}{
		"said":               {want: "missing", says: "Left out: what is missing: missing: root."},
		"meant":              {without: "missing", ci: "true", want: "missing", says: "Left out: what is missing: UNDERLAY_WITHOUT says so."},
		"chance under CI":    {ci: "true", says: "Left out: what is missing", fails: true},
		"more than is asked": {without: "here", want: "here,missing", says: "Left out: what is here: UNDERLAY_WITHOUT says so."},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{without: test.without, continuous: test.ci}
			var out, messages strings.Builder
			err := run(t.Context(), all, func(name string) string { return env[name] }, &out, &messages)
			if (err != nil) != test.fails {
				t.Errorf("error %v", err)
			}
			if got := strings.TrimSpace(out.String()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if !strings.Contains(messages.String(), test.says) {
				t.Errorf("said %q, want %q in it", messages.String(), test.says)
			}
		})
	}
}

func TestProgram(t *testing.T) {
	if got := program("coreutils", "no-such-program", "ls")(t.Context()); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
	if got := program("nothing", "no-such-program")(t.Context()); len(got) != 1 {
		t.Errorf("got %v, want one thing that is missing", got)
	}
}

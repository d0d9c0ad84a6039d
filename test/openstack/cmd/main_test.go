//go:build linux

package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string // in what is printed or in the error
	}{
		"nothing":         {nil, "say up, fetch or down"},
		"sideways":        {[]string{"sideways"}, "say up, fetch or down"},
		"both":            {[]string{"up", "down"}, "say up, fetch or down"},
		"no number":       {[]string{"-port", "nova", "up"}, "invalid value"},
		"no such port":    {[]string{"-port", "nowa=1", "up"}, "keystone"},
		"no such flag":    {[]string{"-colour", "up"}, "-port-offset"},
		"no such service": {[]string{"-with", "octopus", "up"}, "octavia"},
		"help":            {[]string{"-h"}, "the packages stay"},
		"port too large":  {[]string{"-port", "nova=70000", "up"}, "invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, messages strings.Builder
			err := run(t.Context(), append([]string{"-dir", t.TempDir()}, test.args...), &out, &messages)
			if err == nil {
				t.Fatal("no error")
			}
			if got, want := errors.Is(err, flag.ErrHelp), name == "help"; got != want {
				t.Errorf("%v is help: got %t, want %t", err, got, want)
			}
			if said := messages.String() + err.Error(); !strings.Contains(said, test.want) {
				t.Errorf("got %q, want %q in it", said, test.want)
			}
			if out.Len() > 0 {
				t.Errorf("something was done: %s", out.String())
			}
		})
	}
}

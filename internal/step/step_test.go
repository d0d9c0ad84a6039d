package step_test

import (
	"errors"
	"strings"
	"testing"

	"underlay/internal/step"
)

type line string

func (l line) String() string { return string(l) }

func TestRender(t *testing.T) {
	for name, tc := range map[string]struct {
		steps []step.Step
		want  string
	}{
		"empty": {want: "nothing to do\n"},
		"two":   {steps: []step.Step{line("remove a route"), line("add a route")}, want: " 1. remove a route\n 2. add a route\n"},
	} {
		var out strings.Builder
		if err := step.Render(&out, tc.steps); err != nil || out.String() != tc.want {
			t.Errorf("%s: got %q, %v, want %q", name, out.String(), err, tc.want)
		}
	}
}

// full is a writer that has no room left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestRenderSaysThatItCouldNotWrite(t *testing.T) {
	for _, steps := range [][]step.Step{nil, {line("x")}} {
		if err := step.Render(full{}, steps); err == nil {
			t.Errorf("%d steps: want an error", len(steps))
		}
	}
}

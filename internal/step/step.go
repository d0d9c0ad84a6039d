// Package step holds the unit of work of every feature: one change to the
// cloud, as a value with a name that a person understands. A plan is a sorted
// list of steps; a dry run renders it, apply carries it out.
package step

import (
	"fmt"
	"io"
)

// Step is one change to the cloud: at most one API write. Steps are plain
// values: comparable by their content, free of clients, clocks and contexts.
type Step interface {
	// String says the step in one line, verb first: "add 3 routes to router r1".
	String() string
}

// Render writes a plan as text, one numbered line a step, or the one line
// "nothing to do" for an empty plan.
func Render(w io.Writer, steps []Step) error {
	if len(steps) == 0 {
		_, err := fmt.Fprintln(w, "nothing to do")
		return err
	}
	for i, s := range steps {
		if _, err := fmt.Fprintf(w, "%2d. %s\n", i+1, s); err != nil {
			return err
		}
	}
	return nil
}

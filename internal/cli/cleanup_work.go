package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/fatih/color"
)

// state is how far a chore is.
type state string

const (
	planned state = "planned"
	done    state = "done"
	failed  state = "failed"
	skipped state = "skipped" // one before it in its chain failed
)

// chore is one numbered step of the work.
type chore struct {
	number  int
	text    string
	details []string
	do      func(ctx context.Context) error

	state state
	err   error
}

// chain is chores of which each needs the one before.
type chain []*chore

// keptThing is something that stays, and why.
type keptThing struct{ What, Why string }

// cleaning is all the work. The chains of a phase are independent, and wait for
// those of the phase before, whatever became of them.
type cleaning struct {
	phases [][]chain
	kept   []keptThing
}

func (w *cleaning) all() []*chore {
	var all []*chore
	for _, phase := range w.phases {
		for _, c := range phase {
			all = append(all, c...)
		}
	}
	return all
}

// parallelChains bounds how many chains run at the same time: Octavia takes its
// time for each load balancer.
const parallelChains = 8

// run does the work and reports each chore as it ends, one at a time.
func (w *cleaning) run(ctx context.Context, report func(*chore)) {
	var reporting sync.Mutex
	for _, phase := range w.phases {
		var running sync.WaitGroup
		slots := make(chan struct{}, parallelChains)
		for _, c := range phase {
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				c.run(ctx, func(one *chore) {
					reporting.Lock()
					defer reporting.Unlock()
					report(one)
				})
			})
		}
		running.Wait()
	}
}

func (c chain) run(ctx context.Context, report func(*chore)) {
	broken := false
	for _, one := range c {
		if broken {
			one.state = skipped
		} else if one.err = one.do(ctx); one.err != nil {
			one.state, broken = failed, true
		} else {
			one.state = done
		}
		report(one)
	}
}

// count counts the chores in a state.
func (w *cleaning) count(s state) int {
	n := 0
	for _, c := range w.all() {
		if c.state == s {
			n++
		}
	}
	return n
}

// verdict is the exit code.
func (w *cleaning) verdict() error {
	switch {
	case len(w.all()) == w.count(done):
		return nil
	case w.count(failed) > 0:
		return &ExitError{Code: 1}
	default:
		return &ExitError{Code: exitLeft}
	}
}

func (w *cleaning) summary() string {
	text := fmt.Sprintf("%s done", plural(w.count(done), "step"))
	if n := w.count(failed); n > 0 {
		text += fmt.Sprintf(", %d failed, %d left because of that. Run it again when the cause is mended", n, w.count(skipped))
	}
	return text + "."
}

// list shows the work before it is done.
func (w *cleaning) list(out io.Writer, p *page) {
	all := w.all()
	if len(all) == 0 {
		line(out, "Nothing is left.")
	}
	for _, c := range all {
		line(out, "%s", p.hang(fmt.Sprintf("%3d. ", c.number), c.text))
		for _, detail := range c.details {
			line(out, "       %s", p.paint(detail, color.Faint))
		}
	}
	if len(w.kept) > 0 {
		line(out, "\n%s", p.paint("Left alone", color.Bold))
	}
	for _, kept := range w.kept {
		line(out, "%s", p.hang("     ", kept.What+": "+kept.Why))
	}
}

// outcome is the line that says how a chore ended.
func (c *chore) outcome(p *page) string {
	number := fmt.Sprintf("%3d. ", c.number)
	switch c.state {
	case failed:
		reason := p.hang("       ", strings.TrimPrefix(c.err.Error(), c.text+": "))
		return p.paint("✗", color.FgRed) + p.hang(number, c.text) + "\n" + p.paint(reason, color.FgRed)
	case skipped:
		return p.paint("-", color.FgYellow) + p.hang(number, c.text+": left, since a step before it failed")
	default:
		return p.paint("✓", color.FgGreen) + p.hang(number, c.text)
	}
}

// writeJSON writes the work for programs; its keys are stable.
func (w *cleaning) writeJSON(out io.Writer) error {
	type entry struct {
		Number  int      `json:"number"`
		Step    string   `json:"step"`
		Details []string `json:"details,omitempty"`
		State   state    `json:"state"`
		Error   string   `json:"error,omitempty"`
	}
	type kept struct {
		What string `json:"what"`
		Why  string `json:"why"`
	}
	entries, left := []entry{}, []kept{}
	for _, c := range w.all() {
		e := entry{Number: c.number, Step: c.text, Details: c.details, State: c.state}
		if e.State == "" {
			e.State = planned
		}
		if c.err != nil {
			e.Error = c.err.Error()
		}
		entries = append(entries, e)
	}
	for _, k := range w.kept {
		left = append(left, kept(k))
	}
	return writeIndented(out, struct {
		Steps []entry `json:"steps"`
		Kept  []kept  `json:"kept"`
	}{entries, left})
}

// writeIndented writes JSON as a person can read it, too.
func writeIndented(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"underlay/test/dataplane/flannel"
)

// result is all that a run found out.
type result struct {
	Machine string  `json:"machine"`
	Flannel string  `json:"flannel"`
	Rounds  []round `json:"rounds"`
}

// round is one visit to one plane.
type round struct {
	Plane  string             `json:"plane"`
	Values map[string]float64 `json:"values"`
}

// rounds visits the planes in turns, so that what changes with time meets both.
func (c *cluster) rounds(ctx context.Context, s settings) (result, error) {
	r := result{Machine: describeMachine(), Flannel: flannel.Version}
	for n := range s.rounds {
		for _, p := range planes {
			say := func(what string) { c.say(fmt.Sprintf("round %d of %d, %s: %s", n+1, s.rounds, p.name, what)) }
			say("setting up")
			if err := p.install(ctx, c); err != nil {
				return r, fmt.Errorf("install %s: %w", p.name, err)
			}
			values, err := c.measure(ctx, p, s.seconds, say)
			if err != nil {
				return r, err
			}
			r.Rounds = append(r.Rounds, round{Plane: p.name, Values: values})
			if err := p.remove(ctx, c); err != nil {
				return r, fmt.Errorf("remove %s: %w", p.name, err)
			}
		}
	}
	return r, nil
}

// describeMachine says what the figures depend on.
func describeMachine() string {
	var name unix.Utsname
	kernel := "unknown"
	if unix.Uname(&name) == nil {
		kernel = unix.ByteSliceToString(name.Release[:])
	}
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, found := strings.Cut(string(info), "model name\t: "); found {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	return fmt.Sprintf("%d x %s, Linux %s", runtime.NumCPU(), model, kernel)
}

// spread is the least, the middle and the greatest of some values.
type spread struct{ least, middle, most float64 }

func (r result) spread(plane string, m metric) spread {
	var values []float64
	for _, round := range r.Rounds {
		if round.Plane == plane {
			values = append(values, round.Values[m.name])
		}
	}
	if len(values) == 0 {
		return spread{}
	}
	slices.Sort(values)
	half := len(values) / 2
	middle := values[half]
	if len(values)%2 == 0 {
		middle = (values[half-1] + values[half]) / 2
	}
	return spread{values[0], middle, values[len(values)-1]}
}

// table is the result for people, at most 100 columns wide.
func (r result) table() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-42s  %27s  %27s\n", "", "routes", "flannel "+r.Flannel+", vxlan")
	fmt.Fprintf(&text, "%-42s  %s  %s\n", "", "      min   median      max", "      min   median      max")
	for _, m := range metrics {
		fmt.Fprintf(&text, "%s%s", m.row, strings.Repeat(" ", 42-len([]rune(m.row))))
		for _, p := range planes {
			s := r.spread(p.name, m)
			fmt.Fprintf(&text, "  %9s%9s%9s", figure(s.least), figure(s.middle), figure(s.most))
		}
		text.WriteString("\n")
	}
	fmt.Fprintf(&text, "%d rounds of each, in turns; %s\n", len(r.Rounds)/len(planes), r.Machine)
	return text.String()
}

// figure has three digits that count.
func figure(value float64) string {
	if value == 0 {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(value)))))
	return strconv.FormatFloat(value, 'f', digits, 64)
}

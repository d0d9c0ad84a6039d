package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"underlay/pkg/simulator"
	"underlay/test/process"
)

// phase is what a part of the life of the cluster cost the controller manager.
type phase struct {
	Name string `json:"name"`
	// Seconds is the time until the last call that changed something, or, where
	// nothing was changed, until the last call.
	Seconds float64 `json:"seconds"`
	// CPU is the processor time of the process, in seconds; Memory and Peak are
	// its resident memory in MiB, at the end and at most since its start.
	CPU    float64 `json:"cpu_seconds"`
	Memory float64 `json:"memory_mib"`
	Peak   float64 `json:"peak_mib"`
	counts
}

// counts are calls to the cloud.
type counts struct {
	// Reads and Writes are for load balancers and what belongs to them, Polls
	// those of the one waiter, Other for nodes, routes and tokens.
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
	Polls  int `json:"polls"`
	Other  int `json:"other"`
}

// measure lives through a phase.
func (w *world) measure(ctx context.Context, name string, run func(context.Context) error) (phase, error) {
	w.say(name)
	w.Cloud.ResetCalls()
	before, err := process.Usage(w.ccm.PID())
	if err != nil {
		return phase{}, err
	}
	pid, began := w.ccm.PID(), time.Now()
	if err := run(ctx); err != nil {
		return phase{}, err
	}
	after, err := process.Usage(w.ccm.PID())
	if err != nil {
		return phase{}, err
	}
	if w.ccm.PID() != pid {
		before = process.Use{}
	}
	calls := w.Cloud.Calls()
	done := phase{
		Name: name, Seconds: ended(calls, began).Seconds(),
		CPU: after.CPU - before.CPU, Memory: after.Memory, Peak: after.Peak, counts: count(calls),
	}
	w.say(fmt.Sprintf("%.0f s, CPU %.1f s, %.0f MiB, %+v", done.Seconds, done.CPU, done.Memory, done.counts))
	return done, w.profile(ctx, name)
}

// profile keeps the memory's profile, if profiles are asked for.
func (w *world) profile(ctx context.Context, name string) error {
	if w.settings.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(w.settings.profiles, 0o755); err != nil {
		return err
	}
	return w.page(ctx, "/debug/pprof/heap", strings.ReplaceAll(name, " ", "-")+".heap")
}

// ended is when the last change was asked for, or else the last call.
func ended(calls []simulator.Call, began time.Time) time.Duration {
	var last, change time.Duration
	for _, call := range calls {
		last = max(last, call.At.Sub(began))
		if call.Method != http.MethodGet && call.Service != "identity" {
			change = max(change, call.At.Sub(began))
		}
	}
	if change > 0 {
		return change
	}
	return last
}

// count tells the calls for load balancers from others.
func count(calls []simulator.Call) counts {
	var c counts
	for _, call := range calls {
		octavia := call.Service == "load-balancer"
		switch {
		case octavia && strings.Contains(call.Path, "/loadbalancers") && call.Query.Has("fields"):
			c.Polls++
		case !octavia && !strings.Contains(call.Path, "/floatingips") && !strings.Contains(call.Path, "/security-group"):
			c.Other++
		case call.Method == http.MethodGet:
			c.Reads++
		default:
			c.Writes++
		}
	}
	return c
}

// table is the phases as text for people.
func table(phases []phase) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %8s %7s %8s %8s %7s %7s %6s %6s\n", "", "seconds", "CPU, s", "MiB", "peak MiB", "reads", "writes", "polls", "other")
	for _, p := range phases {
		fmt.Fprintf(&b, "%-26s %8.0f %7.1f %8.0f %8.0f %7d %7d %6d %6d\n", p.Name, p.Seconds, p.CPU, p.Memory, p.Peak, p.Reads, p.Writes, p.Polls, p.Other)
	}
	return b.String()
}

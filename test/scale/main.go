// Command scale measures what a large cluster costs: the product's own binary
// between a real Kubernetes and a simulated OpenStack over HTTP, with many
// Services of type LoadBalancer on many nodes. `make bench-scale`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	services, nodes, ports int
	rest, create           time.Duration
	profiles               string
	json                   bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	flag.IntVar(&s.services, "services", 500, "How many Services of type LoadBalancer.")
	flag.IntVar(&s.nodes, "nodes", 50, "How many nodes.")
	flag.IntVar(&s.ports, "ports", 2, "How many ports a Service has.")
	flag.DurationVar(&s.rest, "rest", 10*time.Minute, "How long nothing happens.")
	flag.DurationVar(&s.create, "create", 30*time.Second, "How long the cloud takes for a new load balancer.")
	flag.StringVar(&s.profiles, "profiles", "", "A folder for a profile of the memory after each phase and of the CPU in each.")
	flag.BoolVar(&s.json, "json", false, "Write the figures as JSON instead of a table.")
	flag.Parse()
	if s.services < 1 || s.nodes < 2 || s.nodes > 200 || s.ports < 1 || s.services*s.ports > 2500 || flag.NArg() > 0 {
		return errors.New("there must be a Service, two nodes and a port or more, at most 200 nodes and 2500 ports in all, and no arguments")
	}
	dir, err := os.MkdirTemp("", "underlay-scale-")
	if err != nil {
		return err
	}
	phases, err := bench(ctx, s, dir)
	if err != nil {
		return fmt.Errorf("%w (logs are in %s)", err, filepath.Join(dir, "log"))
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if s.json {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(phases)
	}
	_, err = os.Stdout.WriteString(table(phases))
	return err
}

// bench lives through all phases.
func bench(ctx context.Context, s settings, dir string) (phases []phase, err error) {
	w, err := open(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close(ctx)) }()
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{fmt.Sprintf("%d Services are made", s.services), w.serveAll},
		{fmt.Sprintf("%s at rest", s.rest), w.rest},
		{"a node joins", w.join},
		{"a node leaves", w.leave},
		{"the process restarts", w.restart},
	} {
		done, err := w.measure(ctx, part.name, part.run)
		if err != nil {
			return phases, fmt.Errorf("%s: %w", part.name, err)
		}
		phases = append(phases, done)
	}
	return phases, nil
}

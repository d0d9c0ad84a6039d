// Command volumecost measures what the CSI driver costs: its own binary with the
// flags of manifests/csi, over HTTP against a simulated OpenStack. `make bench-volumes`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	driver, manifests, profiles, into string
	volumes, attaches                 int
	rest                              time.Duration
	json, markdown, times             bool
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
	flag.StringVar(&s.driver, "driver", "bin/cinder-csi-plugin", "The driver's binary, as it is shipped.")
	flag.StringVar(&s.manifests, "manifests", "manifests/csi", "The folder whose manifests have its flags.")
	flag.IntVar(&s.volumes, "volumes", 1000, "How many volumes are listed.")
	flag.IntVar(&s.attaches, "attaches", 50, "How many volumes are attached at once.")
	flag.DurationVar(&s.rest, "rest", 5*time.Minute, "How long nothing happens but probes and the list of the attacher.")
	flag.StringVar(&s.profiles, "profiles", "", "A folder for the logs of the driver, which are removed otherwise.")
	flag.StringVar(&s.into, "into", "", "Write the tables as Markdown into this page, between its two marks.")
	flag.BoolVar(&s.json, "json", false, "Write the figures as JSON.")
	flag.BoolVar(&s.markdown, "markdown", false, "Write the tables as Markdown.")
	flag.BoolVar(&s.times, "times", true, "Say how long things took. A machine that does something else meanwhile cannot.")
	flag.Parse()
	if s.volumes < 1 || s.attaches < 1 || s.attaches > 200 || s.rest < time.Second || flag.NArg() > 0 {
		return errors.New("there must be a volume, 1 to 200 attaches and a second of rest or more, and no arguments")
	}
	dir, err := os.MkdirTemp("", "underlay-volumecost-")
	if err != nil {
		return err
	}
	found, err := bench(ctx, s, dir)
	if err != nil {
		return fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if !s.times {
		found.forgetTimes()
	}
	return tell(s, found)
}

// tell writes the figures in the form that is asked for.
func tell(s settings, found figures) error {
	switch {
	case s.into != "":
		return writeInto(s.into, found.markdown())
	case s.json:
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(found)
	case s.markdown:
		_, err := os.Stdout.WriteString(found.markdown())
		return err
	default:
		_, err := os.Stdout.WriteString(found.text())
		return err
	}
}

// bench measures all of it.
func bench(ctx context.Context, s settings, dir string) (figures, error) {
	info, err := os.Stat(s.driver)
	if err != nil {
		return figures{}, fmt.Errorf("find the driver (`make build` makes it): %w", err)
	}
	found := figures{Binary: float64(info.Size()) / (1 << 20), Volumes: s.volumes, Attaches: s.attaches}
	if found.Memory, err = memories(ctx, s, dir); err != nil {
		return found, fmt.Errorf("measure memory: %w", err)
	}
	for _, p := range paces {
		if err := operations(ctx, s, dir, p, &found); err != nil {
			return found, fmt.Errorf("measure operations on a cloud that is %s: %w", p.name, err)
		}
	}
	return found, nil
}

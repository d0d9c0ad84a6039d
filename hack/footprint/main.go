//go:build linux

// Command footprint shows that a run leaves nothing on the machine: it writes
// down what is there before, and says afterwards what is there more, less or
// otherwise.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `Usage: footprint save FILE      write down what is on this machine
       footprint compare FILE   say what is there more, less or otherwise, and fail if anything is`

// patience is how long what has been ended may take to be gone.
const patience = time.Minute

// most is how many differences are told.
const most = 60

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("two arguments are needed\n" + usage)
	}
	switch verb, file := args[0], args[1]; verb {
	case "save":
		seen, err := look(ctx)
		if err != nil {
			return err
		}
		content, err := json.MarshalIndent(seen, "", " ")
		if err != nil {
			return fmt.Errorf("encode the footprint: %w", err)
		}
		return os.WriteFile(file, content, 0o600)
	case "compare":
		var before footprint
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read the footprint: %w", err)
		}
		if err := json.Unmarshal(content, &before); err != nil {
			return fmt.Errorf("decode the footprint: %w", err)
		}
		return compare(ctx, before, out)
	}
	return errors.New("it is save or compare\n" + usage)
}

// compare looks until there is no difference, or patience ends.
func compare(ctx context.Context, before footprint, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		after, err := look(ctx)
		if err != nil {
			return err
		}
		differences := before.differences(after)
		if len(differences) == 0 {
			_, err := fmt.Fprintf(out, "As before: %s.\n", strings.Join(after.summary(), ", "))
			return err
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			if more := len(differences) - most; more > 0 {
				differences = append(differences[:most], fmt.Sprintf("and %d more", more))
			}
			return fmt.Errorf("this is not as it was before:\n  %s", strings.Join(differences, "\n  "))
		}
	}
}

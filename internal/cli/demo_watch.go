package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"underlay/internal/playground"
)

// watch shows what happens, and does what the user types, until the context
// ends or the controller manager does.
func (d *demo) watch(ctx context.Context) error {
	typed := lines(ctx, d.in)
	began := time.Now()
	last, err := d.world.Observe(ctx)
	for err == nil {
		now, problem := d.world.Observe(ctx)
		if problem == nil { // else the API server is busy for a moment
			d.screen.events(time.Since(began), changes(last, now))
			if !sameRoutes(last, now) {
				d.screen.routeTable(tableOf(last, now))
				d.screen.line("")
			}
			last = now
			_ = d.tellService(ctx, began) // else it is told the next time
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.controller.Done():
			return fmt.Errorf("the cloud controller manager has ended by itself: %w", d.controller.Err())
		case line, more := <-typed:
			if !more { // the input has ended; the demo goes on
				typed = nil
				continue
			}
			err = d.obey(ctx, line, last)
		case <-time.After(300 * time.Millisecond):
		}
	}
	return err
}

// obey does what a typed line says.
func (d *demo) obey(ctx context.Context, line string, now playground.Observation) error {
	switch strings.TrimSpace(line) {
	case "+":
		d.joined++
		_, err := d.world.Join(ctx, nodeName(d.joined))
		return err
	case "-":
		for i := len(now.Nodes) - 1; i >= 0; i-- {
			if now.Nodes[i].Booted {
				return d.world.Leave(ctx, now.Nodes[i].Name)
			}
		}
		d.screen.note("no node is left")
	case "":
	default:
		d.screen.note("type + or - and Enter")
	}
	return nil
}

// lines reads lines until the input or the context ends.
func lines(ctx context.Context, in io.Reader) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			select {
			case out <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

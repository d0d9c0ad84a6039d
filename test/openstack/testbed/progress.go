//go:build linux

package testbed

import (
	"fmt"
	"io"
	"time"
)

// progress writes a line when a step begins, and one every ten seconds while it lasts.
type progress struct {
	w     io.Writer
	begun time.Time
	// detail, if it is set, says how far the step is.
	detail func() string
}

func newProgress(w io.Writer) *progress { return &progress{w: w, begun: time.Now()} }

func (p *progress) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.w, "%4ds  %s\n", int(time.Since(p.begun).Seconds()), fmt.Sprintf(format, args...))
}

func (p *progress) step(name string, run func() error) error {
	p.say("%s", name)
	p.detail = nil
	done := make(chan error, 1)
	go func() { done <- run() }()
	ticker := time.NewTicker(10 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			detail := ""
			if p.detail != nil {
				detail = ": " + p.detail()
			}
			p.say("%s%s", name, detail)
		}
	}
}

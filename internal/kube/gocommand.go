package kube

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// goCommand runs the go command in a module's folder and turns what it prints
// into Progress.
type goCommand struct {
	dir      string
	packages map[string]bool // compiled so far; grows
	tell     func(Progress)
}

// list downloads the modules and counts the packages of pkg that are still to
// be compiled at most.
func (g *goCommand) list(ctx context.Context, pkg string) (int, error) {
	var out bytes.Buffer
	downloads := 0
	onLine := func(line string) {
		if strings.HasPrefix(line, "go: downloading ") {
			downloads++
		}
	}
	look := func() Progress { return Progress{Phase: Downloading, Done: downloads} }
	if err := g.run(ctx, &out, onLine, look, "list", "-deps", pkg); err != nil {
		return 0, err
	}
	total := 0
	for name := range strings.FieldsSeq(out.String()) {
		if !g.packages[name] {
			total++
		}
	}
	return total, nil
}

// build compiles and links pkg into the file out. `go build -v` prints each
// package when its compilation starts, and a package from the build cache not at all.
func (g *goCommand) build(ctx context.Context, pkg, ldflags, out string, total int) error {
	done := 0
	phase := Compiling
	onLine := func(line string) {
		if strings.HasPrefix(line, "#") || strings.Contains(line, " ") {
			return
		}
		done++
		g.packages[line] = true
		if line == pkg { // the main package is the last one
			phase = Linking
		}
	}
	look := func() Progress { return Progress{Phase: phase, Done: done, Total: total} }
	return g.run(ctx, io.Discard, onLine, look, "build", "-v", "-trimpath", "-ldflags", ldflags, "-o", out, pkg)
}

// run executes one go command. onLine sees each line of its standard error;
// look is asked for the state once a second. Both run on the caller's goroutine.
func (g *goCommand) run(ctx context.Context, stdout io.Writer, onLine func(string), look func() Progress, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off", "GOOS=", "GOARCH=")
	cmd.Stdout = stdout
	ownGroup(cmd)
	cmd.Cancel = func() error { return endGroup(cmd) }
	cmd.WaitDelay = 5 * time.Second
	reader, writer := io.Pipe()
	cmd.Stderr = writer
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = writer.Close()
		ended <- err
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			lines <- scanner.Text()
		}
		_, _ = io.Copy(io.Discard, reader) // a line too long for the scanner must not block the command
	}()
	last := g.watch(lines, onLine, look)
	if err := <-ended; err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.Join(fmt.Errorf("go %s: %w", args[0], err), errors.New(strings.Join(last, "\n")))
	}
	return nil
}

// watch reads lines until they end and returns the last ones that are not
// progress: they say why a command failed.
func (g *goCommand) watch(lines <-chan string, onLine func(string), look func() Progress) (last []string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		g.tell(look())
		select {
		case line, more := <-lines:
			if !more {
				return last
			}
			onLine(line)
			if strings.Contains(line, " ") && !strings.HasPrefix(line, "go: downloading ") {
				last = append(last, line)
			}
			if len(last) > 20 {
				last = last[1:]
			}
		case <-tick.C:
		}
	}
}

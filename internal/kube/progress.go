package kube

import (
	"fmt"
	"io"
	"time"
)

// Phase is what Build is doing.
type Phase string

// The phases of one program, in order; Found and Built are the ends.
const (
	Waiting     Phase = "waiting for another build"
	Downloading Phase = "downloading modules"
	Compiling   Phase = "compiling"
	Linking     Phase = "linking"
	Found       Phase = "found"
	Built       Phase = "built"
)

// Progress is one look at a running Build. While a program is being made there
// is one at least every second.
type Progress struct {
	Phase   Phase
	Program string
	// Path is the binary, in Found and Built.
	Path string
	// Done counts modules while downloading and packages while compiling.
	Done int
	// Total is the number of packages that the program consists of and that
	// this Build has not compiled yet; 0 = not known. Packages that are in Go's
	// build cache are never counted as done, so Done may end below Total.
	Total int
	// Elapsed is the time since Build began.
	Elapsed time.Duration
}

// Describe says in one line what is going on.
func (p Progress) Describe() string {
	switch p.Phase {
	case Downloading:
		return fmt.Sprintf("%s: downloading modules, %d so far", p.Program, p.Done)
	case Compiling:
		if p.Total == 0 {
			return fmt.Sprintf("%s: compiling, %d packages so far", p.Program, p.Done)
		}
		return fmt.Sprintf("%s: compiling, %d of %d packages", p.Program, p.Done, p.Total)
	case Found, Built:
		return fmt.Sprintf("%s: %s, %s", p.Program, p.Phase, p.Path)
	default:
		return fmt.Sprintf("%s: %s", p.Program, p.Phase)
	}
}

// BuildHint prepares the user for the one long build.
const BuildHint = "building Kubernetes " + KubernetesVersion + " and etcd " + EtcdVersion +
	" from source: 5 to 15 minutes on 2 cores, this once"

// LogProgress writes progress as plain lines: every change of phase, and every
// tenth second in between. For logs and test output; a terminal deserves better.
func LogProgress(w io.Writer) func(Progress) {
	var last Progress
	hinted := false
	return func(p Progress) {
		if p.Phase == Found {
			return
		}
		if !hinted && p.Phase != Waiting {
			_, _ = fmt.Fprintln(w, BuildHint)
			hinted = true
		}
		same := p.Phase == last.Phase && p.Program == last.Program
		if same && p.Elapsed-last.Elapsed < 10*time.Second {
			return
		}
		last = p
		_, _ = fmt.Fprintf(w, "%4ds  %s\n", int(p.Elapsed.Seconds()), p.Describe())
	}
}

// Command bench measures pod networking by routes against the same pods on
// flannel's VXLAN, on the same real nodes in one run: `make bench-dataplane`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"underlay/internal/kube"
	"underlay/test/dataplane/flannel"
	"underlay/test/nodes/lab"
	"underlay/test/nodes/reexec"
)

// settings are the flags.
type settings struct {
	root            string
	rounds, seconds int
	json            bool
}

func main() {
	reexec.Dispatch(lab.Tasks())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		os.Exit(1) // the enclosed process has said why
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	flag.StringVar(&s.root, "root", ".", "The top of the source tree.")
	flag.IntVar(&s.rounds, "rounds", 5, "How often each of the two is measured, in turns.")
	flag.IntVar(&s.seconds, "seconds", 5, "How long one throughput is measured.")
	flag.BoolVar(&s.json, "json", false, "Write all figures as JSON instead of a table.")
	flag.Parse()
	if s.rounds < 1 || s.seconds < 1 || flag.NArg() > 0 {
		return errors.New("rounds and seconds must be 1 or more, and there are no arguments")
	}
	if message, inside := lab.Inside(); inside {
		return bench(ctx, s, message)
	}
	return enclose(ctx, s)
}

// enclose builds what needs the network and starts this program again where it
// reaches none.
func enclose(ctx context.Context, s settings) (err error) {
	lacks := append(lab.Lacks(ctx), flannel.Lacks()...)
	if _, err := exec.LookPath("iperf3"); err != nil {
		lacks = append(lacks, "the program iperf3 (on Debian and Ubuntu: apt-get install iperf3)")
	}
	if len(lacks) > 0 {
		return errors.New("this computer lacks " + strings.Join(lacks, "; "))
	}
	enclosure, err := lab.OpenEnclosure(fmt.Sprintf("-bench-%d", os.Getpid()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, enclosure.Close()) }()
	options, err := lab.Build(ctx, enclosure.Dir, s.root, kube.LogProgress(os.Stderr))
	if err != nil {
		return err
	}
	if err := flannel.BuildImage(ctx, enclosure.Dir, func(what string) { fmt.Fprintln(os.Stderr, what) }); err != nil {
		return err
	}
	message, err := json.Marshal(options)
	if err != nil {
		return err
	}
	return enclosure.Run(ctx, string(message), os.Args[1:], nil)
}

// bench is the enclosed process: nodes, then rounds, then the result.
func bench(ctx context.Context, s settings, message string) (err error) {
	var options lab.Options
	if err := json.Unmarshal([]byte(message), &options); err != nil {
		return err
	}
	options.Name = "lab"
	if err := lab.SettleIn(ctx, options); err != nil {
		return err
	}
	began := time.Now()
	say := func(what string) { fmt.Fprintf(os.Stderr, "%4ds  %s\n", int(time.Since(began).Seconds()), what) }
	say("starting a control plane, a simulated OpenStack and two nodes")
	l, err := lab.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	c := &cluster{Lab: l, say: say, flannelImage: flannel.Archive(options.Dir)}
	if err := c.populate(ctx); err != nil {
		return err
	}
	r, err := c.rounds(ctx, s)
	if err != nil {
		return err
	}
	if s.json {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	_, err = os.Stdout.WriteString(r.table())
	return err
}

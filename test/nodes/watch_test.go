package nodes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"underlay/internal/kube"
)

// watchLimit is how many datagrams in a row a pod may lose of another one, at 20 a
// second.
const watchLimit = 5

// watch is a program in each pod that asks all other pods all the time
// (test/nodes/probe).
type watch struct {
	w        *world
	watchers map[string]*watcher // by pod
	pods     []pod
}

type watcher struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output bytes.Buffer
}

// seen is what a watcher prints of one peer; see the probe.
type seen struct {
	Sent, Lost, LongestRun, Connects, Refused, Exchanges int
	Broken                                               string
	RunBegan                                             time.Time
}

// startWatch starts a watcher in each pod.
func (w *world) startWatch(pods []pod) *watch {
	w.t.Helper()
	started := &watch{w: w, watchers: map[string]*watcher{}}
	started.follow(pods)
	return started
}

// follow makes every pod ask these and no others. Pods that are new begin to ask.
func (wa *watch) follow(pods []pod) {
	wa.w.t.Helper()
	wa.pods = pods
	for _, from := range pods {
		if wa.watchers[from.Name] == nil {
			wa.watchers[from.Name] = wa.start(from)
		}
		var peers []string
		for _, to := range pods {
			if to != from {
				peers = append(peers, to.IP)
			}
		}
		if _, err := fmt.Fprintln(wa.watchers[from.Name].input, strings.Join(peers, " ")); err != nil {
			wa.w.t.Fatalf("the watcher in %s has ended: %v: %s", from.Name, err, wa.watchers[from.Name].output.String())
		}
	}
}

func (wa *watch) start(in pod) *watcher {
	wa.w.t.Helper()
	made := &watcher{cmd: exec.CommandContext(wa.w.t.Context(), built.Binaries[kube.Kubectl],
		"--kubeconfig", wa.w.Cluster.Kubeconfig(), "exec", "-i", in.Name, "--", "/probe", "watch")}
	var err error
	if made.input, err = made.cmd.StdinPipe(); err != nil {
		wa.w.t.Fatal(err)
	}
	made.cmd.Stdout, made.cmd.Stderr = &made.output, &made.output
	if err := made.cmd.Start(); err != nil {
		wa.w.t.Fatal(err)
	}
	return made
}

// end stops all watchers and judges what they saw.
func (wa *watch) end() {
	wa.w.t.Helper()
	sum := seen{}
	for _, from := range wa.pods {
		watcher := wa.watchers[from.Name]
		_ = watcher.input.Close()
		if err := watcher.cmd.Wait(); err != nil {
			wa.w.t.Fatalf("the watcher in %s: %v: %s", from.Name, err, watcher.output.String())
		}
		text := strings.TrimSpace(watcher.output.String())
		peers := map[string]seen{}
		if err := json.Unmarshal([]byte(text[strings.LastIndex(text, "\n")+1:]), &peers); err != nil {
			wa.w.t.Fatalf("the watcher in %s said %q: %v", from.Name, text, err)
		}
		for _, to := range wa.pods {
			if to == from {
				continue
			}
			got := peers[to.IP]
			wa.judge(from, to, got)
			sum.Sent, sum.Lost, sum.LongestRun = sum.Sent+got.Sent, sum.Lost+got.Lost, max(sum.LongestRun, got.LongestRun)
			sum.Connects, sum.Refused, sum.Exchanges = sum.Connects+got.Connects, sum.Refused+got.Refused, sum.Exchanges+got.Exchanges
		}
	}
	wa.w.log(fmt.Sprintf("of %d datagrams %d were lost, at most %d in a row; of %d new connections %d failed; %d exchanges on those that stayed open",
		sum.Sent, sum.Lost, sum.LongestRun, sum.Connects, sum.Refused, sum.Exchanges))
}

func (wa *watch) judge(from, to pod, got seen) {
	wa.w.t.Helper()
	if got.Sent == 0 || got.Connects == 0 || got.Exchanges == 0 {
		wa.w.t.Errorf("%s did not watch %s: %+v", from.Name, to.Name, got)
	}
	if got.LongestRun > watchLimit || got.Refused > 0 || got.Broken != "" {
		wa.w.t.Errorf("%s on %s lost %s on %s for a time, from %.1f s on: %+v", from.Name, from.Node, to.Name, to.Node, got.RunBegan.Sub(wa.w.began).Seconds(), got)
	}
}

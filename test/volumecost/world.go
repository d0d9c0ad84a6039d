package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"underlay/pkg/simulator"
)

// pace is how long the cloud takes.
type pace struct {
	name  string
	calls simulator.LatencyProfile
	work  simulator.VolumePace
}

// paces are a cloud that takes no time, which shows what the driver takes itself,
// and a middling one: calls as those of `underlay simulate --latency real`, work as
// that of a storage that makes volumes without copying.
var paces = []pace{
	{name: "immediate"},
	{
		name:  "middling",
		calls: simulator.LatencyProfile{Read: 80 * time.Millisecond, Write: 350 * time.Millisecond, Workers: 16},
		work: simulator.VolumePace{
			Create: 2 * time.Second, Delete: 2 * time.Second, Extend: time.Second, Retype: 2 * time.Second,
			Attach: 4 * time.Second, Detach: 4 * time.Second, Forget: 500 * time.Millisecond,
			Snapshot: 2 * time.Second, Backup: 10 * time.Second, Group: time.Second,
		},
	},
}

// world is a simulated cloud over HTTP, with as many servers as volumes are
// attached at once.
type world struct {
	*simulator.Cloud
	url    string
	nodes  []string
	server *http.Server
}

func openWorld(ctx context.Context, nodes int) (*world, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated cloud: %w", err)
	}
	w := &world{Cloud: simulator.New(simulator.Options{}), url: "http://" + l.Addr().String()}
	for _, resource := range []string{"volumes", "gigabytes", "snapshots"} {
		w.SetVolumeQuota("", resource, -1)
	}
	for i := range nodes {
		w.nodes = append(w.nodes, w.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("node-%d", i+1)}).ID)
	}
	w.server = &http.Server{Handler: w.Cloud, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := w.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "serve the simulated cloud:", err)
		}
	}()
	return w, nil
}

func (w *world) close() error { return w.server.Close() }

// keep puts a pace on the cloud.
func (w *world) keep(p pace) {
	w.SetLatency(p.calls)
	w.SetVolumePace(p.work)
}

// traffic is what the driver asked the cloud for since the last reset, but tokens.
func (w *world) traffic() (reads, writes int) {
	for _, call := range w.Calls() {
		switch {
		case call.Service == "identity":
		case call.Method == http.MethodGet:
			reads++
		default:
			writes++
		}
	}
	return reads, writes
}

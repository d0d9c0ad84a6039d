package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"underlay/pkg/simulator"
)

// memory is what one way to run the driver holds at one time.
type memory struct {
	Service string `json:"service"`
	When    string `json:"when"`
	// Resident is all, Own the part that is no page of the program's file, and Peak
	// the most of Resident since the start; in MiB.
	Resident float64 `json:"resident_mib"`
	Own      float64 `json:"own_mib"`
	Peak     float64 `json:"peak_mib"`
	// CPU is the processor time in a minute, in seconds; only at rest.
	CPU float64 `json:"cpu_seconds_a_minute,omitempty"`
}

// What goes on at rest: the kubelet's probe, and the list by which the attacher
// compares (its --reconcile-sync).
const (
	probeEvery = 10 * time.Second
	listEvery  = time.Minute
)

// memories measures each way to run the driver beside the others, each with a
// cloud of its own.
func memories(ctx context.Context, s settings, dir string) ([]memory, error) {
	all := make([][]memory, len(services))
	err := each(len(services), func(i int) (err error) {
		all[i], err = memoriesOf(ctx, s, filepath.Join(dir, fmt.Sprint(i)), services[i].name, services[i].manifests)
		return err
	})
	var flat []memory
	for _, some := range all {
		flat = append(flat, some...)
	}
	return flat, err
}

func memoriesOf(ctx context.Context, s settings, dir, name string, manifests []string) (found []memory, err error) {
	w, err := openWorld(ctx, s.attaches)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	d, err := startDriver(ctx, s, w, dir, name, manifests...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.stop(), keepLog(s, dir, name)) }()
	controls := manifests[0] == "controller.yaml"
	note := func(when string, cpu float64) error {
		use, err := d.usage()
		found = append(found, memory{Service: name, When: when, Resident: use.Memory, Own: use.Own, Peak: use.Peak, CPU: cpu})
		return err
	}
	cpu, err := d.rest(ctx, s.rest, controls)
	if err != nil {
		return found, err
	}
	if err := note("at rest", cpu); err != nil {
		return found, err
	}
	if controls {
		err = d.work(ctx, s, w, note)
	} else {
		err = d.scrapes(ctx, note)
	}
	return found, err
}

// rest does what goes on at rest, and gives the processor time of a minute.
func (d *driver) rest(ctx context.Context, lasts time.Duration, lists bool) (float64, error) {
	say(d.name + " rests")
	if err := pause(ctx, time.Second); err != nil { // the start is over
		return 0, err
	}
	before, err := d.usage()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	var listed time.Time
	for time.Since(begin) < lasts {
		if err := d.probe(ctx, "/healthz"); err != nil {
			return 0, err
		}
		if lists && time.Since(listed) >= listEvery {
			if _, err := d.list(ctx); err != nil {
				return 0, err
			}
			listed = time.Now()
		}
		if err := pause(ctx, min(probeEvery, max(lasts-time.Since(begin), 0)+time.Millisecond)); err != nil {
			return 0, err
		}
	}
	after, err := d.usage()
	return (after.CPU - before.CPU) / time.Since(begin).Minutes(), err
}

// work lists many volumes several times, and attaches many at once.
func (d *driver) work(ctx context.Context, s settings, w *world, note func(string, float64) error) error {
	ids := make([]string, s.volumes)
	for i := range ids {
		ids[i] = w.AddVolume(simulator.VolumeSpec{Name: fmt.Sprintf("pvc-%04d", i), Metadata: map[string]string{"cinder.csi.openstack.org/cluster": "cost"}})
	}
	for range 10 {
		if n, err := d.list(ctx); err != nil || n != s.volumes {
			return errors.Join(fmt.Errorf("listed %d volumes of %d", n, s.volumes), err)
		}
	}
	if err := note(fmt.Sprintf("after %d volumes were listed ten times", s.volumes), 0); err != nil {
		return err
	}
	if err := each(min(s.attaches, len(ids)), func(i int) error { return d.attach(ctx, ids[i], w.nodes[i]) }); err != nil {
		return err
	}
	return note(fmt.Sprintf("after %d were attached at once", s.attaches), 0)
}

// list lists all volumes as the attacher does, and counts them.
func (d *driver) list(ctx context.Context) (n int, err error) {
	for token := ""; ; {
		page, err := csi.NewControllerClient(d.conn).ListVolumes(ctx, &csi.ListVolumesRequest{StartingToken: token})
		if err != nil {
			return n, err
		}
		n += len(page.GetEntries())
		if token = page.GetNextToken(); token == "" {
			return n, nil
		}
	}
}

// scrapes is what a node service has to do that has no volumes.
func (d *driver) scrapes(ctx context.Context, note func(string, float64) error) error {
	for range 10 {
		if err := d.probe(ctx, "/metrics"); err != nil {
			return err
		}
	}
	return note("after ten scrapes of its metrics", 0)
}

func say(what string) { fmt.Fprintln(os.Stderr, time.Now().UTC().Format(time.TimeOnly), what) }

// keepLog keeps the log of a driver where logs are asked for.
func keepLog(s settings, dir, name string) error {
	if s.profiles == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(s.profiles, 0o755), os.WriteFile(filepath.Join(s.profiles, strings.ReplaceAll(name, " ", "-")+".log"), text, 0o600))
}

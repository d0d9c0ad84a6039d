package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// operation is what one thing that is asked of the driver costs.
type operation struct {
	Name string `json:"name"`
	// Pace is that of the cloud.
	Pace string `json:"pace"`
	// Reads and Writes are calls to the cloud, the looks of those who wait included.
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
	// Seconds is the time until it was done, as a sidecar sees it.
	Seconds float64 `json:"seconds"`
}

const gib = int64(1) << 30

var mounted = &csi.VolumeCapability{
	AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: "ext4"}},
	AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
}

// operations lives through the life of volumes on a cloud of one pace.
func operations(ctx context.Context, s settings, dir string, p pace, found *figures) (err error) {
	w, err := openWorld(ctx, s.attaches)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	d, err := startDriver(ctx, s, w, filepath.Join(dir, p.name), "operations, "+p.name, "controller.yaml")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop(), keepLog(s, filepath.Join(dir, p.name), d.name)) }()
	if _, err := d.create(ctx, "warm", nil); err != nil { // tokens and versions
		return err
	}
	w.keep(p)
	life := &life{driver: d, node: w.nodes[0]}
	for _, part := range life.parts() {
		w.ResetCalls()
		began := time.Now()
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		done := operation{Name: part.name, Pace: p.name, Seconds: time.Since(began).Seconds()}
		done.Reads, done.Writes = w.traffic()
		say(fmt.Sprintf("%+v", done))
		found.Operations = append(found.Operations, done)
	}
	done, err := d.attachMany(ctx, s.attaches, w, p)
	found.Operations = append(found.Operations, done)
	return err
}

// life is that of a volume.
type life struct {
	*driver
	node, volume, snapshot, restored string
}

type part struct {
	name string
	run  func(context.Context) error
}

func (l *life) parts() []part {
	return []part{
		{"create", func(ctx context.Context) (err error) { l.volume, err = l.create(ctx, "pvc-1", nil); return err }},
		{"attach", func(ctx context.Context) error { return l.attach(ctx, l.volume, l.node) }},
		{"grow, attached", func(ctx context.Context) error { return l.grow(ctx) }},
		{"detach", func(ctx context.Context) error { return l.detach(ctx) }},
		{"snapshot, until it is ready", func(ctx context.Context) error { return l.snap(ctx) }},
		{"restore into a new volume", func(ctx context.Context) (err error) {
			l.restored, err = l.create(ctx, "pvc-2", &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
				Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: l.snapshot},
			}})
			return err
		}},
		{"delete the snapshot", func(ctx context.Context) error {
			_, err := again(ctx, csi.NewControllerClient(l.conn).DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: l.snapshot})
			return err
		}},
		{"delete a volume", func(ctx context.Context) error {
			_, err := again(ctx, csi.NewControllerClient(l.conn).DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: l.restored})
			return err
		}},
	}
}

func (d *driver) create(ctx context.Context, name string, from *csi.VolumeContentSource) (string, error) {
	made, err := again(ctx, csi.NewControllerClient(d.conn).CreateVolume, &csi.CreateVolumeRequest{
		Name: name, VolumeCapabilities: []*csi.VolumeCapability{mounted}, VolumeContentSource: from,
		CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gib},
	})
	return made.GetVolume().GetVolumeId(), err
}

func (d *driver) attach(ctx context.Context, volume, node string) error {
	_, err := again(ctx, csi.NewControllerClient(d.conn).ControllerPublishVolume, &csi.ControllerPublishVolumeRequest{
		VolumeId: volume, NodeId: node, VolumeCapability: mounted,
	})
	return err
}

func (l *life) detach(ctx context.Context) error {
	_, err := again(ctx, csi.NewControllerClient(l.conn).ControllerUnpublishVolume, &csi.ControllerUnpublishVolumeRequest{VolumeId: l.volume, NodeId: l.node})
	return err
}

func (l *life) grow(ctx context.Context) error {
	_, err := again(ctx, csi.NewControllerClient(l.conn).ControllerExpandVolume, &csi.ControllerExpandVolumeRequest{
		VolumeId: l.volume, VolumeCapability: mounted, CapacityRange: &csi.CapacityRange{RequiredBytes: 3 * gib},
	})
	return err
}

// snap asks until the snapshot is ready, with the gaps of the snapshotter: 1 s,
// and twice as long each time.
func (l *life) snap(ctx context.Context) error {
	for gap := time.Second; ; gap *= 2 {
		made, err := again(ctx, csi.NewControllerClient(l.conn).CreateSnapshot, &csi.CreateSnapshotRequest{SourceVolumeId: l.volume, Name: "snapshot-1"})
		if err != nil {
			return err
		}
		l.snapshot = made.GetSnapshot().GetSnapshotId()
		if made.GetSnapshot().GetReadyToUse() {
			return nil
		}
		if err := pause(ctx, gap); err != nil {
			return err
		}
	}
}

// attachMany makes volumes, and attaches each to a node of its own at once.
func (d *driver) attachMany(ctx context.Context, n int, w *world, p pace) (operation, error) {
	done := operation{Name: fmt.Sprintf("attach %d volumes at once", n), Pace: p.name}
	ids := make([]string, n)
	err := each(n, func(i int) (err error) {
		ids[i], err = d.create(ctx, fmt.Sprintf("many-%d", i), nil)
		return err
	})
	if err != nil {
		return done, err
	}
	w.ResetCalls()
	began := time.Now()
	err = each(n, func(i int) error { return d.attach(ctx, ids[i], w.nodes[i]) })
	done.Seconds = time.Since(began).Seconds()
	done.Reads, done.Writes = w.traffic()
	say(fmt.Sprintf("%+v", done))
	return done, err
}

// each does something for all numbers at once.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// again asks as the sidecars do: what is not known yet is asked for again, after 1 s
// and twice as long each time.
func again[Q, A any](ctx context.Context, call func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) (A, error) {
	for gap := time.Second; ; gap *= 2 {
		within, cancel := context.WithTimeout(ctx, 3*time.Minute)
		answer, err := call(within, request)
		cancel()
		switch status.Code(err) {
		case codes.Aborted, codes.Unavailable, codes.DeadlineExceeded:
		default:
			return answer, err
		}
		if ended := pause(ctx, gap); ended != nil {
			return answer, errors.Join(err, ended)
		}
	}
}

package controller_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/status"

	"underlay/pkg/simulator"
)

// life is what a cluster asks for in the life of some volumes, as its sidecars do:
// each request is sent again until it is answered, with the same words.
type life struct {
	w *world
	p *process
	// revive gives a new process when one was killed; nil: none is.
	revive func() *process
	// told are the ids that were answered, by name.
	told map[string]string
}

// ask repeats a request as a sidecar does.
func ask[Q, A any](l *life, what string, call func(*process) func(context.Context, Q) (A, error), request Q) A {
	l.w.t.Helper()
	for attempt := range 40 {
		answer, err := once(l.w, call(l.p), request)
		if err == nil {
			return answer
		}
		if l.p.line.dead() {
			l.p = l.revive()
			continue
		}
		if !restful(status.Code(err)) {
			l.w.t.Fatalf("%s, attempt %d: the answer is final: %v", what, attempt, err)
		}
		time.Sleep(time.Second)
	}
	l.w.t.Fatalf("%s: no answer after 40 attempts", what)
	panic("not reached")
}

func (l *life) create(r *csi.CreateVolumeRequest) string {
	l.w.t.Helper()
	v := ask(l, "create "+r.GetName(), func(p *process) func(context.Context, *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
		return p.CreateVolume
	}, r).GetVolume()
	l.told[r.GetName()] = v.GetVolumeId()
	// It is told once it is there, once, and as it was asked for.
	found := l.w.named(r.GetName())
	if len(found) != 1 || found[0].ID != v.GetVolumeId() || found[0].Status != "available" {
		l.w.t.Fatalf("create %s told %s, and there are %+v", r.GetName(), v.GetVolumeId(), found)
	}
	return v.GetVolumeId()
}

func (l *life) attach(volume, node string) {
	l.w.t.Helper()
	ask(l, "attach", func(p *process) func(context.Context, *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
		return p.ControllerPublishVolume
	}, publish(volume, node))
	v := l.w.cloud.Volume(volume)
	if len(v.Attachments) != 1 || v.Attachments[0].ServerID != node || v.Status != "in-use" || !v.Attachments[0].Nova {
		l.w.t.Fatalf("attached %s to %s: it is %s with %+v", volume, node, v.Status, v.Attachments)
	}
}

func (l *life) detach(volume, node string) {
	l.w.t.Helper()
	ask(l, "detach", func(p *process) func(context.Context, *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
		return p.ControllerUnpublishVolume
	}, unpublish(volume, node))
	if v := l.w.cloud.Volume(volume); len(v.Attachments) != 0 || v.Status != "available" {
		l.w.t.Fatalf("detached %s from %s: it is %s with %+v", volume, node, v.Status, v.Attachments)
	}
}

func (l *life) expand(volume string, size int64) {
	l.w.t.Helper()
	ask(l, "expand", func(p *process) func(context.Context, *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
		return p.ControllerExpandVolume
	}, &csi.ControllerExpandVolumeRequest{VolumeId: volume, CapacityRange: &csi.CapacityRange{RequiredBytes: size * gib}})
	if v := l.w.cloud.Volume(volume); int64(v.SizeGiB) != size {
		l.w.t.Fatalf("expanded %s to %d GiB: it has %d", volume, size, v.SizeGiB)
	}
}

// snapshot takes one and waits until it is ready.
func (l *life) snapshot(name, volume, kind string) string {
	l.w.t.Helper()
	id := ask(l, "snapshot", func(p *process) func(context.Context, *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
		return p.CreateSnapshot
	}, &csi.CreateSnapshotRequest{Name: name, SourceVolumeId: volume, Parameters: map[string]string{"type": kind}}).GetSnapshot().GetSnapshotId()
	for range 60 {
		s := ask(l, "get snapshot", func(p *process) func(context.Context, *csi.GetSnapshotRequest) (*csi.GetSnapshotResponse, error) {
			return p.GetSnapshot
		}, &csi.GetSnapshotRequest{SnapshotId: id}).GetSnapshot()
		if s.GetReadyToUse() {
			return id
		}
		time.Sleep(time.Second)
	}
	l.w.t.Fatalf("snapshot %s is not ready after a minute", id)
	return ""
}

func (l *life) deleteSnapshot(id string) {
	l.w.t.Helper()
	ask(l, "delete snapshot", func(p *process) func(context.Context, *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
		return p.DeleteSnapshot
	}, &csi.DeleteSnapshotRequest{SnapshotId: id})
}

func (l *life) delete(volume string) {
	l.w.t.Helper()
	ask(l, "delete", func(p *process) func(context.Context, *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
		return p.DeleteVolume
	}, &csi.DeleteVolumeRequest{VolumeId: volume})
}

// live goes through all of it.
func (l *life) live() {
	l.w.t.Helper()
	volume := l.create(wish("pvc-1", 1))
	l.attach(volume, l.w.nodes[0])
	l.detach(volume, l.w.nodes[0])
	l.attach(volume, l.w.nodes[1])
	l.expand(volume, 3)
	snapshot := l.snapshot("snapshot-1", volume, "snapshot")
	restored := l.create(fromSnapshot("pvc-2", 4, snapshot))
	backup := l.snapshot("backup-1", volume, "backup")
	fromBackup := l.create(fromSnapshot("pvc-3", 3, backup))
	clone := l.create(fromVolume("pvc-4", 3, volume))
	for _, v := range []string{restored, fromBackup, clone} {
		l.delete(v)
	}
	l.deleteSnapshot(snapshot)
	l.deleteSnapshot(backup)
	l.detach(volume, l.w.nodes[1])
	l.delete(volume)
	if left := l.w.left(); len(left) > 0 {
		l.w.t.Fatalf("left behind:\n%s", strings.Join(left, "\n"))
	}
}

// quick is a pace at which a life takes few polls, so that most calls that fail
// are others.
func quick(w *world) {
	w.cloud.SetVolumePace(simulator.VolumePace{
		Create: 500 * time.Millisecond, Delete: 500 * time.Millisecond, Extend: 500 * time.Millisecond, Retype: 500 * time.Millisecond, Attach: 500 * time.Millisecond,
		Detach: 500 * time.Millisecond, Snapshot: 500 * time.Millisecond, Backup: 900 * time.Millisecond, Group: 500 * time.Millisecond,
	})
}

func newLife(t *testing.T) *life {
	w := newWorld(t, 2)
	quick(w)
	return &life{w: w, p: w.start(), told: map[string]string{}}
}

// callsOfALife is how many calls there are when nothing fails.
func callsOfALife(t *testing.T) int {
	n := 0
	inBubble(t, func(t *testing.T) {
		l := newLife(t)
		l.live()
		n = l.p.line.calls
	})
	return n
}

func TestALifeInWhichNothingFails(t *testing.T) {
	if n := callsOfALife(t); n < 50 {
		t.Errorf("a life has %d calls, which is hard to believe", n)
	}
}

// TestEveryCallFailsOnceInEveryWay holds that no fault of the cloud leaks or
// doubles anything, and that none is answered with a code that ends a sidecar's
// patience.
func TestEveryCallFailsOnceInEveryWay(t *testing.T) {
	calls := callsOfALife(t)
	kinds := []simulator.FaultKind{
		simulator.FailBefore, simulator.FailAfter, simulator.DropBefore, simulator.DropAfter, simulator.Hang, simulator.HangAfter,
	}
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			for nth := 1; nth <= calls; nth++ {
				inBubble(t, func(t *testing.T) {
					l := newLife(t)
					l.w.cloud.AddFault(simulator.Fault{Match: "*", Nth: nth, Kind: kind})
					t.Cleanup(func() {
						if t.Failed() {
							t.Logf("the fault was %s of call %d: %s", kind, nth, struck(l.w))
						}
					})
					l.live()
				})
			}
		})
	}
}

// struck names the call that a fault struck.
func struck(w *world) string {
	for _, call := range w.cloud.Calls() {
		if call.Fault != "" {
			return fmt.Sprintf("%s %s", call.Method, call.Path)
		}
	}
	return "none"
}

// TestAProcessIsKilledAfterEveryCall holds that the next process goes on from what
// the cloud has.
func TestAProcessIsKilledAfterEveryCall(t *testing.T) {
	calls := callsOfALife(t)
	for last := 1; last <= calls; last++ {
		inBubble(t, func(t *testing.T) {
			l := newLife(t)
			l.revive = func() *process { return l.w.start() }
			l.p.line.last = last
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the process was killed after call %d", last)
				}
			})
			l.live()
		})
	}
}

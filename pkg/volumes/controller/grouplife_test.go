package controller_test

import (
	"context"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"underlay/pkg/simulator"
)

// liveTogether is the life of two volumes of which a group snapshot is taken.
func (l *life) liveTogether() {
	l.w.t.Helper()
	one, two := l.create(wish("pvc-1", 1)), l.create(wish("pvc-2", 1))
	request := &csi.CreateVolumeGroupSnapshotRequest{
		Name: "group-1", SourceVolumeIds: []string{one, two}, Parameters: map[string]string{"groupType": "consistent"},
	}
	take := func() *csi.VolumeGroupSnapshot {
		return ask(l, "group snapshot", func(p *process) func(context.Context, *csi.CreateVolumeGroupSnapshotRequest) (*csi.CreateVolumeGroupSnapshotResponse, error) {
			return p.CreateVolumeGroupSnapshot
		}, request).GetGroupSnapshot()
	}
	id := take().GetGroupSnapshotId()
	time.Sleep(time.Minute)
	if g := take(); g.GetGroupSnapshotId() != id || !g.GetReadyToUse() || len(g.GetSnapshots()) != 2 {
		l.w.t.Fatalf("told %s and then %v", id, g)
	}
	remove := func(id string) {
		ask(l, "delete group snapshot", func(p *process) func(context.Context, *csi.DeleteVolumeGroupSnapshotRequest) (*csi.DeleteVolumeGroupSnapshotResponse, error) {
			return p.DeleteVolumeGroupSnapshot
		}, &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: id})
	}
	remove(id)
	l.delete(one)
	l.delete(two)
	// A group that was left when a volume took it along goes with the next request.
	remove("4f1c6d4e-0000-4000-8000-000000000000")
	if left := l.w.left(); len(left) > 0 {
		l.w.t.Fatalf("left behind: %v", left)
	}
	groups, err := l.w.start().client.GroupsNamed(l.w.t.Context(), "group-1")
	if err != nil || len(groups) > 0 {
		l.w.t.Fatalf("left behind: groups %v (%v)", groups, err)
	}
}

func newGroupLife(t *testing.T) *life {
	l := newLife(t)
	l.w.cloud.AddGroupType("consistent")
	return l
}

// TestALifeInAGroupSurvivesEveryFault goes through the calls of group snapshots as
// its neighbours go through the others.
func TestALifeInAGroupSurvivesEveryFault(t *testing.T) {
	calls := 0
	inBubble(t, func(t *testing.T) {
		l := newGroupLife(t)
		l.liveTogether()
		calls = l.p.line.calls
	})
	for nth := 1; nth <= calls; nth++ {
		for _, kind := range []simulator.FaultKind{simulator.FailBefore, simulator.DropAfter, simulator.HangAfter} {
			inBubble(t, func(t *testing.T) {
				l := newGroupLife(t)
				l.w.cloud.AddFault(simulator.Fault{Match: "*", Nth: nth, Kind: kind})
				t.Cleanup(func() {
					if t.Failed() {
						t.Logf("the fault was %s of call %d: %s", kind, nth, struck(l.w))
					}
				})
				l.liveTogether()
			})
		}
		inBubble(t, func(t *testing.T) {
			l := newGroupLife(t)
			l.revive = func() *process { return l.w.start() }
			l.p.line.last = nth
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the process was killed after call %d", nth)
				}
			})
			l.liveTogether()
		})
	}
}

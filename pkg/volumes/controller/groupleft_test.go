package controller_test

import (
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"underlay/pkg/simulator"
)

// grouped takes a group snapshot of the volumes.
func (p *process) grouped(name string, volumes ...string) string {
	p.w.t.Helper()
	return must(p.w, p.CreateVolumeGroupSnapshot, groupOf(name, volumes...)).GetGroupSnapshot().GetGroupSnapshotId()
}

func groupOf(name string, volumes ...string) *csi.CreateVolumeGroupSnapshotRequest {
	return &csi.CreateVolumeGroupSnapshotRequest{Name: name, SourceVolumeIds: volumes, Parameters: map[string]string{"groupType": "consistent"}}
}

func (p *process) dropGroup(id string) {
	p.w.t.Helper()
	must(p.w, p.DeleteVolumeGroupSnapshot, &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: id})
}

// groups are those with the names.
func (p *process) groups(names ...string) int {
	p.w.t.Helper()
	count := 0
	for _, name := range names {
		found, err := p.client.GroupsNamed(p.w.t.Context(), name)
		if err != nil {
			p.w.t.Fatal(err)
		}
		count += len(found)
	}
	return count
}

// TestAGroupIsNotTakenApartWhileItsVolumesLeaveTheirServers: a namespace is deleted,
// and its pods, group snapshots and claims go at once. Cinder leaves a group
// "updating" for ever whose volume is detached just as it is to leave.
func TestAGroupIsNotTakenApartWhileItsVolumesLeaveTheirServers(t *testing.T) {
	for _, delay := range []time.Duration{0, 300 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, 1)
			p := w.start()
			w.cloud.AddGroupType("consistent")
			w.cloud.SetVolumePace(simulator.VolumePace{Attach: time.Second, Detach: 2 * time.Second, Snapshot: time.Second, Group: time.Second})
			one, two := p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId()
			p.attach(one, w.nodes[0])
			p.attach(two, w.nodes[0])
			id := p.grouped("group-1", one, two)
			left := make(chan struct{})
			go func() {
				defer close(left)
				time.Sleep(delay)
				p.detach(one, w.nodes[0])
				p.detach(two, w.nodes[0])
			}()
			p.dropGroup(id)
			<-left
			ended := make(chan struct{})
			go func() { defer close(ended); p.delete(two) }()
			p.delete(one)
			<-ended
			if volumes, groups := w.left(), p.groups("group-1"); len(volumes) > 0 || groups > 0 {
				t.Errorf("detached after %s: left are %v and %d groups", delay, volumes, groups)
			}
		})
	}
}

// TestAGroupThatWasLeftServesAgain: the group that volumes in use have kept is used
// for the same volumes, and makes way for another choice; not while a group
// snapshot needs it.
func TestAGroupThatWasLeftServesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.AddGroupType("consistent")
		one, two, three := p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId(), p.create("pvc-3", 1).GetVolumeId()
		p.attach(one, w.nodes[0])
		p.dropGroup(p.grouped("group-1", one, two))
		if got := p.groups("group-1"); got != 1 {
			t.Fatalf("%d groups are left to volumes in use, want one", got)
		}
		made := w.cloud.Count("POST /groups")
		again := p.grouped("group-2", one, two)
		if now := w.cloud.Count("POST /groups"); made != 1 || now != made {
			t.Errorf("%d groups were made and then %d more, want one for the same volumes", made, now-made)
		}
		for _, choice := range [][]string{{one}, {one, two, three}} {
			refused(w, p.CreateVolumeGroupSnapshot, groupOf("group-3", choice...), codes.FailedPrecondition, "group")
		}
		p.dropGroup(again)
		p.dropGroup(p.grouped("group-4", one))
		p.dropGroup(p.grouped("group-5", one, two, three))
		p.detach(one, w.nodes[0])
		for _, id := range []string{one, two, three} {
			p.delete(id)
		}
		if volumes, groups := w.left(), p.groups("group-1", "group-2", "group-4", "group-5"); len(volumes) > 0 || groups > 0 {
			t.Errorf("left are %v and %d groups", volumes, groups)
		}
	})
}

package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/controller"
)

// twoZones are the zones of Nova and Cinder alike.
func twoZones(o *simulator.Options) { o.Zones, o.VolumeZones = []string{"a", "b"}, []string{"a", "b"} }

// in is a volume in a zone.
func (p *process) in(zone, name string) string {
	p.w.t.Helper()
	r := wish(name, 1)
	r.AccessibilityRequirements = topology(zone)
	return must(p.w, p.CreateVolume, r).GetVolume().GetVolumeId()
}

// place is the answer of who is usable where these segments are.
func place(segments ...string) []*csi.Topology {
	if len(segments) == 0 {
		return nil
	}
	t := &csi.Topology{Segments: map[string]string{}}
	for i := 0; i < len(segments); i += 2 {
		t.Segments[segments[i]] = segments[i+1]
	}
	return []*csi.Topology{t}
}

// places are where snapshots can be used, as each RPC that tells of one does.
func (p *process) places(snapshot string) map[string][]*csi.Topology {
	p.w.t.Helper()
	all := map[string][]*csi.Topology{
		"GetSnapshot": must(p.w, p.GetSnapshot, &csi.GetSnapshotRequest{SnapshotId: snapshot}).GetSnapshot().GetAccessibleTopology(),
		"ListSnapshots of one": must(p.w, p.ListSnapshots, &csi.ListSnapshotsRequest{SnapshotId: snapshot}).
			GetEntries()[0].GetSnapshot().GetAccessibleTopology(),
	}
	for _, e := range must(p.w, p.ListSnapshots, &csi.ListSnapshotsRequest{}).GetEntries() {
		if e.GetSnapshot().GetSnapshotId() == snapshot {
			all["ListSnapshots"] = e.GetSnapshot().GetAccessibleTopology()
		}
	}
	return all
}

func TestASnapshotIsUsableWhereItsVolumeIs(t *testing.T) {
	rack := func(o *controller.Options) { o.AdditionalTopology = map[string]string{"example.org/rack": "r1"} }
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1, twoZones)
		p := w.start()
		p.in("a", "pvc-a")
		volume := p.in("b", "pvc-b")
		backup := p.snapshot("backup-1", volume, map[string]string{"type": "backup"})
		for name, test := range map[string]struct {
			change func(*controller.Options)
			want   []*csi.Topology
			backup []*csi.Topology
		}{
			"as usual":         {func(*controller.Options) {}, place(block.TopologyZone, "b"), nil},
			"additional":       {rack, place(block.TopologyZone, "b", "example.org/rack", "r1"), place("example.org/rack", "r1")},
			"ignore-volume-az": {func(o *controller.Options) { o.IgnoreVolumeZone = true }, nil, nil},
			"no topology":      {func(o *controller.Options) { rack(o); o.Topology = false }, nil, nil},
		} {
			p := w.start(test.change)
			s := p.snapshot("snapshot "+name, volume, nil)
			same := func(who string, want, got []*csi.Topology) {
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", name, who, diff)
				}
			}
			same("CreateSnapshot", test.want, s.GetAccessibleTopology())
			same("CreateSnapshot again", test.want, p.snapshot("snapshot "+name, volume, nil).GetAccessibleTopology())
			for who, got := range w.start(test.change).places(s.GetSnapshotId()) { // a process that has not made it
				same(who, test.want, got)
			}
			same("CreateSnapshot of a backup", test.backup, p.snapshot("backup-1", volume, map[string]string{"type": "backup"}).GetAccessibleTopology())
			for who, got := range p.places(backup.GetSnapshotId()) {
				same(who+" of a backup", test.backup, got)
			}
		}
	})
}

func TestTheSnapshotsOfAGroupAreUsableWhereTheirVolumesAre(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1, twoZones)
		w.cloud.AddGroupType("consistent")
		p := w.start()
		request := &csi.CreateVolumeGroupSnapshotRequest{
			Name: "group-1", SourceVolumeIds: []string{p.in("b", "pvc-1"), p.in("b", "pvc-2")}, Parameters: map[string]string{"groupType": "consistent"},
		}
		made := must(w, p.CreateVolumeGroupSnapshot, request).GetGroupSnapshot()
		read := must(w, w.start().GetVolumeGroupSnapshot, &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: made.GetGroupSnapshotId()}).GetGroupSnapshot()
		for _, part := range append(made.GetSnapshots(), read.GetSnapshots()...) {
			if diff := cmp.Diff(place(block.TopologyZone, "b"), part.GetAccessibleTopology(), protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		if got := len(made.GetSnapshots()) + len(read.GetSnapshots()); got != 4 {
			t.Errorf("told %d snapshots, want 2 twice", got)
		}
	})
}

// A snapshot that could not be used where it has to be is refused before anything
// is done, whether there is one of its name or not.
func TestASnapshotThatIsWantedElsewhereIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1, twoZones)
		p := w.start()
		volume := p.in("b", "pvc-1")
		request := func(name, kind string, r *csi.TopologyRequirement) *csi.CreateSnapshotRequest {
			return &csi.CreateSnapshotRequest{
				Name: name, SourceVolumeId: volume, Parameters: map[string]string{"type": kind}, AccessibilityRequirements: r,
			}
		}
		before := strings.Join(w.left(), "\n")
		refused(w, p.CreateSnapshot, request("snapshot-1", "snapshot", topology("a", "c")), codes.ResourceExhausted, `"b"`, "[a c]", volume)
		if left := strings.Join(w.left(), "\n"); left != before {
			t.Errorf("left are\n%s\nand there were\n%s", left, before)
		}
		must(w, p.CreateSnapshot, request("snapshot-1", "snapshot", topology("a", "b")))
		must(w, p.CreateSnapshot, request("snapshot-1", "snapshot", topology("b")))
		refused(w, p.CreateSnapshot, request("snapshot-1", "snapshot", topology("a")), codes.ResourceExhausted)

		must(w, p.CreateSnapshot, request("backup-1", "backup", topology("a")))
		must(w, p.CreateSnapshot, request("snapshot-2", "snapshot", &csi.TopologyRequirement{Preferred: topology("a").GetPreferred()}))
		must(w, p.CreateSnapshot, request("snapshot-3", "snapshot", &csi.TopologyRequirement{Requisite: place("example.org/rack", "r1")}))
		must(w, w.start(func(o *controller.Options) { o.IgnoreVolumeZone = true }).CreateSnapshot, request("snapshot-4", "snapshot", topology("a")))
		must(w, w.start(func(o *controller.Options) { o.Topology = false }).CreateSnapshot, request("snapshot-5", "snapshot", topology("a")))

		refused(w, p.CreateSnapshot, &csi.CreateSnapshotRequest{
			Name: "snapshot-6", SourceVolumeId: "4f1c6d4e-0000-4000-8000-000000000000", AccessibilityRequirements: topology("a"),
		}, codes.NotFound)
	})
}

// A snapshot's zone costs no call where the process has taken it, and else one for
// all snapshots of a page, once.
func TestWhereSnapshotsAreUsableIsReadOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1, twoZones)
		p := w.start()
		var volumes, snapshots []string
		for i := range 20 {
			volumes = append(volumes, p.in([]string{"a", "b"}[i%2], fmt.Sprintf("pvc-%d", i)))
		}
		for i := range 2500 { // three pages of volumes
			w.cloud.AddVolume(simulator.VolumeSpec{Name: fmt.Sprintf("other-%d", i)})
		}
		w.cloud.ResetCalls()
		for i := range 40 {
			snapshots = append(snapshots, p.snapshot(fmt.Sprintf("snapshot-%d", i), volumes[i%20], nil).GetSnapshotId())
		}
		w.budget("take: look, POST, look again; the volume is looked at once", 3*40, 40)
		time.Sleep(time.Minute)

		step := func(what string, p *process, most, mostReads int, do func(p *process)) {
			w.cloud.ResetCalls()
			do(p)
			w.budget(what, most, mostReads)
		}
		list := func(p *process) {
			for i, e := range must(w, p.ListSnapshots, &csi.ListSnapshotsRequest{}).GetEntries() {
				if len(e.GetSnapshot().GetAccessibleTopology()) != 1 {
					t.Errorf("entry %d: usable in %v", i, e.GetSnapshot().GetAccessibleTopology())
				}
			}
		}
		read := func(i int) func(p *process) {
			return func(p *process) { must(w, p.GetSnapshot, &csi.GetSnapshotRequest{SnapshotId: snapshots[i]}) }
		}
		step("list what it has taken", p, 2, 0, list)
		step("read what it has taken", p, 1, 0, read(0))
		other := w.start()
		must(w, other.GetCapacity, &csi.GetCapacityRequest{}) // tokens and versions
		step("read what another has taken", other, 1, 1, read(0))
		step("read it again", other, 1, 0, read(0))
		step("list what another has taken", other, 2, 1, list) // the volumes are on the first page
		step("list it again", other, 2, 0, list)
		few := w.start()
		must(w, few.GetCapacity, &csi.GetCapacityRequest{})
		step("list the snapshots of one volume", few, 2, 1, func(p *process) {
			must(w, p.ListSnapshots, &csi.ListSnapshotsRequest{SourceVolumeId: volumes[0]})
		})
		step("restore: look for the volume and the snapshot, POST, look again", few, 2, 2+5, func(p *process) {
			must(w, p.CreateVolume, fromSnapshot("restored", 1, snapshots[0]))
		})
	})
}

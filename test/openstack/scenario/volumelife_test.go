package scenario_test

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"google.golang.org/grpc/codes"
)

// Types of volumes and of groups that the testbed and the simulator have.
const (
	otherType      = "other"
	consistent     = "consistent"
	atMicroversion = "OpenStack-API-Version: volume 3.60"
)

// shown is what Cinder tells of a volume.
type shown struct {
	Status   string
	Type     string `json:"volume_type"`
	Group    string `json:"group_id"`
	Metadata map[string]string
}

func (s *volumeStory) show(volume string) shown {
	s.Helper()
	var answer struct{ Volume shown }
	s.on.must(s.T, http.MethodGet, blocks, "/volumes/"+volume, nil, &answer, atMicroversion)
	return answer.Volume
}

// modify is what a VolumeAttributesClass does. The volume has no snapshots: Cinder
// 2025.1 never ends to retype one that has a snapshot with metadata.
func (s *volumeStory) modify() {
	change := map[string]string{"type": otherType, "metadata/team": "storage"}
	for range 2 { // the second time nothing is left to do
		ask(s, s.ControllerModifyVolume, &csi.ControllerModifyVolumeRequest{VolumeId: s.copy, MutableParameters: change})
		if got := s.show(s.copy); got.Type != otherType || got.Metadata["team"] != "storage" {
			s.Errorf("got %+v, want the type %s and the metadata", got, otherType)
		}
	}
	_, err := try(s, s.ControllerModifyVolume, &csi.ControllerModifyVolumeRequest{VolumeId: s.copy, MutableParameters: map[string]string{"type": "no-such-type"}})
	s.code("a type that is not there", err, codes.InvalidArgument)
}

// backup is a snapshot of a VolumeSnapshotClass whose type is backup.
func (s *volumeStory) backup() {
	source := ask(s, s.CreateVolume, s.wish("to-back-up", 1, nil)).GetVolume().GetVolumeId()
	ask(s, s.ControllerPublishVolume, s.publish(source, s.nodes[0]))
	s.write(source, s.nodes[0])
	request := &csi.CreateSnapshotRequest{SourceVolumeId: source, Name: s.mark + "backup", Parameters: map[string]string{"type": "backup"}}
	taken := ask(s, s.CreateSnapshot, request).GetSnapshot()
	for deadline := time.Now().Add(2 * oneVolume); !taken.GetReadyToUse(); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			s.Fatalf("got %v, want it ready", taken)
		}
		taken = ask(s, s.GetSnapshot, &csi.GetSnapshotRequest{SnapshotId: taken.GetSnapshotId()}).GetSnapshot()
	}
	restored := ask(s, s.CreateVolume, s.wish("from-backup", 1, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: taken.GetSnapshotId()},
	}})).GetVolume().GetVolumeId()
	ask(s, s.ControllerPublishVolume, s.publish(restored, s.nodes[0]))
	s.read(restored, s.nodes[0])
	s.unpublish(restored, s.nodes[0])
	s.unpublish(source, s.nodes[0])
	for _, volume := range []string{restored, source} {
		ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: volume})
	}
	ask(s, s.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: taken.GetSnapshotId()})
	_, err := try(s, s.GetSnapshot, &csi.GetSnapshotRequest{SnapshotId: taken.GetSnapshotId()})
	s.code("a backup that is deleted", err, codes.NotFound)
}

// hold is an attachment that Cinder has and Nova does not know, as a server leaves
// it whose compute host died with it: made by hand, for a server that never was.
func (s *volumeStory) hold(volume string, connected bool) {
	s.Helper()
	wish := object{"volume_uuid": volume, "instance_uuid": nowhere}
	if connected {
		wish["connector"] = object{"host": "lost", "ip": "127.0.0.1", "initiator": "iqn.lost", "multipath": false, "platform": "x86_64", "os_type": "linux2", "mountpoint": "/dev/vdz"}
	}
	var made struct{ Attachment struct{ ID string } }
	s.on.must(s.T, http.MethodPost, blocks, "/attachments", object{"attachment": wish}, &made, atMicroversion)
	if connected {
		s.on.must(s.T, http.MethodPost, blocks, "/attachments/"+made.Attachment.ID+"/action", object{"os-complete": nil}, nil, atMicroversion)
	}
}

// orphans: what a lost server left is in the way of detaching, of attaching
// elsewhere and of deleting. What has a connection is removed by a user with a
// password only: of a token that an application credential stands behind Cinder
// makes none to ask Nova with, and answers 500.
func (s *volumeStory) orphans() {
	s.hold(s.copy, true)
	_, err := s.ControllerUnpublishVolume(s.Context(), &csi.ControllerUnpublishVolumeRequest{VolumeId: s.copy, NodeId: nowhere})
	s.code("by an application credential", err, codes.Aborted)
	restricted := s.ControllerClient
	s.ControllerClient = csi.NewControllerClient(startDriver(s.T, s.on, s.on.unrestricted()))
	s.unpublish(s.copy, nowhere)
	s.hold(s.copy, true)
	ask(s, s.ControllerPublishVolume, s.publish(s.copy, s.nodes[0]))
	s.unpublish(s.copy, s.nodes[0])
	held := ask(s, s.CreateVolume, s.wish("held", 1, nil)).GetVolume().GetVolumeId()
	s.hold(held, true)
	ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: held})
	s.ControllerClient = restricted
	held = ask(s, s.CreateVolume, s.wish("reserved", 1, nil)).GetVolume().GetVolumeId()
	s.hold(held, false)
	ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: held})
}

// shelved takes a volume from a server that no hypervisor has.
func (s *volumeStory) shelved() {
	ask(s, s.ControllerPublishVolume, s.publish(s.copy, s.nodes[0]))
	s.becomes("shelve", "SHELVED_OFFLOADED")
	s.unpublish(s.copy, s.nodes[0])
	if got := s.show(s.copy); got.Status != "available" {
		s.Errorf("got %+v, want it free", got)
	}
	s.becomes("unshelve", "ACTIVE")
}

// becomes has the first node do something, and waits until it is done.
func (s *volumeStory) becomes(action, want string) {
	s.Helper()
	path := "/servers/" + s.nodes[0]
	s.on.must(s.T, http.MethodPost, "compute", path+"/action", object{action: nil}, nil)
	var got struct {
		Server struct {
			Status string
			Task   *string `json:"OS-EXT-STS:task_state"`
		}
	}
	for deadline := time.Now().Add(oneVolume); got.Server.Status != want || got.Server.Task != nil; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("%s: got %+v, want %s", action, got, want)
		}
		s.on.must(s.T, http.MethodGet, "compute", path, nil, &got)
	}
}

// lists reads pages, one volume, and what may still be made, and asks whether the
// driver is ready.
func (s *volumeStory) lists() {
	if !ask(s, s.identity.Probe, &csi.ProbeRequest{}).GetReady().GetValue() {
		s.Error("the driver is not ready")
	}
	want := map[string]bool{s.volume: true, s.restored: true, s.copy: true}
	for request := (&csi.ListVolumesRequest{MaxEntries: 2}); ; {
		answer := ask(s, s.ListVolumes, request)
		for _, entry := range answer.GetEntries() {
			delete(want, entry.GetVolume().GetVolumeId())
		}
		if request.StartingToken = answer.GetNextToken(); request.StartingToken == "" {
			break
		}
	}
	if len(want) > 0 {
		s.Errorf("not listed: %v", slices.Collect(maps.Keys(want)))
	}
	one := ask(s, s.ControllerGetVolume, &csi.ControllerGetVolumeRequest{VolumeId: s.volume}).GetVolume()
	if one.GetCapacityBytes() != 2*gib {
		s.Errorf("got %v, want 2 GiB", one)
	}
	capacity := ask(s, s.GetCapacity, &csi.GetCapacityRequest{AccessibleTopology: one.GetAccessibleTopology()[0]})
	if capacity.GetAvailableCapacity() < gib {
		s.Errorf("got %v, want room in zone %v", capacity, one.GetAccessibleTopology())
	}
	snapshots := ask(s, s.ListSnapshots, &csi.ListSnapshotsRequest{SourceVolumeId: s.volume}).GetEntries()
	if len(snapshots) != 1 || snapshots[0].GetSnapshot().GetSnapshotId() != s.snapshot {
		s.Errorf("got %v, want snapshot %s", snapshots, s.snapshot)
	}
}

// group takes a group snapshot of two volumes, restores both, and deletes it. The
// group of Cinder's comes and goes with it.
func (s *volumeStory) group() {
	request := &csi.CreateVolumeGroupSnapshotRequest{
		Name: s.mark + "moment", SourceVolumeIds: []string{s.volume, s.copy}, Parameters: map[string]string{"groupType": consistent},
	}
	taken := ask(s, s.groups.CreateVolumeGroupSnapshot, request).GetGroupSnapshot()
	for deadline := time.Now().Add(oneVolume); !taken.GetReadyToUse(); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("got %v, want it ready", taken)
		}
		taken = ask(s, s.groups.GetVolumeGroupSnapshot, &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: taken.GetGroupSnapshotId()}).GetGroupSnapshot()
	}
	if again := ask(s, s.groups.CreateVolumeGroupSnapshot, request).GetGroupSnapshot(); again.GetGroupSnapshotId() != taken.GetGroupSnapshotId() {
		s.Errorf("again: got %v, want %v", again, taken)
	}
	of := map[string]bool{}
	var parts []string
	for i, part := range taken.GetSnapshots() {
		of[part.GetSourceVolumeId()] = true
		parts = append(parts, part.GetSnapshotId())
		restored := ask(s, s.CreateVolume, s.wish("of-moment", 2, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
			Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: part.GetSnapshotId()},
		}})).GetVolume().GetVolumeId()
		ask(s, s.ControllerPublishVolume, s.publish(restored, s.nodes[0]))
		s.read(restored, s.nodes[0])
		s.unpublish(restored, s.nodes[0])
		ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: restored})
		if i > 0 {
			continue
		}
		_, err := try(s, s.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: part.GetSnapshotId()})
		s.code("a snapshot of a group alone", err, codes.InvalidArgument)
	}
	if len(of) != 2 || !of[s.volume] || !of[s.copy] {
		s.Errorf("got snapshots of %v, want of %s and %s", of, s.volume, s.copy)
	}
	ask(s, s.groups.DeleteVolumeGroupSnapshot, &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: taken.GetGroupSnapshotId(), SnapshotIds: parts})
	_, err := try(s, s.groups.GetVolumeGroupSnapshot, &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: taken.GetGroupSnapshotId()})
	s.code("a group snapshot that is deleted", err, codes.NotFound)
	for _, volume := range []string{s.volume, s.copy} {
		if got := s.show(volume); got.Group != "" || got.Status != "available" {
			s.Errorf("volume %s afterwards: got %+v, want it free and in no group", volume, got)
		}
	}
}

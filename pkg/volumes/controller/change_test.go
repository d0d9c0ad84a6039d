package controller_test

import (
	"context"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
)

func grow(volume string, size int64) *csi.ControllerExpandVolumeRequest {
	return &csi.ControllerExpandVolumeRequest{VolumeId: volume, CapacityRange: &csi.CapacityRange{RequiredBytes: size * gib}}
}

func TestExpansion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		for _, size := range []int64{2, 2, 1} { // offline, again, and less than it has
			answer := must(w, p.ControllerExpandVolume, grow(v, size))
			if answer.GetCapacityBytes() != 2*gib || !answer.GetNodeExpansionRequired() {
				t.Errorf("to %d GiB: told %v", size, answer)
			}
		}
		p.attach(v, w.nodes[0])
		block := grow(v, 3)
		block.VolumeCapability = raw(single)
		if answer := must(w, p.ControllerExpandVolume, block); answer.GetCapacityBytes() != 3*gib || answer.GetNodeExpansionRequired() {
			t.Errorf("a raw block volume: told %v, want no filesystem to be grown", answer)
		}
		w.want(v, "in-use")
		limited := grow(v, 1)
		limited.CapacityRange.LimitBytes = 2 * gib
		refused(w, p.ControllerExpandVolume, limited, codes.OutOfRange)
		refused(w, p.ControllerExpandVolume, &csi.ControllerExpandVolumeRequest{VolumeId: v}, codes.InvalidArgument)
		refused(w, p.ControllerExpandVolume, grow("4f1c6d4e-0000-4000-8000-000000000000", 1), codes.NotFound)
		w.cloud.SetVolumeQuota("", "gigabytes", 3)
		refused(w, p.ControllerExpandVolume, grow(v, 4), codes.ResourceExhausted)
	})
}

func TestAnExtensionThatFailsIsSaidAndGoesOnAfterTheOperator(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		w.cloud.FailNextVolumeWork(simulator.ExtendVolume, "the pool is full")
		for range 2 {
			refused(w, p.ControllerExpandVolume, grow(v, 2), codes.FailedPrecondition, "the data is as it was", "operator")
		}
		if !p.heard("VolumeNotExtended") {
			t.Error("the owner of the volume heard nothing")
		}
		w.cloud.SetVolumeStatus(v, "available")
		must(w, p.ControllerExpandVolume, grow(v, 2))
	})
}

func TestAnOldCinderExtendsNoVolumeInUse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1, func(o *simulator.Options) { o.MaxVolumeMicroversion = "3.41" })
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		refused(w, p.ControllerExpandVolume, grow(v, 2), codes.FailedPrecondition, "attached")
		p.detach(v, w.nodes[0])
		must(w, p.ControllerExpandVolume, grow(v, 2))
	})
}

func modify(volume string, parameters map[string]string) *csi.ControllerModifyVolumeRequest {
	return &csi.ControllerModifyVolumeRequest{VolumeId: volume, MutableParameters: parameters}
}

func TestModification(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast"})
		v := p.create("pvc-1", 1).GetVolumeId()
		parameters := map[string]string{"type": "fast", "migrationPolicy": "on-demand", "metadata/team": "blue"}
		for range 2 {
			must(w, p.ControllerModifyVolume, modify(v, parameters))
			got := w.cloud.Volume(v)
			if got.Type != "fast" || got.Metadata["team"] != "blue" || got.Metadata[block.MetadataCluster] != cluster {
				t.Errorf("it has type %s and metadata %v", got.Type, got.Metadata)
			}
		}
		if got := w.cloud.Count("POST /v3/*/volumes/*/action") + w.cloud.Count("POST /volumes/*/action"); got > 2 {
			t.Errorf("retyped %d times, want once", got)
		}
		for name, value := range map[string]string{"iops": "5", "migrationPolicy": "perhaps", "metadata/" + block.MetadataCluster: "green", "type": "slow"} {
			refused(w, p.ControllerModifyVolume, modify(v, map[string]string{name: value}), codes.InvalidArgument)
		}
		refused(w, p.ControllerModifyVolume, modify("4f1c6d4e-0000-4000-8000-000000000000", parameters), codes.NotFound)
		r := wish("pvc-2", 1)
		r.MutableParameters = map[string]string{"type": "fast", "metadata/team": "red"}
		r.Parameters["type"] = "slow" // the class of attributes counts
		made := w.cloud.Volume(must(w, p.CreateVolume, r).GetVolume().GetVolumeId())
		if made.Type != "fast" || made.Metadata["team"] != "red" {
			t.Errorf("made with type %s and metadata %v", made.Type, made.Metadata)
		}
	})
}

func TestARetypeThatFailsIsNotTakenForDone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast"})
		v := p.create("pvc-1", 1).GetVolumeId()
		w.cloud.FailNextVolumeWork(simulator.RetypeVolume, "")
		refused(w, p.ControllerModifyVolume, modify(v, map[string]string{"type": "fast"}), codes.Aborted, "gave up")
		must(w, p.ControllerModifyVolume, modify(v, map[string]string{"type": "fast"}))
	})
}

func TestSnapshotsAreToldAtOnceAndReadyLater(t *testing.T) {
	for _, minor := range []string{"3.65", "3.71"} {
		t.Run(minor, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 1, func(o *simulator.Options) { o.MaxVolumeMicroversion = minor })
				p := w.start()
				v := p.create("pvc-1", 2).GetVolumeId()
				p.attach(v, w.nodes[0]) // in use: the snapshot must be forced
				for _, kind := range []string{"snapshot", "backup"} {
					s := p.snapshot(kind+"-1", v, map[string]string{"type": kind})
					if s.GetReadyToUse() || s.GetSizeBytes() != 2*gib || s.GetSourceVolumeId() != v || s.GetCreationTime().AsTime().IsZero() {
						t.Errorf("told %v of a %s at once", s, kind)
					}
					p.ready(s.GetSnapshotId())
					if again := p.snapshot(kind+"-1", v, map[string]string{"type": kind}); again.GetSnapshotId() != s.GetSnapshotId() || !again.GetReadyToUse() {
						t.Errorf("told %v of a %s again", again, kind)
					}
					refused(w, p.CreateSnapshot, &csi.CreateSnapshotRequest{Name: kind + "-1", SourceVolumeId: "another", Parameters: map[string]string{"type": kind}}, codes.AlreadyExists)
				}
				if got := len(w.left()); got != 4 { // volume, attachment, snapshot, backup
					t.Errorf("there is %v", w.left())
				}
			})
		})
	}
}

// TestAVolumeWithSnapshotsIsNotRetyped: Cinder would never end to.
func TestAVolumeWithSnapshotsIsNotRetyped(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 0)
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast"})
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		taken := p.snapshot("snapshot-1", v, nil).GetSnapshotId()
		p.ready(taken)
		refused(w, p.ControllerModifyVolume, modify(v, map[string]string{"type": "fast"}), codes.FailedPrecondition, "snapshot-1", taken)
		w.want(v, "available")
		must(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: taken})
		must(w, p.ControllerModifyVolume, modify(v, map[string]string{"type": "fast"}))
	})
}

func TestABackupHoldsUpNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.cloud.SetVolumePace(simulator.VolumePace{Create: time.Second, Attach: time.Second, Detach: time.Second, Snapshot: time.Second, Backup: 3 * time.Hour})
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		began := time.Now()
		b := p.snapshot("backup-1", v, map[string]string{"type": "backup"})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("told after %v of a backup that takes 3 h", took)
		}
		p.attach(v, w.nodes[0])
		p.detach(v, w.nodes[0])
		w.cloud.ResetCalls()
		time.Sleep(time.Hour)
		if calls := w.cloud.Calls(); len(calls) != 0 {
			t.Errorf("%d calls in an hour in which nobody asked", len(calls))
		}
		time.Sleep(3 * time.Hour)
		p.ready(b.GetSnapshotId())
		w.cloud.SetVolumePace(simulator.VolumePace{Delete: time.Second})
		must(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: b.GetSnapshotId()})
		p.delete(v)
		if left := w.left(); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	})
}

func TestCopiesThatFail(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		for kind, work := range map[string]simulator.VolumeWork{"snapshot": simulator.CreateSnapshot, "backup": simulator.CreateBackup} {
			request := &csi.CreateSnapshotRequest{Name: kind, SourceVolumeId: v, Parameters: map[string]string{"type": kind}}
			w.cloud.FailNextVolumeWork(work, "the backend is away")
			before := len(w.left())
			s := p.snapshot(kind, v, request.GetParameters())
			time.Sleep(time.Minute)
			// Whoever asks how it does is told, and does not wait for ever.
			refused(w, p.GetSnapshot, &csi.GetSnapshotRequest{SnapshotId: s.GetSnapshotId()}, codes.FailedPrecondition, "the backend is away")
			refused(w, p.ListSnapshots, &csi.ListSnapshotsRequest{SnapshotId: s.GetSnapshotId()}, codes.FailedPrecondition)
			refused(w, p.CreateVolume, fromSnapshot("restored", 1, s.GetSnapshotId()), codes.InvalidArgument)
			refused(w, p.CreateSnapshot, request, codes.ResourceExhausted, "the backend is away")
			if left := w.left(); len(left) != before {
				t.Errorf("after a %s that failed there is %v, want as many as before, %d", kind, left, before)
			}
			must(w, p.CreateSnapshot, request)
		}
	})
}

func TestASnapshotOfAVolumeThatIsNotThere(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		nothing := "4f1c6d4e-0000-4000-8000-000000000000"
		refused(w, p.CreateSnapshot, &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: nothing}, codes.NotFound)
		refused(w, p.GetSnapshot, &csi.GetSnapshotRequest{SnapshotId: nothing}, codes.NotFound)
		must(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: nothing})
		refused(w, p.CreateSnapshot, &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: nothing, Parameters: map[string]string{"type": "photo"}}, codes.InvalidArgument)
	})
}

func TestSnapshotsAndBackupsAreListedAPageAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v, other := p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId()
		want := map[string]bool{}
		for _, name := range []string{"a", "b", "c"} {
			want[p.snapshot(name, v, nil).GetSnapshotId()] = true
			want[p.snapshot("backup-"+name, v, map[string]string{"type": "backup"}).GetSnapshotId()] = true
		}
		elsewhere := p.snapshot("d", other, nil).GetSnapshotId()
		for _, most := range []int32{0, 1, 2, 3, 100} {
			seen := map[string]bool{}
			token := ""
			for {
				page := must(w, p.ListSnapshots, &csi.ListSnapshotsRequest{SourceVolumeId: v, MaxEntries: most, StartingToken: token})
				if most > 0 && len(page.GetEntries()) > int(most) {
					t.Errorf("a page of %d has %d entries", most, len(page.GetEntries()))
				}
				for _, e := range page.GetEntries() {
					seen[e.GetSnapshot().GetSnapshotId()] = true
				}
				if token = page.GetNextToken(); token == "" {
					break
				}
			}
			if len(seen) != len(want) || seen[elsewhere] {
				t.Errorf("by %d: listed %d, want the %d of the volume", most, len(seen), len(want))
			}
			for id := range want {
				if !seen[id] {
					t.Errorf("by %d: %s is not listed", most, id)
				}
			}
		}
		p.ready(elsewhere)
		one := must(w, p.ListSnapshots, &csi.ListSnapshotsRequest{SnapshotId: elsewhere}).GetEntries()
		if len(one) != 1 || !one[0].GetSnapshot().GetReadyToUse() {
			t.Errorf("listed by id: %v", one)
		}
		none := must(w, p.ListSnapshots, &csi.ListSnapshotsRequest{SnapshotId: elsewhere, SourceVolumeId: v}).GetEntries()
		if len(none) != 0 {
			t.Errorf("listed by id and another volume: %v", none)
		}
		refused(w, p.ListSnapshots, &csi.ListSnapshotsRequest{StartingToken: "nonsense"}, codes.Aborted)
		refused(w, p.ListSnapshots, &csi.ListSnapshotsRequest{StartingToken: "s/4f1c6d4e-0000-4000-8000-000000000000"}, codes.Aborted)
		refused(w, p.ListVolumes, &csi.ListVolumesRequest{StartingToken: "nonsense"}, codes.Aborted)
		refused(w, p.ListVolumes, &csi.ListVolumesRequest{StartingToken: "/4f1c6d4e-0000-4000-8000-000000000000"}, codes.Aborted)
		refused(w, p.ListVolumes, &csi.ListVolumesRequest{MaxEntries: -1}, codes.InvalidArgument)
	})
}

func TestHealth(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		p.create("well", 1)
		ill := w.cloud.AddVolume(simulator.VolumeSpec{Name: "ill", Status: "error_extending"})
		listed := must(w, p.ControllerListVolumeHealth, &csi.ControllerListVolumeHealthRequest{}).GetEntries()
		if len(listed) != 1 || listed[0].GetVolumeId() != ill {
			t.Fatalf("listed %v, want the one that is ill", listed)
		}
		h := must(w, p.ControllerGetVolumeHealth, &csi.ControllerGetVolumeHealthRequest{VolumeId: ill}).GetVolumeHealth().GetHealthStatuses()
		if len(h) != 1 || h[0].GetStatus() != csi.VolumeHealthErrorType_DEGRADED || h[0].GetReason() != "ErrorExtending" {
			t.Errorf("told %v", h)
		}
		refused(w, p.ControllerGetVolumeHealth, &csi.ControllerGetVolumeHealthRequest{VolumeId: "4f1c6d4e-0000-4000-8000-000000000000"}, codes.NotFound)
	})
}

func TestCapabilitiesAreConfirmed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		confirmed := func(c *csi.VolumeCapability) bool {
			answer := must(w, p.ValidateVolumeCapabilities, &csi.ValidateVolumeCapabilitiesRequest{VolumeId: v, VolumeCapabilities: []*csi.VolumeCapability{c}})
			return answer.GetConfirmed() != nil
		}
		if !confirmed(mount(single)) || !confirmed(raw(csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER)) || confirmed(raw(several)) || confirmed(mount(several)) {
			t.Error("confirmed what it cannot do, or not what it can")
		}
		for _, c := range must(w, p.ControllerGetCapabilities, &csi.ControllerGetCapabilitiesRequest{}).GetCapabilities() {
			if c.GetRpc().GetType() == csi.ControllerServiceCapability_RPC_UNKNOWN {
				t.Error("announces an unknown capability")
			}
		}
	})
}

func TestGroupSnapshots(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.AddGroupType("consistent")
		one, two := p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId()
		request := &csi.CreateVolumeGroupSnapshotRequest{Name: "group-1", SourceVolumeIds: []string{one, two}}
		refused(w, p.CreateVolumeGroupSnapshot, request, codes.InvalidArgument, "groupType")
		request.Parameters = map[string]string{"groupType": "consistent"}
		g := must(w, p.CreateVolumeGroupSnapshot, request).GetGroupSnapshot()
		time.Sleep(time.Minute)
		again := must(w, p.CreateVolumeGroupSnapshot, request).GetGroupSnapshot()
		if again.GetGroupSnapshotId() != g.GetGroupSnapshotId() || !again.GetReadyToUse() || len(again.GetSnapshots()) != 2 {
			t.Fatalf("told %v again", again)
		}
		other := &csi.CreateVolumeGroupSnapshotRequest{Name: "group-1", SourceVolumeIds: []string{one}, Parameters: request.GetParameters()}
		refused(w, p.CreateVolumeGroupSnapshot, other, codes.AlreadyExists)
		part := again.GetSnapshots()[0]
		if part.GetGroupSnapshotId() != g.GetGroupSnapshotId() {
			t.Errorf("a snapshot of the group is told as %v", part)
		}
		refused(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: part.GetSnapshotId()}, codes.InvalidArgument)
		must(w, p.CreateVolume, fromSnapshot("restored", 1, part.GetSnapshotId()))
		id := g.GetGroupSnapshotId()
		must(w, p.GetVolumeGroupSnapshot, &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: id})
		refused(w, p.GetVolumeGroupSnapshot, &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: id, SnapshotIds: []string{part.GetSnapshotId()}}, codes.InvalidArgument)
		for range 2 {
			must(w, p.DeleteVolumeGroupSnapshot, &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: id})
		}
		refused(w, p.GetVolumeGroupSnapshot, &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: id}, codes.NotFound)
		groups, err := p.client.GroupsNamed(t.Context(), "group-1")
		if err != nil || len(groups) != 0 {
			t.Errorf("left are the groups %v (%v)", groups, err)
		}
		p.delete(one)
		p.delete(two)
	})
}

func TestAVolumeOfAGroupIsDeletedWithIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.AddGroupType("consistent")
		v := p.create("pvc-1", 1).GetVolumeId()
		request := &csi.CreateVolumeGroupSnapshotRequest{Name: "group-1", SourceVolumeIds: []string{v}, Parameters: map[string]string{"groupType": "consistent"}}
		w.cloud.FailNextVolumeWork(simulator.CreateGroupSnapshot, "")
		refused(w, p.CreateVolumeGroupSnapshot, request, codes.ResourceExhausted)
		p.delete(v)
		if left := w.left(); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	})
}

func TestASidecarThatGivesUpIsAnsweredCanceled(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := p.CreateVolume(ctx, wish("pvc-1", 1))
		if status.Code(err) != codes.Canceled {
			t.Errorf("got %v, want Canceled", err)
		}
		p.create("pvc-1", 1)
		if got := len(w.named("pvc-1")); got != 1 {
			t.Errorf("there are %d volumes, want 1", got)
		}
	})
}

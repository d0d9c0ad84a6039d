package controller_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/controller"
)

const scheduling = "schedule allocate volume: Could not find any available weighted backend."

func TestAVolumeIsToldWhenItIsAvailable(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		began := time.Now()
		v := w.start().create("pvc-1", 2)
		w.want(v.GetVolumeId(), "available")
		if took := time.Since(began); took < 3*time.Second || took > 8*time.Second {
			t.Errorf("told after %v, and Cinder took 3 s", took)
		}
		want := map[string]string{
			block.MetadataCluster: cluster, "csi.storage.k8s.io/pvc/name": "claim", "csi.storage.k8s.io/pvc/namespace": "shop", "csi.storage.k8s.io/pv/name": "pvc-1",
		}
		if diff := cmp.Diff(want, w.cloud.Volume(v.GetVolumeId()).Metadata); diff != "" {
			t.Errorf("metadata (-want +got):\n%s", diff)
		}
		if v.GetCapacityBytes() != 2*gib || v.GetAccessibleTopology()[0].GetSegments()[block.TopologyZone] != "nova" {
			t.Errorf("told %v", v)
		}
	})
}

func TestAVolumeThatFailsIsDeletedAndTheReasonIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.FailNextVolumeWork(simulator.CreateVolume, scheduling)
		refused(w, p.CreateVolume, wish("pvc-1", 1), codes.ResourceExhausted, scheduling)
		if left := w.left(); len(left) > 0 {
			t.Errorf("the answer was final, and there is %v", left)
		}
		p.create("pvc-1", 1) // the next attempt is made anew
	})
}

func TestAFailedVolumeThatCannotBeDeletedYetIsNotFinal(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.FailNextVolumeWork(simulator.CreateVolume, scheduling)
		w.cloud.FailNextVolumeWork(simulator.DeleteVolume, "")
		refused(w, p.CreateVolume, wish("pvc-1", 1), codes.Aborted, scheduling)
	})
}

func TestAnErrorVolumeThatIsThereAlreadyIsNotToldAsMade(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.cloud.AddVolume(simulator.VolumeSpec{Name: "pvc-1", Status: "error", Metadata: map[string]string{block.MetadataCluster: cluster}})
		refused(w, w.start().CreateVolume, wish("pvc-1", 1), codes.ResourceExhausted)
		if left := w.left(); len(left) > 0 {
			t.Errorf("there is %v", left)
		}
	})
}

func TestAVolumeThatIsBeingDeletedIsNotToldAsMade(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		old := p.create("pvc-1", 1).GetVolumeId()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: old})
		if status.Code(err) != codes.DeadlineExceeded {
			t.Fatalf("got %v, want DeadlineExceeded", err)
		}
		w.want(old, "deleting")
		if v := p.create("pvc-1", 1).GetVolumeId(); v == old || w.status(v) != "available" {
			t.Errorf("told %s, which is %s", v, w.status(v))
		}
		w.want(old, "gone")
	})
}

func TestANamesakeOfAnotherClusterIsLeftAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		other := w.cloud.AddVolume(simulator.VolumeSpec{Name: "pvc-1", Status: "error", Metadata: map[string]string{block.MetadataCluster: "green"}})
		nobodys := w.cloud.AddVolume(simulator.VolumeSpec{Name: "pvc-1"})
		v := w.start().create("pvc-1", 1).GetVolumeId()
		if v == other || v == nobodys {
			t.Error("told a volume that is another's")
		}
		w.want(other, "error")
		w.want(nobodys, "available")
	})
}

func TestOfTwoVolumesOfANameTheOldestStays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		ours := map[string]string{block.MetadataCluster: cluster}
		var ids []string
		for range 3 {
			ids = append(ids, w.cloud.AddVolume(simulator.VolumeSpec{Name: "pvc-1", Metadata: ours}))
			time.Sleep(2 * time.Second)
		}
		w.cloud.AttachVolumeByHand(w.nodes[0], ids[2])
		if v := p.create("pvc-1", 1).GetVolumeId(); v != ids[0] {
			t.Errorf("told %s, want the oldest", v)
		}
		w.want(ids[1], "gone")
		w.want(ids[2], "in-use") // somebody uses it
	})
}

func TestAnExistingVolumeMustBeWhatIsAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1, func(o *simulator.Options) { o.Zones = []string{"a", "b"} })
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast"})
		p.create("pvc-1", 5)
		snapshot := p.snapshot("snapshot-1", p.create("pvc-2", 1).GetVolumeId(), nil).GetSnapshotId()
		for what, change := range map[string]func(*csi.CreateVolumeRequest){
			"larger": func(r *csi.CreateVolumeRequest) { r.CapacityRange.RequiredBytes = 6 * gib },
			"smaller": func(r *csi.CreateVolumeRequest) {
				r.CapacityRange = &csi.CapacityRange{RequiredBytes: gib, LimitBytes: 4 * gib}
			},
			"another type": func(r *csi.CreateVolumeRequest) { r.Parameters["type"] = "fast" },
			"another zone": func(r *csi.CreateVolumeRequest) { r.Parameters["availability"] = "b" },
			"from snapshot": func(r *csi.CreateVolumeRequest) {
				r.VolumeContentSource = fromSnapshot("pvc-1", 5, snapshot).GetVolumeContentSource()
			},
			"elsewhere": func(r *csi.CreateVolumeRequest) {
				r.AccessibilityRequirements = topology("b")
			},
		} {
			r := wish("pvc-1", 5)
			change(r)
			if _, err := once(w, p.CreateVolume, r); status.Code(err) != codes.AlreadyExists {
				t.Errorf("%s: got %v, want AlreadyExists", what, err)
			}
		}
		within := wish("pvc-1", 5)
		within.CapacityRange = &csi.CapacityRange{RequiredBytes: 3 * gib, LimitBytes: 5 * gib}
		must(w, p.CreateVolume, within)
	})
}

func topology(zones ...string) *csi.TopologyRequirement {
	r := &csi.TopologyRequirement{}
	for _, zone := range zones {
		r.Preferred = append(r.Preferred, &csi.Topology{Segments: map[string]string{block.TopologyZone: zone}})
	}
	r.Requisite = r.Preferred
	return r
}

func TestZones(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1, func(o *simulator.Options) { o.Zones = []string{"a", "b", "c"}; o.VolumeZones = []string{"a", "b"} })
		p := w.start()
		in := func(name string, zones ...string) *csi.CreateVolumeRequest {
			r := wish(name, 1)
			r.AccessibilityRequirements = topology(zones...)
			return r
		}
		zoneOf := func(v *csi.Volume) string { return v.GetAccessibleTopology()[0].GetSegments()[block.TopologyZone] }
		if got := zoneOf(must(w, p.CreateVolume, in("preferred", "b", "a")).GetVolume()); got != "b" {
			t.Errorf("made in %s, want the preferred b", got)
		}
		if got := zoneOf(must(w, p.CreateVolume, in("known", "c", "a")).GetVolume()); got != "a" {
			t.Errorf("made in %s, want a: Cinder does not have c", got)
		}
		refused(w, p.CreateVolume, in("unknown", "c"), codes.ResourceExhausted, "ignore-volume-az", "[a b]")

		// What is made from something stays where that is.
		source := must(w, p.CreateVolume, in("source", "b")).GetVolume().GetVolumeId()
		snapshot := p.snapshot("snapshot-1", source, nil).GetSnapshotId()
		restore := fromSnapshot("restored", 1, snapshot)
		restore.AccessibilityRequirements = topology("a", "b")
		if got := zoneOf(must(w, p.CreateVolume, restore).GetVolume()); got != "b" {
			t.Errorf("restored in %s, want b, where the snapshot is", got)
		}
		apart := fromVolume("apart", 1, source)
		apart.AccessibilityRequirements = topology("a")
		refused(w, p.CreateVolume, apart, codes.ResourceExhausted, `"b"`)

		ignoring := w.start(func(o *controller.Options) { o.IgnoreVolumeZone = true })
		v := must(w, ignoring.CreateVolume, in("ignored", "c")).GetVolume()
		if zoneOf(v) != "c" || w.cloud.Volume(v.GetVolumeId()).Zone != "a" {
			t.Errorf("usable in %s and made in %s, want c, as asked, and Cinder's own choice", zoneOf(v), w.cloud.Volume(v.GetVolumeId()).Zone)
		}
		// The zone that a class names is Cinder's, whatever the zones of Kubernetes are.
		named := in("named", "c")
		named.Parameters["availability"] = "b"
		for range 2 {
			v = must(w, ignoring.CreateVolume, named).GetVolume()
			if zoneOf(v) != "c" || w.cloud.Volume(v.GetVolumeId()).Zone != "b" {
				t.Errorf("usable in %s and made in %s, want c, as asked, and b, as the class says", zoneOf(v), w.cloud.Volume(v.GetVolumeId()).Zone)
			}
		}
	})
}

func TestSizes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		sized := func(name string, required, limit int64) *csi.CreateVolumeRequest {
			r := wish(name, 1)
			r.CapacityRange = &csi.CapacityRange{RequiredBytes: required, LimitBytes: limit}
			return r
		}
		if got := must(w, p.CreateVolume, sized("rounded", gib+1, 0)).GetVolume().GetCapacityBytes(); got != 2*gib {
			t.Errorf("1 GiB and a byte became %d bytes, want 2 GiB", got)
		}
		refused(w, p.CreateVolume, sized("between", gib+1, 2*gib-1), codes.OutOfRange)
		refused(w, p.CreateVolume, sized("upside-down", 2*gib, gib), codes.OutOfRange)
		refused(w, p.CreateVolume, sized("negative", -1, 0), codes.InvalidArgument)
		none := wish("default", 1)
		none.CapacityRange = nil
		if got := must(w, p.CreateVolume, none).GetVolume().GetCapacityBytes(); got != gib {
			t.Errorf("no size became %d bytes, want 1 GiB", got)
		}
		source := p.create("source", 4).GetVolumeId()
		clone := fromVolume("clone", 1, source)
		clone.CapacityRange = nil
		if got := must(w, p.CreateVolume, clone).GetVolume().GetCapacityBytes(); got != 4*gib {
			t.Errorf("a clone of 4 GiB without a size became %d bytes", got)
		}
		small := fromVolume("small", 1, source)
		small.CapacityRange = &csi.CapacityRange{LimitBytes: 3 * gib}
		refused(w, p.CreateVolume, small, codes.OutOfRange, "4 GiB")
	})
}

func TestWhatTheNodeIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		r := wish("plain", 1)
		r.Parameters["mkfs-options"] = "-E nodiscard"
		r.Parameters["appendVolumeMetadata"] = `{"team": "blue", "csi.storage.k8s.io/pvc/name": "mine"}`
		plain := must(w, p.CreateVolume, r).GetVolume()
		if diff := cmp.Diff(map[string]string{"mkfs-options": "-E nodiscard"}, plain.GetVolumeContext()); diff != "" {
			t.Errorf("context (-want +got):\n%s", diff)
		}
		metadata := w.cloud.Volume(plain.GetVolumeId()).Metadata
		if metadata["team"] != "blue" || metadata["csi.storage.k8s.io/pvc/name"] != "claim" {
			t.Errorf("metadata %v", metadata)
		}
		r.Parameters["appendVolumeMetadata"] = `["no map"]`
		refused(w, p.CreateVolume, r, codes.InvalidArgument, "appendVolumeMetadata")

		snapshot := p.snapshot("snapshot-1", plain.GetVolumeId(), nil).GetSnapshotId()
		backup := p.snapshot("backup-1", plain.GetVolumeId(), map[string]string{"type": "backup"}).GetSnapshotId()
		for origin, request := range map[string]*csi.CreateVolumeRequest{
			block.OriginVolume: fromVolume("clone", 2, plain.GetVolumeId()), block.OriginSnapshot: fromSnapshot("restored", 2, snapshot),
			block.OriginBackup: fromSnapshot("from-backup", 2, backup),
		} {
			v := must(w, p.CreateVolume, request).GetVolume()
			if v.GetVolumeContext()[block.ContextOrigin] != origin || v.GetVolumeContext()[block.ContextResize] != "true" {
				t.Errorf("a volume from a %s has the context %v", origin, v.GetVolumeContext())
			}
			again := must(w, p.CreateVolume, request).GetVolume()
			if diff := cmp.Diff(v.GetVolumeContext(), again.GetVolumeContext()); diff != "" || again.GetVolumeId() != v.GetVolumeId() {
				t.Errorf("asked again, a volume from a %s is %s with (-first +again):\n%s", origin, again.GetVolumeId(), diff)
			}
		}
	})
}

// A restore replaces the volume's metadata with those of the backup's volume.
func TestABackupOfAnotherClusterIsRestoredOnceAndIsOurs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		other := w.start(func(o *controller.Options) { o.Cluster = "green" })
		backup := other.snapshot("backup-1", other.create("theirs", 1).GetVolumeId(), map[string]string{"type": "backup"}).GetSnapshotId()
		p := w.start()
		p.ready(backup)
		r := fromSnapshot("pvc-1", 1, backup)
		r.Parameters["csi.storage.k8s.io/pvc/name"] = "mine"
		for range 2 {
			v := must(w, p.CreateVolume, r).GetVolume()
			made := w.named("pvc-1")
			if len(made) != 1 || made[0].ID != v.GetVolumeId() {
				t.Fatalf("told %s, and there are %+v", v.GetVolumeId(), made)
			}
			if m := made[0].Metadata; m[block.MetadataCluster] != cluster || m["csi.storage.k8s.io/pvc/name"] != "mine" {
				t.Errorf("its metadata are %v", m)
			}
		}
		w.cloud.FailNextVolumeWork(simulator.CreateVolume, "the backup is away")
		refused(w, p.CreateVolume, fromSnapshot("pvc-2", 1, backup), codes.ResourceExhausted, "the backup is away")
		if left := w.named("pvc-2"); len(left) > 0 {
			t.Errorf("there is %+v", left)
		}
	})
}

func TestSourcesThatCannotBeUsed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		nothing := "4f1c6d4e-0000-4000-8000-000000000000"
		refused(w, p.CreateVolume, fromVolume("a", 1, nothing), codes.NotFound)
		refused(w, p.CreateVolume, fromSnapshot("b", 1, nothing), codes.NotFound)
		broken := w.cloud.AddVolume(simulator.VolumeSpec{Name: "broken", Status: "error"})
		refused(w, p.CreateVolume, fromVolume("c", 1, broken), codes.InvalidArgument)
		if got := len(w.cloud.Volumes()); got != 1 {
			t.Errorf("there are %d volumes, want the broken one alone", got)
		}
	})
}

func TestReadWriteManyIsForRawBlockOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		r := wish("pvc-1", 1)
		r.Parameters["type"] = "shared"
		r.VolumeCapabilities = []*csi.VolumeCapability{mount(several)}
		refused(w, p.CreateVolume, r, codes.InvalidArgument, "filesystem")
		r.VolumeCapabilities = []*csi.VolumeCapability{raw(several)}
		v := must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		for _, node := range w.nodes {
			request := publish(v, node)
			request.VolumeCapability = mount(several)
			refused(w, p.ControllerPublishVolume, request, codes.InvalidArgument, "filesystem")
			request.VolumeCapability = raw(several)
			must(w, p.ControllerPublishVolume, request)
		}
		delete(r.Parameters, "type")
		r.Name = "pvc-2"
		refused(w, p.CreateVolume, r, codes.InvalidArgument, "multiattach")
	})
}

func TestAQuotaIsSaid(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.SetVolumeQuota("", "gigabytes", 5)
		p.create("pvc-1", 4)
		refused(w, p.CreateVolume, wish("pvc-2", 2), codes.ResourceExhausted)
		capacity := must(w, p.GetCapacity, &csi.GetCapacityRequest{})
		if got := capacity.GetAvailableCapacity(); got != gib {
			t.Errorf("%d bytes are left, want 1 GiB", got)
		}
		w.cloud.SetVolumeQuota("", "volumes", 1)
		if got := must(w, p.GetCapacity, &csi.GetCapacityRequest{}).GetAvailableCapacity(); got != 0 {
			t.Errorf("%d bytes are left, want none: there may be no more volumes", got)
		}
	})
}

func TestAffinity(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		first := p.create("first", 1).GetVolumeId()
		p.claims["shop/claim"] = map[string]string{
			"cinder.csi.openstack.org/affinity": "first", "cinder.csi.openstack.org/anti-affinity": " , ",
		}
		beside := p.create("beside", 1).GetVolumeId()
		p.claims["shop/claim"] = map[string]string{"cinder.csi.openstack.org/anti-affinity": first}
		away := p.create("away", 1).GetVolumeId()
		host := func(id string) string { return w.cloud.Volume(id).Host }
		if host(beside) != host(first) || host(away) == host(first) {
			t.Errorf("first is on %s, the one beside it on %s, the one away from it on %s", host(first), host(beside), host(away))
		}
	})
}

func TestAWaitEndsWithTheRequest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.SetVolumePace(simulator.VolumePace{Create: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := p.CreateVolume(ctx, wish("pvc-1", 1))
		if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "still creating") {
			t.Errorf("got %v, want DeadlineExceeded that says that it is still creating", err)
		}
		if ctx.Err() != nil {
			t.Error("the answer came after the caller's time was over")
		}
	})
}

func TestTheSecretNamesTheCloud(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, other := newWorld(t, 1), newWorld(t, 1)
		second := other.start()
		p := w.start(func(o *controller.Options) { o.Clouds["second"] = second.client })
		r := wish("pvc-1", 1)
		r.Secrets = map[string]string{"cloud": "second"}
		v := must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		other.want(v, "available")
		p.create("pvc-2", 1)
		listed := must(w, p.ListVolumes, &csi.ListVolumesRequest{})
		rest := must(w, p.ListVolumes, &csi.ListVolumesRequest{StartingToken: listed.GetNextToken()})
		if len(listed.GetEntries()) != 1 || len(rest.GetEntries()) != 1 || rest.GetNextToken() != "" {
			t.Errorf("listed %v and then %v, want one of each cloud", listed, rest)
		}
		// This one has no secrets: it looks everywhere.
		if got := must(w, p.ControllerGetVolume, &csi.ControllerGetVolumeRequest{VolumeId: v}).GetVolume().GetVolumeId(); got != v {
			t.Errorf("got volume %s, want %s of the second cloud", got, v)
		}
		refused(w, p.ControllerGetVolume, &csi.ControllerGetVolumeRequest{VolumeId: "0aeb2c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d"}, codes.NotFound)
		r.Secrets["cloud"] = "third"
		refused(w, p.CreateVolume, r, codes.InvalidArgument, "third", "second")
	})
}

func TestTokensThatExpireAreRenewed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2, func(o *simulator.Options) { o.TokenTTL = 2 * time.Second })
		quick(w)
		(&life{w: w, p: w.start(), told: map[string]string{}}).live()
	})
}

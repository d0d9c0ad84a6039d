package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/openstack/session"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
)

// world is a simulated cloud with one server, and a client of it.
type world struct {
	*simulator.Cloud
	*storage.Client
	server string
}

func newWorld(t *testing.T, options simulator.Options) *world {
	t.Helper()
	w := &world{Cloud: simulator.New(options)}
	network := w.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"192.0.2.0/24"}})
	w.server = w.AddServer(simulator.ServerSpec{Name: "node", Zone: "nova", Networks: []simulator.NIC{{NetworkID: network.ID, SubnetIDs: network.SubnetIDs}}}).ID
	cfg, report := config.Read(strings.NewReader(w.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	on, err := session.New(cfg.Global, session.Options{Transport: w.Transport(), MaxAttempts: 1, RequestsPerSecond: 1e6, Burst: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	w.Client = storage.New(on, storage.Options{})
	return w
}

func inWorld(t *testing.T, options simulator.Options, run func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { run(t, newWorld(t, options)) })
}

// done waits as long as the simulator's work takes.
func done() { time.Sleep(time.Minute) }

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLifeOfAVolume(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast"})
		wish := block.VolumeRequest{
			Name: "pvc-1", Description: "d", Type: "fast", AvailabilityZone: "nova", SizeGiB: 2,
			Metadata: map[string]string{block.MetadataCluster: "kubernetes"},
		}
		made := must[block.Volume](t)(w.CreateVolume(ctx, wish))
		if made.Status != block.StatusCreating {
			t.Errorf("got status %s, want creating", made.Status)
		}
		done()
		got := must[block.Volume](t)(w.Client.Volume(ctx, made.ID))
		want := block.Volume{
			ID: made.ID, Name: "pvc-1", Description: "d", Type: "fast", AvailabilityZone: "nova", SizeGiB: 2,
			Status: block.StatusAvailable, Metadata: wish.Metadata,
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(block.Volume{}, "CreatedAt")); diff != "" {
			t.Errorf("the volume (-want +got):\n%s", diff)
		}
		if age := time.Since(got.CreatedAt); age < time.Minute-2*time.Second || age > 2*time.Minute {
			t.Errorf("it was made %v ago, want a minute", age)
		}
		check(t, w.SetMetadata(ctx, made.ID, map[string]string{"more": "1"}))
		check(t, w.ExtendVolume(ctx, made.ID, 3))
		if err := w.DeleteVolume(ctx, made.ID); !errors.Is(err, cloud.ErrBusy) {
			t.Errorf("delete while it grows: got %v, want cloud.ErrBusy", err)
		}
		done()
		got = must[block.Volume](t)(w.Client.Volume(ctx, made.ID))
		if got.SizeGiB != 3 || got.Metadata["more"] != "1" || got.Metadata[block.MetadataCluster] != "kubernetes" {
			t.Errorf("got %+v, want 3 GiB and both keys", got)
		}
		check(t, w.DeleteVolume(ctx, made.ID))
		done()
		if _, err := w.Client.Volume(ctx, made.ID); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("got %v, want cloud.ErrNotFound", err)
		}
	})
}

func TestVolumesByNameAndByPage(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		var ids []string
		for i := range 5 {
			ids = append(ids, w.AddVolume(simulator.VolumeSpec{Name: fmt.Sprintf("v%d", i/2)}))
			time.Sleep(time.Second)
		}
		w.AddVolume(simulator.VolumeSpec{Name: "v1", ProjectID: "99999999999999999999999999999999"})
		named := must[[]block.Volume](t)(w.VolumesNamed(ctx, "v1"))
		if got := idsOf(named); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(ids[2:4]))) {
			t.Errorf("named v1: got %v, want %v", got, ids[2:4])
		}
		var seen []string
		for marker, pages := "", 0; ; pages++ {
			page, next, err := w.VolumePage(ctx, marker, 2)
			check(t, err)
			seen = append(seen, idsOf(page)...)
			if marker = next; next == "" || pages > 5 {
				break
			}
		}
		if !slices.Equal(seen, ids) {
			t.Errorf("in pages: got %v, want %v, oldest first", seen, ids)
		}
		if all, next, err := w.VolumePage(ctx, "", 0); err != nil || len(all) != 5 || next != "" {
			t.Errorf("without a limit: got %d, next %q, %v", len(all), next, err)
		}
		if _, _, err := w.VolumePage(ctx, volumeID, 2); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("a marker that is gone: got %v, want cloud.ErrNotFound", err)
		}
	})
}

func idsOf(volumes []block.Volume) []string {
	var out []string
	for _, v := range volumes {
		out = append(out, v.ID)
	}
	return out
}

func TestAttachAndDetach(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		id := w.AddVolume(simulator.VolumeSpec{Name: "v"})
		other := w.AddVolume(simulator.VolumeSpec{Name: "w"})
		w.SetAttachLimit(1)
		check(t, w.Attach(ctx, w.server, id))
		if err := w.Attach(ctx, w.server, id); !errors.Is(err, cloud.ErrBusy) {
			t.Errorf("attach twice: got %v, want cloud.ErrBusy", err)
		}
		if err := w.Attach(ctx, w.server, other); !errors.Is(err, cloud.ErrQuota) {
			t.Errorf("a disk too many: got %v, want cloud.ErrQuota", err)
		}
		done()
		volume := must[block.Volume](t)(w.Client.Volume(ctx, id))
		attachment, ok := volume.AttachedTo(w.server)
		if !ok || volume.Status != block.StatusInUse || attachment.ID == "" || attachment.Device == "" {
			t.Errorf("got %+v, want it attached", volume)
		}
		held := must[[]block.ServerVolume](t)(w.ServerVolumes(ctx, w.server))
		want := []block.ServerVolume{{VolumeID: id, AttachmentID: attachment.ID, Device: attachment.Device}}
		if diff := cmp.Diff(want, held); diff != "" {
			t.Errorf("what the server has (-want +got):\n%s", diff)
		}
		if err := w.DeleteAttachment(ctx, attachment.ID); !errors.Is(err, cloud.ErrBusy) {
			t.Errorf("an attachment that Nova uses: got %v, want cloud.ErrBusy", err)
		}
		check(t, w.ExtendVolume(ctx, id, 5))
		done()
		check(t, w.Detach(ctx, w.server, id))
		done()
		if volume := must[block.Volume](t)(w.Client.Volume(ctx, id)); volume.Status != block.StatusAvailable || volume.SizeGiB != 5 || volume.Attachments != nil {
			t.Errorf("got %+v, want it free and grown", volume)
		}
		if err := w.Detach(ctx, w.server, id); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("detach twice: got %v, want cloud.ErrNotFound", err)
		}
	})
}

// An attachment whose server is gone can be deleted, and frees the volume.
func TestOrphanAttachment(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		id := w.AddVolume(simulator.VolumeSpec{Name: "v"})
		check(t, w.Attach(ctx, w.server, id))
		done()
		server := must[block.Server](t)(w.Server(ctx, w.server))
		if server.Status != block.ServerActive || server.Name != "node" || server.AvailabilityZone != "nova" {
			t.Errorf("got %+v", server)
		}
		w.SetAttachmentOrphans(true)
		w.DeleteServer(w.server)
		if _, err := w.Server(ctx, w.server); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("got %v, want cloud.ErrNotFound", err)
		}
		attachment, ok := must[block.Volume](t)(w.Client.Volume(ctx, id)).AttachedTo(w.server)
		if !ok {
			t.Fatal("the attachment is gone with its server")
		}
		check(t, w.DeleteAttachment(ctx, attachment.ID))
		done()
		if volume := must[block.Volume](t)(w.Client.Volume(ctx, id)); volume.Status != block.StatusAvailable {
			t.Errorf("got %+v, want it available", volume)
		}
	})
}

func TestRetypeAndReset(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		typeID := w.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		id := w.AddVolume(simulator.VolumeSpec{Name: "v"})
		for _, name := range []string{"shared", typeID} {
			if got := must[block.Type](t)(w.Type(ctx, name)); got.ID != typeID || got.Name != "shared" || !got.Multiattach {
				t.Errorf("%s: got %+v", name, got)
			}
		}
		if _, err := w.Type(ctx, "slow"); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("got %v, want cloud.ErrNotFound", err)
		}
		if err := w.Retype(ctx, id, "slow", false); !errors.Is(err, cloud.ErrInvalid) {
			t.Errorf("a type that is not there: got %v, want cloud.ErrInvalid", err)
		}
		check(t, w.Retype(ctx, id, "shared", true))
		done()
		if got := must[block.Volume](t)(w.Client.Volume(ctx, id)); got.Type != "shared" || !got.Multiattach {
			t.Errorf("got %+v, want it shared", got)
		}
		if err := w.ResetError(ctx, id); !errors.Is(err, cloud.ErrDenied) {
			t.Errorf("reset by a member: got %v, want cloud.ErrDenied", err)
		}
	})
}

func TestProject(t *testing.T) {
	inWorld(t, simulator.Options{VolumeZones: []string{"b", "a"}}, func(t *testing.T, w *world) {
		ctx := t.Context()
		for range 3 {
			if got := must[[]string](t)(w.Zones(ctx)); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("got zones %v", got)
			}
		}
		if got := w.Count("GET /os-availability-zone"); got != 1 {
			t.Errorf("asked %d times for the zones, want once", got)
		}
		w.SetVolumeQuota(w.ProjectID(), "gigabytes", 7)
		w.AddVolume(simulator.VolumeSpec{Name: "v", SizeGiB: 3})
		limits := must[block.Limits](t)(w.Limits(ctx))
		if want := (block.Limits{MaxVolumes: -1, UsedVolumes: 1, MaxGigabytes: 7, UsedGigabytes: 3}); limits != want {
			t.Errorf("got %+v, want %+v", limits, want)
		}
		if _, err := w.CreateVolume(ctx, block.VolumeRequest{Name: "big", SizeGiB: 5}); !errors.Is(err, cloud.ErrQuota) {
			t.Errorf("beyond the quota: got %v, want cloud.ErrQuota", err)
		}
		w.FailNextVolumeWork(simulator.CreateVolume, "Storage is full")
		made := must[block.Volume](t)(w.CreateVolume(ctx, block.VolumeRequest{Name: "small", SizeGiB: 1}))
		done()
		messages := must[[]block.Message](t)(w.Messages(ctx, made.ID))
		says := func(m block.Message) bool {
			return m.ResourceID == made.ID && strings.Contains(m.Text, "Storage is full")
		}
		if len(messages) != 2 || !slices.ContainsFunc(messages, says) {
			t.Errorf("got %+v, want one that says why, and that no backend is left", messages)
		}
		if status := must[block.Volume](t)(w.Client.Volume(ctx, made.ID)).Status; status != block.StatusError {
			t.Errorf("got %s, want error", status)
		}
		check(t, w.Check(ctx))
	})
}

// Run asks now and then whether the cloud lives, and ends when it shall.
func TestRun(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		w.Run(ctx)
		if got := w.Count("GET /volumes"); got != 2 {
			t.Errorf("asked %d times, want every two minutes", got)
		}
	})
}

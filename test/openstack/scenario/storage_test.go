package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/openstack/session"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
	"underlay/test/openstack/api"
)

// store is the CSI driver's client on the real services, and what it has made.
type store struct {
	*storage.Client
	t *testing.T
	// mark begins all names, so that tests beside each other do not meet.
	mark string
}

// newStore makes a client for Cinder at addresses that have the project in them.
// restricted, it may do only what the driver's access rules list.
func newStore(t *testing.T, on *tenant, restricted bool) *store {
	t.Helper()
	as := config.Global{AuthURL: on.who.AuthURL, Region: on.who.Region}
	if restricted {
		may := on.credential(t, driverRules(t))
		as.ApplicationCredentialID, as.ApplicationCredentialSecret = may.ID, may.Secret
	} else {
		as.Username, as.Password, as.TenantName = on.who.Username, on.who.Password, on.who.Project
	}
	connection, err := session.New(as, session.Options{Transport: projectInURL{on.client.Endpoint(blocks), on.client.ProjectID}})
	if err != nil {
		t.Fatal(err)
	}
	s := &store{Client: storage.New(connection, storage.Options{}), t: t, mark: fmt.Sprintf("storage-%d-", time.Now().UnixNano())}
	t.Cleanup(s.clean)
	return s
}

// clean deletes what is left, the copies first.
func (s *store) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		left := 0
		backups, _, err := s.BackupPage(ctx, "", "", 0)
		for _, b := range backups {
			left += s.drop(b.Name, func() error { return s.DeleteBackup(ctx, b.ID) })
		}
		snapshots, _, err2 := s.SnapshotPage(ctx, "", "", 0)
		for _, n := range snapshots {
			left += s.drop(n.Name, func() error { return s.DeleteSnapshot(ctx, n.ID) })
		}
		volumes, _, err3 := s.VolumePage(ctx, "", 0)
		for _, v := range volumes {
			left += s.drop(v.Name, func() error { return s.DeleteVolume(ctx, v.ID) })
		}
		if err := errors.Join(err, err2, err3); err == nil && left == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	s.t.Error("clean up: volumes are left")
}

// drop deletes what this test has made; it counts 1 as long as that is there.
func (s *store) drop(name string, remove func() error) int {
	if len(name) < len(s.mark) || name[:len(s.mark)] != s.mark {
		return 0
	}
	if err := remove(); err != nil && !errors.Is(err, cloud.ErrNotFound) && !errors.Is(err, cloud.ErrBusy) {
		s.t.Errorf("clean up: %v", err)
	}
	return 1
}

// until looks at something every half second until it is as it shall be.
func until[T any](t *testing.T, what string, look func(context.Context) (T, error), done func(T, error) bool) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	for {
		seen, err := look(ctx)
		if done(seen, err) {
			return seen
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: still %+v, %v", what, seen, err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (s *store) volume(id string, want block.Status) block.Volume {
	s.t.Helper()
	return until(s.t, "volume "+id, func(ctx context.Context) (block.Volume, error) { return s.Volume(ctx, id) },
		func(v block.Volume, err error) bool {
			return err == nil && v.Status == want || want == block.StatusGone && errors.Is(err, cloud.ErrNotFound)
		})
}

func (s *store) create(wish block.VolumeRequest) block.Volume {
	s.t.Helper()
	wish.Name = s.mark + wish.Name
	made, err := s.CreateVolume(s.t.Context(), wish)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.volume(made.ID, block.StatusAvailable)
}

// expect checks the class of an error.
func (s *store) expect(what string, err, class error) {
	s.t.Helper()
	if !errors.Is(err, class) {
		s.t.Errorf("%s: got %v, want %v", what, err, class)
	}
}

func (s *store) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

const nobody = "99999999-9999-4999-8999-999999999999"

// TestStorageClient: what the client takes for granted of Cinder and Nova is so:
// the classes of their refusals above all.
func TestStorageClient(t *testing.T) {
	who, ok := account(t)
	if !ok {
		return
	}
	on := newTenant(t, http.DefaultClient, who)
	if on.client.Endpoint("block-storage") == "" {
		t.Log("left out: this OpenStack has no Cinder")
		return
	}
	tellOfStorage(t, on)
}

// TestStorageClientOnTheSimulator is the same where there is no real cloud.
func TestStorageClientOnTheSimulator(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{})
	sim.SetVolumeQuota(sim.ProjectID(), "gigabytes", 1000)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	tellOfStorage(t, newTenant(t, server.Client(), api.Account{
		AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne",
	}))
}

func tellOfStorage(t *testing.T, on *tenant) {
	s := newStore(t, on, true)
	t.Run("volumes", func(t *testing.T) { (&store{s.Client, t, s.mark}).volumes() })
	t.Run("copies", func(t *testing.T) { (&store{s.Client, t, s.mark}).copies() })
	s = newStore(t, on, false) // see volumeStory.orphans
	t.Run("attachments", func(t *testing.T) { (&store{s.Client, t, s.mark}).attachments(on) })
}

func (s *store) volumes() {
	ctx := s.t.Context()
	s.must(s.Check(ctx))
	made := s.create(block.VolumeRequest{Name: "one", SizeGiB: 1, Metadata: map[string]string{block.MetadataCluster: "scenario"}})
	if made.SizeGiB != 1 || made.Metadata[block.MetadataCluster] != "scenario" || made.AvailabilityZone == "" || time.Since(made.CreatedAt) > time.Hour {
		s.t.Errorf("got %+v", made)
	}
	named, err := s.VolumesNamed(ctx, made.Name)
	if err != nil || len(named) != 1 || named[0].ID != made.ID {
		s.t.Errorf("by name: got %+v, %v", named, err)
	}
	s.create(block.VolumeRequest{Name: "two", SizeGiB: 1, AvailabilityZone: made.AvailabilityZone, DifferentHost: []string{nobody}})
	page, next, err := s.VolumePage(ctx, "", 1)
	if err != nil || len(page) != 1 || next == "" {
		s.t.Errorf("the first page: got %d, next %q, %v", len(page), next, err)
	}
	page, _, err = s.VolumePage(ctx, next, 1)
	if err != nil || len(page) != 1 || page[0].ID == next {
		s.t.Errorf("the second page: got %+v, %v", page, err)
	}
	_, _, err = s.VolumePage(ctx, nobody, 1)
	s.expect("a marker that is gone", err, cloud.ErrNotFound)
	_, err = s.Volume(ctx, nobody)
	s.expect("no such volume", err, cloud.ErrNotFound)
	s.expect("delete none", s.DeleteVolume(ctx, nobody), cloud.ErrNotFound)
	_, err = s.CreateVolume(ctx, block.VolumeRequest{Name: s.mark + "x", SizeGiB: 1, Type: "no-such-type"})
	s.expect("no such type", err, cloud.ErrInvalid)
	_, err = s.CreateVolume(ctx, block.VolumeRequest{Name: s.mark + "x", SizeGiB: 1, SourceSnapshotID: nobody})
	s.expect("no such snapshot", err, cloud.ErrNotFound)
	_, err = s.CreateVolume(ctx, block.VolumeRequest{Name: s.mark + "x", SizeGiB: 1_000_000})
	s.expect("beyond the quota", err, cloud.ErrQuota)
	_, err = s.CreateVolume(ctx, block.VolumeRequest{Name: s.mark + "x", SizeGiB: 1, AvailabilityZone: "nowhere"})
	s.expect("no such zone", err, cloud.ErrInvalid)
	s.expect("retype to nothing", s.Retype(ctx, made.ID, "no-such-type", false), cloud.ErrInvalid)
	s.expect("reset", s.ResetError(ctx, made.ID), cloud.ErrDenied)
	s.must(s.SetMetadata(ctx, made.ID, map[string]string{"more": "1"}))
	s.expect("shrink", s.ExtendVolume(ctx, made.ID, 1), cloud.ErrInvalid)
	s.must(s.ExtendVolume(ctx, made.ID, 2))
	if now := s.volume(made.ID, block.StatusAvailable); now.SizeGiB != 2 || now.Metadata["more"] != "1" || now.Metadata[block.MetadataCluster] != "scenario" {
		s.t.Errorf("got %+v", now)
	}
	if found, err := s.Type(ctx, made.Type); err != nil || found.Name != made.Type || found.ID == "" {
		s.t.Errorf("its type: got %+v, %v", found, err)
	}
	if limits, err := s.Limits(ctx); err != nil || limits.MaxVolumes == 0 || limits.UsedVolumes < 2 || limits.UsedGigabytes < 3 {
		s.t.Errorf("limits: got %+v, %v", limits, err)
	}
	if zones, err := s.Zones(ctx); err != nil || len(zones) == 0 {
		s.t.Errorf("zones: got %v, %v", zones, err)
	}
	if messages, err := s.Messages(ctx, made.ID); err != nil || len(messages) != 0 {
		s.t.Errorf("messages: got %v, %v", messages, err)
	}
	s.must(s.DeleteVolume(ctx, made.ID))
	s.volume(made.ID, block.StatusGone)
}

func (s *store) copies() {
	ctx := s.t.Context()
	volume := s.create(block.VolumeRequest{Name: "origin", SizeGiB: 1})
	taken, err := s.CreateSnapshot(ctx, block.SnapshotRequest{Name: s.mark + "snap", VolumeID: volume.ID, Force: true, Metadata: map[string]string{"a": "b"}})
	s.must(err)
	snapshot := until(s.t, "snapshot", func(ctx context.Context) (block.Snapshot, error) { return s.Snapshot(ctx, taken.ID) },
		func(n block.Snapshot, _ error) bool { return n.Status == block.SnapshotAvailable })
	if snapshot.VolumeID != volume.ID || snapshot.SizeGiB != 1 || snapshot.Metadata["a"] != "b" || snapshot.CreatedAt.IsZero() {
		s.t.Errorf("got %+v", snapshot)
	}
	if found, err := s.SnapshotsNamed(ctx, snapshot.Name); err != nil || len(found) != 1 {
		s.t.Errorf("by name: got %+v, %v", found, err)
	}
	if found, _, err := s.SnapshotPage(ctx, volume.ID, "", 0); err != nil || len(found) != 1 {
		s.t.Errorf("of the volume: got %+v, %v", found, err)
	}
	s.expect("delete what has a snapshot", s.DeleteVolume(ctx, volume.ID), cloud.ErrBusy)
	child := s.create(block.VolumeRequest{Name: "child", SizeGiB: 2, SourceSnapshotID: snapshot.ID})
	clone := s.create(block.VolumeRequest{Name: "clone", SizeGiB: 1, SourceVolumeID: volume.ID})
	if child.SourceSnapshotID != snapshot.ID || child.SizeGiB != 2 || clone.SourceVolumeID != volume.ID {
		s.t.Errorf("got %+v and %+v", child, clone)
	}
	_, err = s.CreateVolume(ctx, block.VolumeRequest{Name: s.mark + "x", SizeGiB: 1, SourceVolumeID: child.ID})
	s.expect("smaller than its origin", err, cloud.ErrInvalid)
	begun, err := s.CreateBackup(ctx, block.BackupRequest{Name: s.mark + "backup", VolumeID: volume.ID, Metadata: map[string]string{"a": "b"}})
	s.must(err)
	backup := until(s.t, "backup", func(ctx context.Context) (block.Backup, error) { return s.Backup(ctx, begun.ID) },
		func(b block.Backup, _ error) bool { return b.Status == block.SnapshotAvailable })
	if backup.VolumeID != volume.ID || backup.Metadata["a"] != "b" {
		s.t.Errorf("got %+v", backup)
	}
	if found, err := s.BackupsNamed(ctx, backup.Name); err != nil || len(found) != 1 {
		s.t.Errorf("by name: got %+v, %v", found, err)
	}
	restored := s.create(block.VolumeRequest{Name: "restored", SizeGiB: 1, SourceBackupID: backup.ID})
	if restored.SourceBackupID != backup.ID {
		s.t.Errorf("got %+v, want its backup told", restored)
	}
	s.must(s.DeleteSnapshot(ctx, snapshot.ID))
	until(s.t, "snapshot", func(ctx context.Context) (block.Snapshot, error) { return s.Snapshot(ctx, snapshot.ID) },
		func(_ block.Snapshot, err error) bool { return errors.Is(err, cloud.ErrNotFound) })
	s.expect("delete no backup", s.DeleteBackup(ctx, nobody), cloud.ErrNotFound)
	_, err = s.Group(ctx, nobody)
	s.expect("no such group", err, cloud.ErrNotFound)
	_, err = s.CreateGroup(ctx, block.Group{Name: s.mark + "g", Type: "no-such-type", VolumeTypes: []string{volume.Type}})
	s.expect("no such group type", err, cloud.ErrInvalid)
	if found, err := s.GroupsNamed(ctx, s.mark+"g"); err != nil || len(found) != 0 {
		s.t.Errorf("groups: got %+v, %v", found, err)
	}
	if found, err := s.GroupSnapshotsNamed(ctx, s.mark+"g"); err != nil || len(found) != 0 {
		s.t.Errorf("group snapshots: got %+v, %v", found, err)
	}
}

func (s *store) attachments(on *tenant) {
	ctx := s.t.Context()
	on.bootAll(s.t, 2)
	machines, err := on.await(ctx, "node-1", "node-2")
	s.must(err)
	first, second := machines["node-1"].ServerID, machines["node-2"].ServerID
	volume := s.create(block.VolumeRequest{Name: "disk", SizeGiB: 1})
	seen, err := s.Server(ctx, first)
	if err != nil || seen.Status != block.ServerActive || seen.Name != "node-1" || seen.AvailabilityZone == "" {
		s.t.Errorf("got %+v, %v", seen, err)
	}
	_, err = s.Server(ctx, nobody)
	s.expect("no such server", err, cloud.ErrNotFound)
	s.expect("attach nothing", s.Attach(ctx, first, nobody), cloud.ErrNotFound)
	s.expect("attach to nothing", s.Attach(ctx, nobody, volume.ID), cloud.ErrNotFound)
	s.expect("detach what is free", s.Detach(ctx, first, volume.ID), cloud.ErrNotFound)
	s.must(s.Attach(ctx, first, volume.ID))
	s.expect("attach twice", s.Attach(ctx, first, volume.ID), cloud.ErrBusy)
	s.expect("attach to a second", s.Attach(ctx, second, volume.ID), cloud.ErrBusy)
	attached := s.volume(volume.ID, block.StatusInUse)
	tie, ok := attached.AttachedTo(first)
	held, err := s.ServerVolumes(ctx, first)
	if !ok || err != nil || len(held) != 1 || held[0] != (block.ServerVolume{VolumeID: volume.ID, AttachmentID: tie.ID, Device: tie.Device}) {
		s.t.Errorf("got %+v and %+v, %v", attached, held, err)
	}
	s.expect("delete what is attached", s.DeleteVolume(ctx, volume.ID), cloud.ErrBusy)
	s.expect("delete an attachment in use", s.DeleteAttachment(ctx, tie.ID), cloud.ErrBusy)
	s.expect("delete no attachment", s.DeleteAttachment(ctx, nobody), cloud.ErrNotFound)
	s.must(s.Detach(ctx, first, volume.ID))
	s.volume(volume.ID, block.StatusAvailable)
	// Cinder has it free before Nova has forgotten it: for a moment it is "already
	// attached to instances" (nova/compute/api.py, _check_volume_already_attached).
	until(s.t, "attach to the second", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.Attach(ctx, second, volume.ID) },
		func(_ struct{}, err error) bool { return !errors.Is(err, cloud.ErrBusy) })
	s.volume(volume.ID, block.StatusInUse)
	s.must(on.deleteServers(ctx, func(one server) bool { return one.ID == second }))
	s.volume(volume.ID, block.StatusAvailable)
}

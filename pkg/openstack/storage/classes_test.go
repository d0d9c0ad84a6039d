package storage_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/openstack/session"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/controller"
	"underlay/test/scripted"
)

var _ controller.Cloud = (*storage.Client)(nil)

const (
	volumeID = "11111111-1111-4111-8111-111111111111"
	serverID = "22222222-2222-4222-8222-222222222222"
)

func newClient(t *testing.T, from http.RoundTripper, options storage.Options) *storage.Client {
	t.Helper()
	made, err := session.New(config.Global{
		AuthURL: "http://cloud/identity/v3", Username: "demo", Password: "secret", TenantName: "demo", Region: "RegionOne",
	}, session.Options{Transport: from, MaxAttempts: 3, RequestTimeout: 10 * time.Second, RequestsPerSecond: 1e6, Burst: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	return storage.New(made, options)
}

// call is one method. again says that it is sent again after an answer was lost.
type call struct {
	again bool
	run   func(context.Context, *storage.Client) error
}

// calls are all methods that make one, by a short name.
func calls() map[string]call {
	type x = context.Context
	type c = *storage.Client
	return map[string]call{
		"volume":   {true, func(x x, c c) error { _, err := c.Volume(x, volumeID); return err }},
		"named":    {true, func(x x, c c) error { _, err := c.VolumesNamed(x, "n"); return err }},
		"page":     {true, func(x x, c c) error { _, _, err := c.VolumePage(x, "", 0); return err }},
		"create":   {false, func(x x, c c) error { _, err := c.CreateVolume(x, block.VolumeRequest{SizeGiB: 1}); return err }},
		"delete":   {true, func(x x, c c) error { return c.DeleteVolume(x, volumeID) }},
		"extend":   {false, func(x x, c c) error { return c.ExtendVolume(x, volumeID, 2) }},
		"retype":   {false, func(x x, c c) error { return c.Retype(x, volumeID, "fast", true) }},
		"metadata": {true, func(x x, c c) error { return c.SetMetadata(x, volumeID, map[string]string{"a": "b"}) }},
		"reset":    {false, func(x x, c c) error { return c.ResetError(x, volumeID) }},
		"type":     {true, func(x x, c c) error { _, err := c.Type(x, "fast"); return err }},
		"server":   {true, func(x x, c c) error { _, err := c.Server(x, serverID); return err }},
		"attach":   {false, func(x x, c c) error { return c.Attach(x, serverID, volumeID) }},
		"detach":   {false, func(x x, c c) error { return c.Detach(x, serverID, volumeID) }},
		"attached": {true, func(x x, c c) error { _, err := c.ServerVolumes(x, serverID); return err }},
		"held":     {true, func(x x, c c) error { _, err := c.Attachments(x, volumeID); return err }},
		"orphan":   {true, func(x x, c c) error { return c.DeleteAttachment(x, volumeID) }},
		"snapshot": {true, func(x x, c c) error { _, err := c.Snapshot(x, volumeID); return err }},
		"snapshots": {true, func(x x, c c) error {
			_, _, err := c.SnapshotPage(x, volumeID, "", 0)
			return err
		}},
		"take":    {false, func(x x, c c) error { _, err := c.CreateSnapshot(x, block.SnapshotRequest{}); return err }},
		"drop":    {true, func(x x, c c) error { return c.DeleteSnapshot(x, volumeID) }},
		"backup":  {true, func(x x, c c) error { _, err := c.Backup(x, volumeID); return err }},
		"backups": {true, func(x x, c c) error { _, _, err := c.BackupPage(x, "", "", 0); return err }},
		"back up": {false, func(x x, c c) error { _, err := c.CreateBackup(x, block.BackupRequest{}); return err }},
		"unback":  {true, func(x x, c c) error { return c.DeleteBackup(x, volumeID) }},
		"group":   {true, func(x x, c c) error { _, err := c.Group(x, volumeID); return err }},
		"gather":  {false, func(x x, c c) error { _, err := c.CreateGroup(x, block.Group{Type: "t"}); return err }},
		"regroup": {false, func(x x, c c) error { return c.SetGroupVolumes(x, volumeID, []string{"a"}, nil) }},
		"ungroup": {true, func(x x, c c) error { return c.DeleteGroup(x, volumeID) }},
		"moment":  {true, func(x x, c c) error { _, err := c.GroupSnapshot(x, volumeID); return err }},
		"freeze":  {false, func(x x, c c) error { _, err := c.CreateGroupSnapshot(x, "n", volumeID); return err }},
		"thaw":    {true, func(x x, c c) error { return c.DeleteGroupSnapshot(x, volumeID) }},
		"parts":   {true, func(x x, c c) error { _, err := c.SnapshotsOfGroup(x, volumeID); return err }},
		"limits":  {true, func(x x, c c) error { _, err := c.Limits(x); return err }},
		"why":     {true, func(x x, c c) error { _, err := c.Messages(x, volumeID); return err }},
		"zones":   {true, func(x x, c c) error { _, err := c.Zones(x); return err }},
		"check":   {true, func(x x, c c) error { return c.Check(x) }},
	}
}

func refusal(status int, message string) func(int, *http.Request) (*http.Response, error) {
	kind := map[int]string{
		400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest", 413: "overLimit", 500: "computeFault", 503: "serviceUnavailable",
	}[status]
	return func(int, *http.Request) (*http.Response, error) {
		return scripted.Answer(status, fmt.Sprintf(`{%q: {"code": %d, "message": %q}}`, kind, status, message)), nil
	}
}

// The sentences of cinder/exception.py, cinder/volume/api.py, cinder/backup/api.py,
// nova/exception.py and nova/compute/api.py.
func TestClasses(t *testing.T) {
	tests := []struct {
		call    string
		status  int
		message string
		want    error
	}{
		{"delete", 400, "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.", cloud.ErrBusy},
		{"extend", 400, "Invalid volume: Volume " + volumeID + " status must be '{'status': 'available'}' to extend, currently extending.", cloud.ErrBusy},
		{"extend", 400, "Invalid input received: New size for extend must be greater than current size. (current: 2, extended: 2).", cloud.ErrInvalid},
		{"extend", 413, "Requested volume or snapshot exceeds allowed gigabytes quota. Requested 1G, quota is 10G and 10G has been consumed.", cloud.ErrQuota},
		{"extend", 403, "Policy doesn't allow volume:extend_attached_volume to be performed.", cloud.ErrDenied},
		{"create", 413, "Maximum number of volumes allowed (10) exceeded for quota 'volumes'.", cloud.ErrQuota},
		{"create", 403, "Policy doesn't allow volume:create to be performed.", cloud.ErrDenied},
		{"create", 400, "Invalid input received: Volume size '1'GB cannot be smaller than original volume size  2GB. They must be >= original volume size.", cloud.ErrInvalid},
		{"create", 400, "Invalid snapshot: Originating snapshot status must be one of 'available' values", cloud.ErrBusy},
		{"create", 404, "Snapshot " + volumeID + " could not be found.", cloud.ErrNotFound},
		{"create", 404, "Volume type with name fast could not be found.", cloud.ErrInvalid},
		{"create", 500, "The server has either erred or is incapable of performing the requested operation.", cloud.ErrAmbiguous},
		{"retype", 404, "Volume type with name fast could not be found.", cloud.ErrInvalid},
		{"reset", 403, "Policy doesn't allow volume_extension:volume_admin_actions:reset_status to be performed.", cloud.ErrDenied},
		{"volume", 404, "Volume " + volumeID + " could not be found.", cloud.ErrNotFound},
		{"take", 400, "Invalid volume: Snapshot cannot be created while volume is migrating.", cloud.ErrBusy},
		{"take", 413, "Maximum number of snapshots allowed (10) exceeded", cloud.ErrQuota},
		{"drop", 400, "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.", cloud.ErrBusy},
		{"back up", 400, "Invalid snapshot: Snapshot to be backed up must be available, but the current status is \"creating\".", cloud.ErrBusy},
		{"back up", 400, "Invalid volume: Volume a does not match with snapshot.volume_id b.", cloud.ErrInvalid},
		{"back up", 503, "Service cinder-backup could not be found.", cloud.ErrUnavailable},
		{"unback", 400, "Invalid backup: Backup status must be available or error", cloud.ErrBusy},
		{"regroup", 400, "Invalid Group: Cannot update group because it is in updating state.", cloud.ErrBusy},
		{"gather", 404, "Group type with name t could not be found.", cloud.ErrInvalid},
		{"group", 404, "The resource could not be found.", cloud.ErrUnsupported},
		{"thaw", 400, "Invalid GroupSnapshot: GroupSnapshot status must be available or error, and no Group can be currently using it as source for its creation.", cloud.ErrBusy},
		{"orphan", 409, "Detach volume from instance " + serverID + " using the Compute API", cloud.ErrBusy},
		{"orphan", 404, "Volume attachment could not be found with filter: attachment_id = " + volumeID + ".", cloud.ErrNotFound},
		{"attach", 403, "The maximum allowed number of disk devices (26) to attach to a single instance has been exceeded.", cloud.ErrQuota},
		{"attach", 403, "Policy doesn't allow os_compute_api:os-volumes-attachments:create to be performed.", cloud.ErrDenied},
		{"attach", 409, "Cannot 'attach_volume' instance " + serverID + " while it is in vm_state building", cloud.ErrBusy},
		{"attach", 400, "Invalid volume: volume " + volumeID + " already attached", cloud.ErrBusy},
		{"attach", 400, "Invalid input received: Invalid volume: Volume " + volumeID + " status must be available or downloading to reserve, but the current status is detaching. (HTTP 400) (Request-ID: req-1)", cloud.ErrBusy},
		{"attach", 400, "Invalid volume: Instance " + serverID + " and volume " + volumeID + " are not in the same availability_zone. Instance is in a. Volume is in b", cloud.ErrInvalid},
		{"attach", 400, "Multiattach volumes are only supported starting with compute API version 2.60.", cloud.ErrInvalid},
		{"attach", 404, "Instance " + serverID + " could not be found.", cloud.ErrNotFound},
		{"detach", 404, "Instance " + serverID + " is not attached to volume " + volumeID, cloud.ErrNotFound},
		{"detach", 400, "Invalid input received: Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach. (HTTP 400) (Request-ID: req-1)", cloud.ErrBusy},
		{"detach", 400, "Cannot detach a root device volume", cloud.ErrInvalid},
		{"detach", 409, "Cannot 'detach_volume' instance " + serverID + " while it is in vm_state error", cloud.ErrBusy},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			from := &scripted.Cloud{Service: refusal(test.status, test.message)}
			err := calls()[test.call].run(t.Context(), newClient(t, from, storage.Options{}))
			var told *cloud.Error
			if !errors.As(err, &told) || !errors.Is(told.Class, test.want) {
				t.Errorf("%s, %d %s: got %v, want %v", test.call, test.status, test.message, err, test.want)
			}
		})
	}
}

// An answer that is not about the object must never cost a volume.
func TestOnlyTheServiceSaysThatSomethingIsGone(t *testing.T) {
	for _, said := range []struct {
		who    string
		status int
		body   string
	}{
		{"a path that the service does not have", 404, `{"code": "404 Not Found", "title": "Not Found", "message": "The resource could not be found.<br /><br />"}`},
		{"a microversion that is too old for the call", 404, `{"itemNotFound": {"code": 404, "message": "The resource could not be found."}}`},
		{"a proxy", 404, `<html>no backend</html>`},
		{"a proxy that speaks JSON", 404, `{"message": "no Route matched with those values"}`},
		{"an empty answer", 404, ``},
		{"a middleware of Keystone's", 404, `{"error": {"code": 404, "title": "Not Found", "message": "Could not find project: ` + volumeID + `."}}`},
		{"an API that was removed", 410, `{"computeFault": {"code": 410, "message": "This resource is no longer available. No forwarding address is given."}}`},
		{"a proxy whose backend was removed", 410, `<html>gone</html>`},
	} {
		for name, call := range calls() {
			synctest.Test(t, func(t *testing.T) {
				from := &scripted.Cloud{Service: func(int, *http.Request) (*http.Response, error) { return scripted.Answer(said.status, said.body), nil }}
				err := call.run(t.Context(), newClient(t, from, storage.Options{}))
				// A cloud without messages has none; that costs nothing.
				if err == nil && name != "why" || errors.Is(err, cloud.ErrNotFound) {
					t.Errorf("%s: %s: got %v, want an error that is not cloud.ErrNotFound", said.who, name, err)
				}
			})
		}
	}
}

// The service's own 404 about something else than what was asked for says nothing
// of that.
func TestAnotherThingThatIsGone(t *testing.T) {
	const other = "99999999-9999-4999-8999-999999999999"
	for name, call := range calls() {
		synctest.Test(t, func(t *testing.T) {
			from := &scripted.Cloud{Service: refusal(404, "Resource "+other+" could not be found.")}
			err := call.run(t.Context(), newClient(t, from, storage.Options{}))
			sent := from.Calls[0]
			about := strings.Contains(sent.URL.Path, volumeID) || strings.Contains(sent.URL.Path, serverID)
			if asked := sent.Method == http.MethodGet || sent.Method == http.MethodDelete; about && asked && errors.Is(err, cloud.ErrNotFound) {
				t.Errorf("%s: got %v, want an error that is not cloud.ErrNotFound", name, err)
			}
		})
	}
}

// A Keystone that knows the credentials no more, or is somewhere else, says
// nothing of any volume.
func TestKeystoneKnowsNoVolumes(t *testing.T) {
	for _, body := range []string{
		`{"error": {"code": 404, "title": "Not Found", "message": "Could not find Application Credential: ` + volumeID + `."}}`,
		`<html>no backend</html>`,
	} {
		for name, call := range calls() {
			synctest.Test(t, func(t *testing.T) {
				from := &scripted.Cloud{Keystone: func(int, *http.Request) (*http.Response, error) { return scripted.Answer(404, body), nil }}
				err := call.run(t.Context(), newClient(t, from, storage.Options{}))
				if err == nil || errors.Is(err, cloud.ErrNotFound) {
					t.Errorf("%s: got %v, want an error that is not cloud.ErrNotFound", name, err)
				}
			})
		}
	}
}

// After a lost answer a call is sent again only where that is harmless; otherwise
// the outcome is unknown.
func TestLostAnswers(t *testing.T) {
	for name, call := range calls() {
		synctest.Test(t, func(t *testing.T) {
			from := &scripted.Cloud{Service: func(int, *http.Request) (*http.Response, error) {
				return nil, errors.New("connection reset by peer")
			}}
			err := call.run(t.Context(), newClient(t, from, storage.Options{}))
			_, sent := from.Counts()
			write := from.Calls[0].Method != http.MethodGet
			if want := map[bool]int{true: 3, false: 1}[call.again]; sent != want {
				t.Errorf("%s: sent %d times, want %d", name, sent, want)
			}
			if want := map[bool]error{true: cloud.ErrAmbiguous, false: cloud.ErrUnavailable}[write]; !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
		})
	}
}

// What cannot be an id is not there, and is not asked for: ids come from
// PersistentVolumes that people write.
func TestNoIDs(t *testing.T) {
	from := &scripted.Cloud{}
	client := newClient(t, from, storage.Options{})
	ctx := t.Context()
	for _, id := range []string{"", "../limits", "a?b", "a b"} {
		_, one := client.Volume(ctx, id)
		_, two := client.Snapshot(ctx, id)
		_, three := client.Server(ctx, id)
		for i, err := range []error{
			one, two, three, client.DeleteVolume(ctx, id), client.ExtendVolume(ctx, id, 2), client.DeleteSnapshot(ctx, id),
			client.SetMetadata(ctx, id, nil), client.DeleteGroup(ctx, id), client.Detach(ctx, serverID, id),
		} {
			if !errors.Is(err, cloud.ErrNotFound) {
				t.Errorf("%q, call %d: got %v, want cloud.ErrNotFound", id, i+1, err)
			}
		}
		if err := client.Attach(ctx, id, volumeID); !errors.Is(err, cloud.ErrInvalid) {
			t.Errorf("attach to %q: got %v, want cloud.ErrInvalid", id, err)
		}
	}
	if logins, sent := from.Counts(); logins+sent != 0 {
		t.Errorf("got %d logins and %d calls, want none", logins, sent)
	}
}

// version is how a request names its minor version.
func version(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("OpenStack-API-Version"), "volume ")
}

// An older Cinder is asked once for what it knows, and is sent what it understands.
func TestOlderCinder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &scripted.Cloud{Service: func(_ int, r *http.Request) (*http.Response, error) {
			switch {
			case r.URL.Path == "/volume/v3/":
				return scripted.Answer(200, `{"versions": [{"id": "v3.0", "version": "3.40"}]}`), nil
			case version(r) == "3.71":
				return scripted.Answer(406, `{"computeFault": {"code": 406, "message": "Version 3.71 is not supported by the API. Minimum is 3.0 and maximum is 3.40."}}`), nil
			case strings.HasSuffix(r.URL.Path, "/action"):
				return scripted.Answer(400, `{"badRequest": {"code": 400, "message": "Invalid volume: Volume x status must be '{'status': 'available'}' to extend, currently in-use."}}`), nil
			}
			return scripted.Answer(202, `{"backup": {"id": "b1", "name": "n"}}`), nil
		}}
		client := newClient(t, from, storage.Options{})
		made, err := client.CreateBackup(t.Context(), block.BackupRequest{
			VolumeID: volumeID, Name: "n", AvailabilityZone: "z", Metadata: map[string]string{"a": "b"},
		})
		if err != nil || made.ID != "b1" || made.Status != block.SnapshotCreating {
			t.Errorf("got %+v, %v", made, err)
		}
		if got := from.Bodies[len(from.Bodies)-1]; strings.Contains(got, "metadata") || strings.Contains(got, "availability_zone") || !strings.Contains(got, volumeID) {
			t.Errorf("got body %s, want no more than 3.40 knows", got)
		}
		if _, sent := from.Counts(); sent != 3 {
			t.Errorf("got %d calls, want the refused one, the question and the answered one", sent)
		}
		_, err = client.CreateVolume(t.Context(), block.VolumeRequest{SizeGiB: 1, SourceBackupID: "b1"})
		if !errors.Is(err, cloud.ErrUnsupported) {
			t.Errorf("a volume from a backup: got %v, want cloud.ErrUnsupported", err)
		}
		if err := client.ExtendVolume(t.Context(), volumeID, 2); !errors.Is(err, cloud.ErrUnsupported) {
			t.Errorf("a volume in use: got %v, want cloud.ErrUnsupported", err)
		}
		if _, sent := from.Counts(); sent != 4 || version(from.Calls[3]) != "3.40" {
			t.Errorf("got %d calls, the last in %s; want 4, in 3.40", sent, version(from.Calls[sent-1]))
		}
	})
}

func TestIgnoreMicroversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &scripted.Cloud{Service: refusal(400, "Invalid volume: Volume x status must be '{'status': 'available'}' to extend, currently in-use.")}
		client := newClient(t, from, storage.Options{IgnoreMicroversion: true})
		if err := client.ExtendVolume(t.Context(), volumeID, 2); !errors.Is(err, cloud.ErrUnsupported) {
			t.Errorf("got %v, want cloud.ErrUnsupported", err)
		}
		if got := version(from.Calls[0]); got != "" {
			t.Errorf("got version %q, want none", got)
		}
		if _, err := client.Server(t.Context(), serverID); err == nil || from.Calls[1].Header.Get("X-OpenStack-Nova-API-Version") != "2.90" {
			t.Errorf("Nova: got %v and version %q, want 2.90", err, from.Calls[1].Header.Get("X-OpenStack-Nova-API-Version"))
		}
	})
}

// A cloud without messages or zones keeps nothing back that matters.
func TestNoMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &scripted.Cloud{Service: refusal(404, "The resource could not be found.")}
		if got, err := newClient(t, from, storage.Options{}).Messages(t.Context(), volumeID); got != nil || err != nil {
			t.Errorf("got %v, %v; want none", got, err)
		}
	})
}

// What administrators see of a volume, and what Cinder notes in its metadata.
func TestFieldsOfAVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &scripted.Cloud{Service: func(int, *http.Request) (*http.Response, error) {
			return scripted.Answer(200, `{"volume": {"id": "v", "name": null, "created_at": "2026-01-02T03:04:05.000000", "group_id": null,
				"os-vol-mig-status-attr:migstat": "migrating", "metadata": {"src_backup_id": "b"}, "bootable": "false", "encrypted": true,
				"attachments": [{"id": "v", "attachment_id": "a", "server_id": "s", "device": null, "host_name": "h"}]}}`), nil
		}}
		got, err := newClient(t, from, storage.Options{}).Volume(t.Context(), volumeID)
		want := block.Volume{
			ID: "v", MigrationStatus: "migrating", SourceBackupID: "b", Encrypted: true, Metadata: map[string]string{"src_backup_id": "b"},
			Attachments: []block.Attachment{{ID: "a", ServerID: "s", Host: "h"}}, CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

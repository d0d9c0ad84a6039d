package controller_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/status"

	"underlay/pkg/openstack/storage"
	"underlay/test/scripted"
)

// stray answers in the place of the services that match, and lets Keystone answer.
type stray struct {
	next   http.RoundTripper
	path   string // a part of the paths that are answered
	status int
	body   string
}

func (s stray) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/auth/tokens") || !strings.Contains(r.URL.Path, s.path) {
		return s.next.RoundTrip(r)
	}
	return scripted.Answer(s.status, s.body), nil
}

// strays are answers of somebody else, or about something else, that a hasty
// reader takes for "it is gone".
var strays = map[string]stray{
	"a proxy without a backend":   {status: 404, body: `<html>no backend</html>`},
	"a gateway without a route":   {status: 404, body: `{"message": "no Route matched with those values"}`},
	"a path that is not there":    {status: 404, body: `{"code": "404 Not Found", "title": "Not Found", "message": "The resource could not be found.<br /><br />"}`},
	"a call that is not there":    {status: 404, body: `{"itemNotFound": {"code": 404, "message": "The resource could not be found."}}`},
	"a project that is not there": {status: 404, body: `{"itemNotFound": {"code": 404, "message": "Project 99999999-9999-4999-8999-999999999999 could not be found."}}`},
	"a backend that was removed":  {status: 410, body: `<html>gone</html>`},
	"a proxy that allows nothing": {status: 405, body: `<html>not allowed</html>`},
}

// final says that an RPC was answered so that nobody asks again: with success, or
// that there is no such object.
func final(err error) bool { return err == nil || status.Code(err).String() == "NotFound" }

func TestAStrayAnswerCostsNothing(t *testing.T) {
	for name, said := range strays {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, 1)
			w.cloud.AddGroupType("consistent")
			p := w.start()
			volume := p.create("pvc-1", 1).GetVolumeId()
			snapshot := p.snapshot("snapshot-1", volume, nil).GetSnapshotId()
			backup := p.snapshot("backup-1", volume, map[string]string{"type": "backup"}).GetSnapshotId()
			p.ready(snapshot)
			p.ready(backup)
			group := must(w, p.CreateVolumeGroupSnapshot, &csi.CreateVolumeGroupSnapshotRequest{
				Name: "group-1", SourceVolumeIds: []string{volume}, Parameters: map[string]string{"groupType": "consistent"},
			}).GetGroupSnapshot().GetGroupSnapshotId()
			p.attach(volume, w.nodes[0])
			time.Sleep(time.Minute)
			before := strings.Join(w.left(), "\n")

			astray := w.start()
			// The last is right about the snapshot: it is asked for first, and is a backup.
			for what, only := range map[string]string{"everything": "/", "the servers": "/servers/", "the backups": "/backups"} {
				said.next, said.path = w.cloud.Transport(), only
				astray.line.next = said
				ask := map[string]func(context.Context) (any, error){
					"unpublish": func(x context.Context) (any, error) {
						return astray.ControllerUnpublishVolume(x, unpublish(volume, w.nodes[0]))
					},
					"delete backup": func(x context.Context) (any, error) {
						return astray.DeleteSnapshot(x, &csi.DeleteSnapshotRequest{SnapshotId: backup})
					},
					"delete snapshot": func(x context.Context) (any, error) {
						return astray.DeleteSnapshot(x, &csi.DeleteSnapshotRequest{SnapshotId: snapshot})
					},
					"delete": func(x context.Context) (any, error) {
						return astray.DeleteVolume(x, &csi.DeleteVolumeRequest{VolumeId: volume})
					},
					"delete group snapshot": func(x context.Context) (any, error) {
						return astray.DeleteVolumeGroupSnapshot(x, &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: group})
					},
				}
				reached := map[string][]string{
					"everything":  {"unpublish", "delete backup", "delete snapshot", "delete", "delete group snapshot"},
					"the servers": {"unpublish"}, "the backups": {"delete backup"},
				}[what]
				for _, rpc := range reached {
					if _, err := within(w, time.Minute, ask[rpc]); final(err) {
						t.Errorf("%s answers for %s: %s: got %v, want an error after which it is asked again", name, what, rpc, err)
					}
				}
			}
			if after := strings.Join(w.left(), "\n"); after != before {
				t.Errorf("%s: left are\n%s\nand there were\n%s", name, after, before)
			}
		})
	}
}

// A driver that names no microversion, or an older Cinder, has no groups: it must
// not take a group snapshot for gone because it cannot see it.
func TestACinderWithoutGroupsForgetsNoGroupSnapshot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.cloud.AddGroupType("consistent")
		p := w.start()
		volume := p.create("pvc-1", 1).GetVolumeId()
		request := &csi.CreateVolumeGroupSnapshotRequest{
			Name: "group-1", SourceVolumeIds: []string{volume}, Parameters: map[string]string{"groupType": "consistent"},
		}
		group := must(w, p.CreateVolumeGroupSnapshot, request).GetGroupSnapshot().GetGroupSnapshotId()
		w.storage = storage.Options{IgnoreMicroversion: true}
		old := w.start()
		if _, err := once(w, old.DeleteVolumeGroupSnapshot, &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: group}); final(err) {
			t.Errorf("delete: got %v, want an error after which it is asked again", err)
		}
		if _, err := once(w, old.CreateVolumeGroupSnapshot, request); status.Code(err).String() != "FailedPrecondition" {
			t.Errorf("create: got %v, want FailedPrecondition", err)
		}
		must(w, p.DeleteVolumeGroupSnapshot, &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: group})
	})
}

package contract_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// snapshotOf makes a snapshot of a volume, and waits until it is available.
func (c *cloud) snapshotOf(t *testing.T, volume string, spec obj) string {
	t.Helper()
	body := obj{"volume_id": volume}
	for key, value := range spec {
		body[key] = value
	}
	return c.thing(t, "snapshot", "3.60", body, true)
}

var snapshotCases = []contractCase{
	{"cinder/a snapshot, and a volume that cannot go while it is there", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		a := c.cinder(t, http.MethodPost, "/snapshots", obj{"snapshot": obj{"volume_id": volume, "name": "s", "description": "d", "metadata": obj{"a": "b"}}}).want(t, http.StatusAccepted)
		id := a.text("snapshot.id")
		t.Cleanup(func() { c.removeFor(t, "/snapshots/"+id) })
		a.field(t, "snapshot.status", "creating")
		c.thingBecomes(t, "snapshot", "3.0", id, "available")
		shown := c.cinder(t, http.MethodGet, "/snapshots/"+id, nil).want(t, http.StatusOK)
		shown.field(t, "snapshot.name", "s")
		shown.field(t, "snapshot.volume_id", volume)
		shown.field(t, "snapshot.size", 1)
		shown.field(t, "snapshot.metadata", obj{"a": "b"})
		shown.field(t, "snapshot.os-extended-snapshot-attributes:progress", "100%")
		c.cinder(t, http.MethodDelete, "/volumes/"+volume, nil).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodDelete, "/snapshots/"+id, nil).want(t, http.StatusAccepted)
		c.gone(t, "/snapshots/"+id)
	}},
	{"cinder/cascade takes the snapshots along", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		snapshot := c.snapshotOf(t, volume, nil)
		c.cinder(t, http.MethodDelete, "/volumes/"+volume+"?cascade=true", nil).want(t, http.StatusAccepted)
		c.gone(t, "/volumes/"+volume)
		c.gone(t, "/snapshots/"+snapshot)
	}},
	{"cinder/what no snapshot can be made of", func(t *testing.T, c *cloud) {
		c.cinder(t, http.MethodPost, "/snapshots", obj{"snapshot": obj{"volume_id": nobody}}).want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodPost, "/snapshots", obj{"snapshot": obj{}}).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodPost, "/snapshots", obj{"snapshot": obj{"volume_id": "nonsense"}}).want(t, http.StatusBadRequest, "badRequest")
		broken := c.newVolume(t, obj{"volume_type": "nowhere"}).text("volume.id")
		c.volumeBecomes(t, broken, "error")
		c.cinder(t, http.MethodPost, "/snapshots", obj{"snapshot": obj{"volume_id": broken}}).want(t, http.StatusBadRequest, "badRequest")
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			c.cinder(t, method, "/snapshots/"+nobody, nil).want(t, http.StatusNotFound, "itemNotFound")
		}
	}},
	{"cinder/a volume in use wants force before 3.66, and refuses its absence after", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.attached(t, server, volume)
		post := func(spec obj, version string) answer {
			return c.cinder(t, http.MethodPost, "/snapshots", obj{"snapshot": spec}, version)
		}
		post(obj{"volume_id": volume}, "3.65").want(t, http.StatusBadRequest, "badRequest")
		post(obj{"volume_id": volume, "force": false}, "3.66").want(t, http.StatusBadRequest, "badRequest")
		for version, spec := range map[string]obj{"3.65": {"volume_id": volume, "force": true}, "3.66": {"volume_id": volume}, "3.67": {"volume_id": volume, "force": true}} {
			id := post(spec, version).want(t, http.StatusAccepted).text("snapshot.id")
			c.thingBecomes(t, "snapshot", version, id, "available")
			c.removeFor(t, "/snapshots/"+id)
		}
	}},
	{"cinder/a volume of a snapshot is at least as large", func(t *testing.T, c *cloud) {
		volume := c.volume(t, obj{"size": 2, "volume_type": otherType})
		snapshot := c.snapshotOf(t, volume, nil)
		c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1, "snapshot_id": snapshot}}).want(t, http.StatusBadRequest, "badRequest")
		restored := c.volume(t, obj{"size": 3, "snapshot_id": snapshot})
		a := c.cinder(t, http.MethodGet, "/volumes/"+restored, nil).want(t, http.StatusOK)
		a.field(t, "volume.snapshot_id", snapshot)
		a.field(t, "volume.size", 3)
		a.field(t, "volume.volume_type", otherType) // that of the source
		bare := c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"snapshot_id": snapshot}}).want(t, http.StatusAccepted)
		bare.field(t, "volume.size", 2)
		c.volumeBecomes(t, bare.text("volume.id"), "available")
		c.removeFor(t, "/volumes/"+bare.text("volume.id"))
		c.cinder(t, http.MethodDelete, "/snapshots/"+snapshot, nil).want(t, http.StatusAccepted) // what was restored stands alone
		c.gone(t, "/snapshots/"+snapshot)
	}},
	{"cinder/a clone is at least as large", func(t *testing.T, c *cloud) {
		volume := c.volume(t, obj{"size": 2})
		c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1, "source_volid": volume}}).want(t, http.StatusBadRequest, "badRequest")
		clone := c.volume(t, obj{"size": 2, "source_volid": volume})
		c.cinder(t, http.MethodGet, "/volumes/"+clone, nil).want(t, http.StatusOK).field(t, "volume.source_volid", volume)
		c.cinder(t, http.MethodDelete, "/volumes/"+volume, nil).want(t, http.StatusAccepted)
		c.gone(t, "/volumes/"+volume)
		c.cinder(t, http.MethodGet, "/volumes/"+clone, nil).want(t, http.StatusOK).field(t, "volume.source_volid", volume) // it keeps the name of what is gone
	}},
	{"cinder/snapshots are found by volume, name, status and metadata, and page", func(t *testing.T, c *cloud) {
		one, two, mark := c.volume(t, nil), c.volume(t, nil), "contract-"+unique()
		first := c.snapshotOf(t, one, obj{"name": mark, "metadata": obj{"mark": mark}})
		second := c.snapshotOf(t, one, nil)
		third := c.snapshotOf(t, two, obj{"name": mark})
		for query, want := range map[string][]string{
			"volume_id=" + one: {first, second}, "name=" + mark: {first, third}, "name=" + mark + "&volume_id=" + two: {third},
			"status=error&volume_id=" + one: nil, "metadata=" + url.QueryEscape("{'mark': '"+mark+"'}"): {first},
		} {
			got := c.cinder(t, http.MethodGet, "/snapshots/detail?"+query, nil, "3.22").want(t, http.StatusOK).texts("snapshots", "id")
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", query, got, want)
			}
		}
		page := c.cinder(t, http.MethodGet, "/snapshots?limit=1&sort=created_at%3Aasc&volume_id="+one, nil).want(t, http.StatusOK)
		page.field(t, "snapshots_links.0.rel", "next")
		rest := c.cinder(t, http.MethodGet, "/snapshots?sort=created_at%3Aasc&volume_id="+one+"&marker="+page.text("snapshots.0.id"), nil).want(t, http.StatusOK)
		if got := append(page.texts("snapshots", "id"), rest.texts("snapshots", "id")...); !slices.Contains(got, first) || !slices.Contains(got, second) || len(got) != 2 {
			t.Errorf("pages: got %v, want %s and %s", got, first, second)
		}
		c.cinder(t, http.MethodGet, "/snapshots?marker="+nobody, nil).want(t, http.StatusNotFound, "itemNotFound")
	}},
}

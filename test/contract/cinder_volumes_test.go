package contract_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

var volumeCases = []contractCase{
	{"cinder/a volume is created asynchronously", func(t *testing.T, c *cloud) {
		a := c.newVolume(t, obj{"name": "n", "description": "d", "metadata": obj{"a.b/c": "d"}})
		a.field(t, "volume.status", "creating")
		a.field(t, "volume.size", 1)
		a.field(t, "volume.metadata", obj{"a.b/c": "d"})
		a.field(t, "volume.attachments", []obj{})
		id := a.text("volume.id")
		c.volumeBecomes(t, id, "available")
		shown := c.cinder(t, http.MethodGet, "/volumes/"+id, nil).want(t, http.StatusOK)
		shown.field(t, "volume.name", "n")
		shown.field(t, "volume.description", "d")
		shown.field(t, "volume.bootable", "false") // a text
		shown.field(t, "volume.multiattach", false)
		shown.field(t, "volume.encrypted", false)
		shown.field(t, "volume.snapshot_id", nil)
		shown.field(t, "volume.source_volid", nil)
		shown.field(t, "volume.os-vol-tenant-attr:tenant_id", c.project)
		if shown.text("volume.availability_zone") == "" || shown.text("volume.volume_type") == "" || shown.text("volume.created_at") == "" {
			t.Errorf("a zone, a type and a time wanted: %.900s", shown.raw)
		}
		if strings.HasSuffix(shown.text("volume.created_at"), "Z") {
			t.Errorf("created_at: got %s, want no zone", shown.text("volume.created_at"))
		}
	}},
	{"cinder/several volumes may have one name", func(t *testing.T, c *cloud) {
		name := "contract-" + unique()
		ids := []string{c.volume(t, obj{"name": name}), c.volume(t, obj{"name": name})}
		got := c.cinder(t, http.MethodGet, "/volumes/detail?name="+name, nil).want(t, http.StatusOK).texts("volumes", "id")
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(ids))) {
			t.Errorf("got %v, want %v", got, ids)
		}
	}},
	{"cinder/sizes that cannot be", func(t *testing.T, c *cloud) {
		for _, size := range []any{0, -1, "x", 1.5, true} {
			c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": size}}).want(t, http.StatusBadRequest, "badRequest")
		}
		c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{}}).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodPost, "/volumes", "{").want(t, http.StatusBadRequest, "badRequest")
		c.newVolume(t, obj{"size": "1"}).field(t, "volume.size", 1)
	}},
	{"cinder/what a volume cannot be made of", func(t *testing.T, c *cloud) {
		for key, want := range map[string]int{
			"volume_type": http.StatusNotFound, "snapshot_id": http.StatusNotFound, "source_volid": http.StatusNotFound, "backup_id": http.StatusNotFound,
			"availability_zone": http.StatusBadRequest,
		} {
			a := c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1, key: nobody}}, "3.60")
			a.want(t, want, map[int]string{http.StatusNotFound: "itemNotFound", http.StatusBadRequest: "badRequest"}[want])
		}
		c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1, "nonsense": 1}}, "3.53").want(t, http.StatusBadRequest, "badRequest")
		old := c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1, "nonsense": 1}}, "3.52").want(t, http.StatusAccepted) // not heard
		c.removeFor(t, "/volumes/"+old.text("volume.id"))
		c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1, "snapshot_id": "nonsense"}}).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1, "metadata": obj{"a": 1}}}).want(t, http.StatusBadRequest, "badRequest")
	}},
	{"cinder/a quota that does not suffice is 413 overLimit", func(t *testing.T, c *cloud) {
		a := c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"size": 1000000}}).want(t, http.StatusRequestEntityTooLarge, "overLimit")
		if got := a.Header.Get("Retry-After"); got != "0" {
			t.Errorf("Retry-After: got %q, want 0", got)
		}
		a.says(t, http.StatusRequestEntityTooLarge, "VolumeSizeExceedsAvailableQuota")
		id := c.volume(t, nil)
		c.action(t, id, obj{"os-extend": obj{"new_size": 1000000}}).want(t, http.StatusRequestEntityTooLarge, "overLimit")
	}},
	{"cinder/a missing volume, and an id that is none, are 404", func(t *testing.T, c *cloud) {
		for _, id := range []string{nobody, "nonsense"} {
			c.cinder(t, http.MethodGet, "/volumes/"+id, nil).want(t, http.StatusNotFound, "itemNotFound")
			c.cinder(t, http.MethodDelete, "/volumes/"+id, nil).want(t, http.StatusNotFound, "itemNotFound")
			c.action(t, id, obj{"os-extend": obj{"new_size": 2}}).want(t, http.StatusNotFound, "itemNotFound")
		}
	}},
	{"cinder/a volume is deleted asynchronously", func(t *testing.T, c *cloud) {
		id := c.volume(t, nil)
		c.cinder(t, http.MethodDelete, "/volumes/"+id, nil).want(t, http.StatusAccepted)
		c.gone(t, "/volumes/"+id)
	}},
	{"cinder/no backend: the volume is in error, and a message says why", func(t *testing.T, c *cloud) {
		id := c.newVolume(t, obj{"volume_type": "nowhere"}).text("volume.id")
		if got := c.volumeSettles(t, id); got != "error" {
			t.Fatalf("got %s, want error", got)
		}
		a := c.cinder(t, http.MethodGet, "/messages?resource_uuid="+id, nil, "3.5").want(t, http.StatusOK)
		a.field(t, "messages.0.resource_type", "VOLUME")
		a.field(t, "messages.0.resource_uuid", id)
		a.field(t, "messages.0.message_level", "ERROR")
		if !strings.Contains(a.text("messages.0.user_message"), "schedule allocate volume:Could not find any available weighted backend.") {
			t.Errorf("got %q", a.text("messages.0.user_message"))
		}
		c.cinder(t, http.MethodDelete, "/volumes/"+id, nil).want(t, http.StatusAccepted)
		c.gone(t, "/volumes/"+id)
	}},
	{"cinder/name, description and metadata are changed", func(t *testing.T, c *cloud) {
		id := c.volume(t, obj{"metadata": obj{"a": "b"}})
		path := "/volumes/" + id
		c.cinder(t, http.MethodPut, path, obj{"volume": obj{"name": "new", "description": "other"}}).want(t, http.StatusOK).field(t, "volume.name", "new")
		c.cinder(t, http.MethodPost, path+"/metadata", obj{"metadata": obj{"c": "d"}}).want(t, http.StatusOK).field(t, "metadata", obj{"a": "b", "c": "d"})
		c.cinder(t, http.MethodPut, path+"/metadata/c", obj{"meta": obj{"c": "e"}}).want(t, http.StatusOK).field(t, "meta", obj{"c": "e"})
		c.cinder(t, http.MethodPut, path+"/metadata/c", obj{"meta": obj{"x": "e"}}).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodDelete, path+"/metadata/a", nil).want(t, http.StatusOK)
		c.cinder(t, http.MethodDelete, path+"/metadata/a", nil).want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodPut, path+"/metadata", obj{"metadata": obj{"f": "g"}}).want(t, http.StatusOK).field(t, "metadata", obj{"f": "g"})
		c.cinder(t, http.MethodPost, path+"/metadata", obj{"metadata": obj{"h": 1}}).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodPost, path+"/metadata", obj{"metadata": obj{"h": strings.Repeat("x", 256)}}).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodGet, path, nil).want(t, http.StatusOK).field(t, "volume.metadata", obj{"f": "g"})
	}},
	{"cinder/a member resets no status and forces nothing", func(t *testing.T, c *cloud) {
		id := c.volume(t, nil)
		c.action(t, id, obj{"os-reset_status": obj{"status": "error"}}).want(t, http.StatusForbidden, "forbidden")
		c.action(t, id, obj{"os-force_delete": obj{}}).want(t, http.StatusForbidden, "forbidden")
		c.action(t, id, obj{"nonsense": obj{}}).want(t, http.StatusBadRequest, "badRequest")
	}},
	{"cinder/an available volume grows, and never shrinks", func(t *testing.T, c *cloud) {
		id := c.volume(t, nil)
		c.action(t, id, obj{"os-extend": obj{"new_size": 2}}).want(t, http.StatusAccepted)
		eventually(t, "it has grown", func() bool { return c.volumeSize(t, id) == 2 && c.volumeStatus(t, id) == "available" })
		for _, size := range []int{1, 2} {
			c.action(t, id, obj{"os-extend": obj{"new_size": size}}).says(t, http.StatusBadRequest, "New size for extend must be greater")
		}
		for _, size := range []any{0, -1, "x"} {
			c.action(t, id, obj{"os-extend": obj{"new_size": size}}).want(t, http.StatusBadRequest, "badRequest")
		}
	}},
	{"cinder/a volume gets another type, but not the one it has", func(t *testing.T, c *cloud) {
		id := c.volume(t, nil)
		first := c.cinder(t, http.MethodGet, "/volumes/"+id, nil).text("volume.volume_type")
		c.action(t, id, obj{"os-retype": obj{"new_type": first, "migration_policy": "never"}}).want(t, http.StatusBadRequest, "badRequest")
		c.action(t, id, obj{"os-retype": obj{"new_type": nobody}}).want(t, http.StatusNotFound, "itemNotFound")
		c.action(t, id, obj{"os-retype": obj{"new_type": otherType, "migration_policy": "sometimes"}}).want(t, http.StatusBadRequest, "badRequest")
		c.action(t, id, obj{"os-retype": obj{"new_type": otherType, "migration_policy": "never"}}).want(t, http.StatusAccepted)
		eventually(t, "it has the other type", func() bool {
			a := c.cinder(t, http.MethodGet, "/volumes/"+id, nil)
			return a.text("volume.volume_type") == otherType && a.text("volume.status") == "available"
		})
	}},
}

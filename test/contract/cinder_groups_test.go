package contract_test

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// volumeTypeID finds a type's id by its name.
func (c *cloud) volumeTypeID(t *testing.T, name string) string {
	t.Helper()
	a := c.cinder(t, http.MethodGet, "/types", nil).want(t, http.StatusOK)
	at := slices.Index(a.texts("volume_types", "name"), name)
	if at < 0 {
		t.Fatalf("no volume type %q", name)
	}
	return a.texts("volume_types", "id")[at]
}

// groupType is the id of the first type of groups that is not for consistency groups.
func (c *cloud) groupType(t *testing.T) string {
	t.Helper()
	a := c.cinder(t, http.MethodGet, "/group_types", nil, "3.11").want(t, http.StatusOK)
	for i, name := range a.texts("group_types", "name") {
		if name == "plain" {
			return a.texts("group_types", "id")[i]
		}
	}
	t.Fatalf("no group type \"plain\": %.500s", a.raw)
	return ""
}

// group makes one for volumes of a type; it goes with the case.
func (c *cloud) group(t *testing.T, kind string) string {
	t.Helper()
	spec := obj{"name": "contract-" + unique(), "group_type": c.groupType(t), "volume_types": []string{c.volumeTypeID(t, kind)}}
	id := c.cinder(t, http.MethodPost, "/groups", obj{"group": spec}, "3.60").want(t, http.StatusAccepted).text("group.id")
	t.Cleanup(func() {
		url, version := c.catalog["block-storage"]+"/groups/"+id, "OpenStack-API-Version: volume 3.60"
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
			c.cleanupBody(http.MethodPost, url+"/action", `{"delete": {"delete-volumes": false}}`, version)
			if c.cleanup(http.MethodGet, url, version) == http.StatusNotFound {
				return
			}
		}
		t.Errorf("group %s is still there a minute after the case", id)
	})
	c.thingBecomes(t, "group", "3.60", id, "available")
	return id
}

var volumeGroupCases = []contractCase{
	{"cinder/a group takes volumes and gives them back", func(t *testing.T, c *cloud) {
		volume := c.volume(t, obj{"volume_type": otherType})
		group := c.group(t, otherType)
		path := "/groups/" + group
		put := func(spec obj) answer {
			return c.cinder(t, http.MethodPut, path, obj{"group": spec}, "3.60")
		}
		put(obj{"add_volumes": volume}).want(t, http.StatusAccepted)
		eventually(t, "the volume is in the group", func() bool {
			return c.cinder(t, http.MethodGet, "/volumes/"+volume, nil, "3.60").text("volume.group_id") == group
		})
		c.thingBecomes(t, "group", "3.60", group, "available")
		c.cinder(t, http.MethodGet, path+"?list_volume=true", nil, "3.60").want(t, http.StatusOK).field(t, "group.volumes", []string{volume})
		c.cinder(t, http.MethodDelete, "/volumes/"+volume, nil).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodPost, path+"/action", obj{"delete": obj{"delete-volumes": false}}, "3.60").want(t, http.StatusBadRequest, "badRequest")
		put(obj{"remove_volumes": volume}).want(t, http.StatusAccepted)
		eventually(t, "the volume is out of the group", func() bool {
			return c.cinder(t, http.MethodGet, "/volumes/"+volume, nil, "3.60").text("volume.group_id") == ""
		})
		c.thingBecomes(t, "group", "3.60", group, "available")
		c.cinder(t, http.MethodPost, path+"/action", obj{"delete": obj{"delete-volumes": false}}, "3.60").want(t, http.StatusAccepted)
		eventually(t, "the group is gone", func() bool { return c.cinder(t, http.MethodGet, path, nil, "3.60").Status == http.StatusNotFound })
	}},
	{"cinder/a snapshot of a group is one of each volume", func(t *testing.T, c *cloud) {
		one, two := c.volume(t, obj{"volume_type": otherType}), c.volume(t, obj{"volume_type": otherType})
		group := c.group(t, otherType)
		empty := c.cinder(t, http.MethodPost, "/group_snapshots", obj{"group_snapshot": obj{"group_id": group}}, "3.60")
		empty.want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodPut, "/groups/"+group, obj{"group": obj{"add_volumes": one + "," + two}}, "3.60").want(t, http.StatusAccepted)
		t.Cleanup(func() { c.leaveGroup(t, group, one+","+two) })
		eventually(t, "both are in the group", func() bool {
			return len(c.cinder(t, http.MethodGet, "/groups/"+group+"?list_volume=true", nil, "3.60").list("group.volumes")) == 2
		})
		c.thingBecomes(t, "group", "3.60", group, "available")
		snapshot := c.thing(t, "group_snapshot", "3.60", obj{"group_id": group}, true)
		shown := c.cinder(t, http.MethodGet, "/group_snapshots/"+snapshot, nil, "3.60").want(t, http.StatusOK)
		shown.field(t, "group_snapshot.group_id", group)
		c.cinder(t, http.MethodGet, "/snapshots/detail?group_snapshot_id="+snapshot, nil, "3.60").want(t, http.StatusBadRequest, "badRequest")
		part := ""
		for _, volume := range []string{one, two} {
			a := c.cinder(t, http.MethodGet, "/snapshots/detail?group_snapshot_id="+nobody+"&volume_id="+volume, nil, "3.30").want(t, http.StatusOK) // not heard
			if len(a.list("snapshots")) != 1 {
				t.Fatalf("of volume %s: got %.400s, want one snapshot", volume, a.raw)
			}
			a.field(t, "snapshots.0.group_snapshot_id", snapshot)
			part = a.text("snapshots.0.id")
		}
		c.cinder(t, http.MethodDelete, "/snapshots/"+part, nil).want(t, http.StatusBadRequest, "badRequest") // it goes with the others
		c.cinder(t, http.MethodDelete, "/group_snapshots/"+snapshot, nil, "3.60").want(t, http.StatusAccepted)
		eventually(t, "all are gone", func() bool {
			return c.cinder(t, http.MethodGet, "/group_snapshots/"+snapshot, nil, "3.60").Status == http.StatusNotFound &&
				c.cinder(t, http.MethodGet, "/snapshots/"+part, nil).Status == http.StatusNotFound
		})
	}},
	{"cinder/what no group can be made of", func(t *testing.T, c *cloud) {
		for _, spec := range []obj{
			{"group_type": nobody, "volume_types": []string{c.volumeTypeID(t, otherType)}}, {"group_type": c.groupType(t), "volume_types": []string{nobody}},
		} {
			c.cinder(t, http.MethodPost, "/groups", obj{"group": spec}, "3.60").want(t, http.StatusNotFound, "itemNotFound")
		}
		c.cinder(t, http.MethodPost, "/groups", obj{"group": obj{"group_type": c.groupType(t)}}, "3.60").want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodGet, "/groups", nil, "3.12").want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodGet, "/group_snapshots/"+nobody, nil, "3.60").want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodGet, "/groups/"+nobody, nil, "3.60").want(t, http.StatusNotFound, "itemNotFound")
	}},
}

// leaveGroup takes volumes out of a group at the end of a case.
func (c *cloud) leaveGroup(t *testing.T, group, volumes string) {
	url := c.catalog["block-storage"] + "/groups/" + group
	if got := c.cleanupBody(http.MethodPut, url, `{"group": {"remove_volumes": "`+volumes+`"}}`, "OpenStack-API-Version: volume 3.60"); got != http.StatusAccepted {
		t.Errorf("take volumes out of group %s: got %d, want 202", group, got)
	}
}

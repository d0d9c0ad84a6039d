package contract_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var cinderCases = []contractCase{
	{"cinder/the root names the range of microversions", func(t *testing.T, c *cloud) {
		base, err := url.Parse(c.catalog["block-storage"])
		if err != nil {
			t.Fatal(err)
		}
		root := strings.TrimSuffix(c.catalog["block-storage"], base.Path) + strings.Split(base.Path, "/v3")[0] + "/"
		a := c.send(t, http.MethodGet, root, nil).want(t, http.StatusMultipleChoices)
		a.field(t, "versions.0.id", "v3.0")
		a.field(t, "versions.0.min_version", "3.0")
		a.field(t, "versions.0.status", "CURRENT")
		if !strings.HasPrefix(a.text("versions.0.version"), "3.") {
			t.Errorf("versions.0.version: got %q", a.text("versions.0.version"))
		}
	}},
	{"cinder/a microversion is echoed; too new is 406, malformed 400", func(t *testing.T, c *cloud) {
		for asked, want := range map[string]string{"volume 3.50": "volume 3.50", "volume latest": "volume 3.7", "compute 2.1, volume 3.27": "volume 3.27"} {
			a := c.call(t, http.MethodGet, "block-storage", "/types", nil, "OpenStack-API-Version: "+asked).want(t, http.StatusOK)
			if got := a.Header.Get("OpenStack-API-Version"); !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %q, want %q", asked, got, want)
			}
		}
		if got := c.cinder(t, http.MethodGet, "/types", nil).want(t, http.StatusOK).Header.Get("OpenStack-API-Version"); got != "volume 3.0" {
			t.Errorf("default: got %q, want volume 3.0", got)
		}
		c.cinder(t, http.MethodGet, "/types", nil, "3.999").want(t, http.StatusNotAcceptable, "computeFault")
		c.call(t, http.MethodGet, "block-storage", "/types", nil, "OpenStack-API-Version: compute 2.1").want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodGet, "/types", nil, "nonsense").want(t, http.StatusBadRequest, "badRequest")
		early := c.cinder(t, http.MethodGet, "/messages", nil).want(t, http.StatusNotFound, "itemNotFound") // 3.3 brought it
		early.field(t, "itemNotFound.message", "The resource could not be found.")
	}},
	{"cinder/the catalog has it by both types, with the project and without", func(t *testing.T, c *cloud) {
		for _, service := range []string{"block-storage", "volumev3"} {
			c.call(t, http.MethodGet, service, "/volumes?limit=1", nil).want(t, http.StatusOK)
		}
	}},
	{"cinder/request ids are in every answer", func(t *testing.T, c *cloud) {
		if got := c.cinder(t, http.MethodGet, "/types", nil).want(t, http.StatusOK).Header.Get("X-Openstack-Request-Id"); !strings.HasPrefix(got, "req-") {
			t.Errorf("X-Openstack-Request-Id: got %q", got)
		}
	}},
	{"cinder/zones, types and the extra specs that a member sees", func(t *testing.T, c *cloud) {
		c.cinder(t, http.MethodGet, "/os-availability-zone", nil).want(t, http.StatusOK).field(t, "availabilityZoneInfo.0.zoneState", obj{"available": true})
		types := c.cinder(t, http.MethodGet, "/types", nil).want(t, http.StatusOK)
		if got := types.texts("volume_types", "name"); !slices.Contains(got, multiattachType) || !slices.Contains(got, otherType) {
			t.Errorf("got %v", got)
		}
		for i, name := range types.texts("volume_types", "name") {
			id := types.texts("volume_types", "id")[i]
			if name == multiattachType {
				c.cinder(t, http.MethodGet, "/types/"+id, nil).want(t, http.StatusOK).field(t, "volume_type.extra_specs", obj{"multiattach": "<is> True"})
			}
			if name == otherType {
				c.cinder(t, http.MethodGet, "/types/"+id, nil).want(t, http.StatusOK).field(t, "volume_type.extra_specs", obj{})
			}
		}
		c.cinder(t, http.MethodGet, "/types/default", nil).want(t, http.StatusOK)
		c.cinder(t, http.MethodGet, "/types/"+nobody, nil).want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodGet, "/types/"+otherType, nil).want(t, http.StatusNotFound, "itemNotFound") // by id only
	}},
	{"cinder/limits count what there is", func(t *testing.T, c *cloud) {
		c.volume(t, nil)
		a := c.cinder(t, http.MethodGet, "/limits", nil).want(t, http.StatusOK)
		for _, name := range []string{
			"maxTotalVolumes", "maxTotalSnapshots", "maxTotalVolumeGigabytes", "maxTotalBackups", "maxTotalBackupGigabytes",
			"totalVolumesUsed", "totalGigabytesUsed", "totalSnapshotsUsed", "totalBackupsUsed", "totalBackupGigabytesUsed",
		} {
			if _, number := a.at("limits.absolute." + name).(float64); !number {
				t.Errorf("%s: got %v, want a number", name, a.at("limits.absolute."+name))
			}
		}
		if a.number("limits.absolute.totalVolumesUsed") < 1 || a.number("limits.absolute.totalGigabytesUsed") < 1 {
			t.Errorf("got %.400s", a.raw)
		}
		quota := c.cinder(t, http.MethodGet, "/os-quota-sets/"+c.project+"?usage=true", nil).want(t, http.StatusOK)
		if quota.number("quota_set.volumes.in_use") < 1 {
			t.Errorf("got %.400s", quota.raw)
		}
	}},
	{"cinder/volumes are found by name, status and metadata", func(t *testing.T, c *cloud) {
		mark := "contract-" + unique()
		one, two := c.volume(t, obj{"name": mark, "metadata": obj{"mark": mark, "n": "1"}}), c.volume(t, obj{"name": mark + "-2", "metadata": obj{"mark": mark, "n": "2"}})
		metadata := func(text string) string { return "metadata=" + url.QueryEscape(text) }
		for query, want := range map[string][]string{
			"name=" + mark:                                   {one}, // no prefix
			"name=" + mark + "&status=available":             {one},
			"name=" + mark + "&status=error":                 nil,
			metadata("{'mark': '" + mark + "'}"):             {one, two},
			metadata(`{"mark": "` + mark + `"}`):             {one, two},
			metadata("{'mark': '" + mark + "', 'n': '2'}"):   {two},
			metadata("{'mark': 'x'}"):                        nil,
			"name=" + mark + "&nonsense=1":                   {one}, // not heard before 3.31
			"name=" + mark + "&all_tenants=1":                {one}, // nor is this, of a member
			"bootable=false&name=" + mark:                    {one},
			"bootable=true&name=" + mark:                     nil,
			"id=" + two + "&" + metadata("{'n': '2'}"):       {two},
			"availability_zone=nonsense&name=" + mark + "-2": nil,
		} {
			got := c.cinder(t, http.MethodGet, "/volumes/detail?"+query, nil).want(t, http.StatusOK).texts("volumes", "id")
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", query, got, want)
			}
		}
		c.cinder(t, http.MethodGet, "/volumes?nonsense=1", nil, "3.31").want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodGet, "/volumes?name~="+mark, nil, "3.34").want(t, http.StatusBadRequest, "badRequest") // unless the cloud configures it
	}},
	{"cinder/lists page by limit and marker, and name the next page", func(t *testing.T, c *cloud) {
		mark := "contract-" + unique()
		var ids []string
		for range 3 {
			ids = append(ids, c.volume(t, obj{"name": mark}))
		}
		first := c.cinder(t, http.MethodGet, "/volumes/detail?limit=2&sort=created_at%3Aasc&name="+mark, nil).want(t, http.StatusOK)
		first.field(t, "volumes_links.0.rel", "next")
		next, err := url.Parse(first.text("volumes_links.0.href"))
		if err != nil || next.Query().Get("marker") != first.text("volumes.1.id") || next.Query().Get("name") != mark || next.Query().Get("limit") != "2" {
			t.Fatalf("next: got %v (%v)", next, err)
		}
		second := c.cinder(t, http.MethodGet, "/volumes/detail?"+next.RawQuery, nil).want(t, http.StatusOK)
		second.field(t, "volumes_links", nil)
		got := append(first.texts("volumes", "id"), second.texts("volumes", "id")...)
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(ids))) {
			t.Errorf("got %v, want %v", got, ids)
		}
		exact := c.cinder(t, http.MethodGet, "/volumes?limit=3&name="+mark, nil).want(t, http.StatusOK)
		exact.field(t, "volumes_links.0.rel", "next")
		c.cinder(t, http.MethodGet, "/volumes?limit=0&name="+mark, nil).want(t, http.StatusOK).field(t, "volumes", []obj{})
		for query, want := range map[string]int{
			"limit=-1": http.StatusBadRequest, "limit=x": http.StatusBadRequest, "marker=" + nobody: http.StatusNotFound, "marker=x": http.StatusNotFound,
			"sort=nonsense": http.StatusBadRequest, "sort=name%3Aup": http.StatusBadRequest,
		} {
			if got := c.cinder(t, http.MethodGet, "/volumes?"+query, nil).Status; got != want {
				t.Errorf("%s: got %d, want %d", query, got, want)
			}
		}
		c.cinder(t, http.MethodGet, "/volumes?with_count=true&limit=1&name="+mark, nil, "3.45").want(t, http.StatusOK).field(t, "count", 3)
	}},
}

package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/attachinterfaces"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/availabilityzones"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/tags"
	"github.com/gophercloud/gophercloud/v2/pagination"

	"underlay/pkg/simulator"
)

func names(list []servers.Server) []string {
	all := make([]string, 0, len(list))
	for _, s := range list {
		all = append(all, s.Name)
	}
	return all
}

// listed are the servers that a query finds.
func listed(t *testing.T, client *gophercloud.ServiceClient, opts servers.ListOptsBuilder) []servers.Server {
	t.Helper()
	pages, err := servers.List(client, opts).AllPages(t.Context())
	if err != nil {
		t.Fatalf("list servers: %v", err)
	}
	list, err := servers.ExtractServers(pages)
	if err != nil {
		t.Fatalf("extract servers: %v", err)
	}
	return list
}

func TestServerPages(t *testing.T) {
	c := simulator.New(simulator.Options{MaxPage: 10})
	for i := range 23 {
		c.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("node-%02d", i)})
	}
	client := compute(t, provider(t, c), "2.90")
	// A last page that is full has a link to an empty one.
	for _, tc := range []struct {
		limit, wantCalls int
	}{{0, 3}, {10, 3}, {50, 3}, {1, 24}, {9, 3}, {4, 6}} {
		c.ResetCalls()
		list := listed(t, client, servers.ListOpts{Limit: tc.limit})
		if len(list) != 23 || list[0].Name != "node-22" || list[22].Name != "node-00" {
			t.Errorf("limit %d: got %d servers", tc.limit, len(list))
		}
		if got := c.Count("GET /servers/detail"); got != tc.wantCalls {
			t.Errorf("limit %d: got %d calls, want %d", tc.limit, got, tc.wantCalls)
		}
	}
	pages := 0
	err := servers.ListSimple(client, servers.ListOpts{Limit: 50}).EachPage(t.Context(), func(_ context.Context, page pagination.Page) (bool, error) {
		list, err := servers.ExtractServers(page)
		pages++
		if len(list) > 10 {
			t.Errorf("page of %d", len(list))
		}
		return true, err
	})
	if err != nil || pages < 3 {
		t.Errorf("GET /servers: got %d pages, %v", pages, err)
	}
}

// Without Options.MaxPage a page has a thousand servers, Nova's default.
func TestDefaultServerPage(t *testing.T) {
	c := simulator.New(simulator.Options{})
	for range 1001 {
		c.AddServer(simulator.ServerSpec{Name: "node"})
	}
	got := raw(t, c, "GET", "/compute/v2.1/servers?limit=5000", "", "X-Auth-Token", tokenFor(t, c))
	page, _ := got.body["servers"].([]any)
	if len(page) != 1000 {
		t.Errorf("got %d servers, want 1000", len(page))
	}
}

func TestServerFilters(t *testing.T) {
	c := simulator.New(simulator.Options{Zones: []string{"one", "two"}})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/24"}})
	add := func(name, status, zone, flavor string, tags ...string) {
		c.AddServer(simulator.ServerSpec{
			Name: name, Status: status, Zone: zone, Flavor: flavor, Tags: tags,
			Networks: []simulator.NIC{{NetworkID: net.ID}},
		})
	}
	add("web-1", "", "one", "m1.small", "blue", "prod")
	add("web-10", "SHUTOFF", "two", "m1.large", "blue")
	add("db-1", "SOFT_DELETED", "one", "m1.large")
	first := c.Servers()[0].Addresses[0]
	member, admin := provider(t, c), adminProvider(t, c)
	for query, want := range map[string][]string{
		"":                                    {"web-10", "web-1"}, // soft-deleted servers are hidden
		"?name=web-1":                         {"web-10", "web-1"}, // a regular expression
		"?name=^web-1$":                       {"web-1"},
		"?name=WEB":                           {"web-10", "web-1"}, // whatever the case
		"?status=shutoff":                     {"web-10"},
		"?status=ACTIVE&status=SHUTOFF":       {"web-10", "web-1"},
		"?status=SOFT_DELETED":                {}, // even so
		"?flavor=2":                           {"web-1"},
		"?ip=^" + first + "$":                 {"web-1"},
		"?ip6=2001":                           {},
		"?tags=blue,prod":                     {"web-1"},
		"?tags-any=prod,green":                {"web-1"},
		"?not-tags=blue,prod":                 {"web-10"},
		"?not-tags-any=prod":                  {"web-10"},
		"?availability_zone=two":              {"web-10"},
		"?sort_key=display_name&sort_dir=asc": {"web-1", "web-10"},
		"?sort_key=vm_state&sort_dir=desc":    {"web-10", "web-1"},
		"?sort_key=availability_zone&sort_dir=asc&sort_key=uuid": {"web-1", "web-10"},
		"?host=compute-1":                      {"web-10", "web-1"}, // admins only: ignored
		"?limit=1":                             {"web-10"},
		"?limit=0":                             {},
		"?changes-since=1999-01-01T00:00:00Z":  {"db-1", "web-10", "web-1"},
		"?changes-before=1999-01-01T00:00:00Z": {},
	} {
		got := raw(t, c, "GET", "/compute/v2.1/servers"+strings.ReplaceAll(query, "^", "%5E"), "", "X-Auth-Token", member.Token(), "OpenStack-API-Version", "compute 2.90")
		if got.status != 200 {
			t.Errorf("%s: got %d %s", query, got.status, got.text)
			continue
		}
		found := []string{}
		for _, s := range got.body["servers"].([]any) {
			found = append(found, at(s, "name").(string))
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for query, want := range map[string]int{
		"?name=(": 400, "?limit=x": 400, "?limit=-1": 400, "?marker=none": 400, "?sort_key=secret": 400, "?changes-since=yesterday": 400,
		"?status=NONSENSE": 400, "?status=DELETED": 403, "?all_tenants=1": 403, "?nonsense=1": 400,
	} {
		if got := raw(t, c, "GET", "/compute/v2.1/servers"+query, "", "X-Auth-Token", member.Token(), "OpenStack-API-Version", "compute 2.90"); got.status != want {
			t.Errorf("%s: got %d, want %d", query, got.status, want)
		}
	}
	if got := raw(t, c, "GET", "/compute/v2.1/servers?all_tenants=False", "", "X-Auth-Token", member.Token()); got.status != 200 {
		t.Errorf("all_tenants=False: got %d, want 200", got.status)
	}
	if got := raw(t, c, "GET", "/compute/v2.1/servers?nonsense=1&status=NONSENSE", "", "X-Auth-Token", member.Token()); got.status != 200 {
		t.Errorf("before 2.75 and 2.38: got %d, want 200", got.status)
	}
	if got := listed(t, compute(t, admin, ""), servers.ListOpts{AllTenants: true}); len(got) != 2 {
		t.Errorf("admin, all tenants: got %v", names(got))
	}
	gone := raw(t, c, "GET", "/compute/v2.1/servers?all_tenants=1&deleted=true", "", "X-Auth-Token", admin.Token())
	if list := gone.body["servers"].([]any); len(list) != 1 || at(list, 0, "name") != "db-1" {
		t.Errorf("admin, deleted ones: got %s", gone.text)
	}
	if got := listed(t, compute(t, admin, ""), nil); len(got) != 0 {
		t.Errorf("admin's own project: got %v", names(got))
	}
}

func TestServerView(t *testing.T) {
	c := simulator.New(simulator.Options{})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "pods", Subnets: []string{"10.0.0.0/24", "2001:db8::/64"}})
	made := c.AddServer(simulator.ServerSpec{
		Name: "Node 1", Flavor: "m1.large", Zone: "nova", Metadata: map[string]string{"role": "worker"},
		Networks: []simulator.NIC{{NetworkID: net.ID, SubnetIDs: net.SubnetIDs}},
	})
	if len(made.Addresses) != 2 || len(made.PortIDs) != 1 {
		t.Fatalf("made: got %+v", made)
	}
	s, err := servers.Get(t.Context(), compute(t, provider(t, c), "2.96"), made.ID).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "Node 1" || *s.Hostname != "node-1" || s.Status != "ACTIVE" || s.PowerState != servers.RUNNING || s.VmState != "active" ||
		s.AvailabilityZone != "nova" || s.TenantID != c.ProjectID() || s.Metadata["role"] != "worker" || s.Flavor["original_name"] != "m1.large" {
		t.Errorf("got %+v", s)
	}
	var kinds, found []string
	for _, a := range s.Addresses["pods"].([]any) {
		found = append(found, at(a, "addr").(string))
		kinds = append(kinds, fmt.Sprint(at(a, "OS-EXT-IPS:type"), at(a, "version"), strings.Count(at(a, "OS-EXT-IPS-MAC:mac_addr").(string), ":")))
	}
	slices.Sort(kinds)
	if diff := cmp.Diff([]string{"fixed4 5", "fixed6 5"}, kinds); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	slices.Sort(found)
	want := slices.Clone(made.Addresses)
	slices.Sort(want)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	ports, err := attachinterfaces.List(compute(t, provider(t, c), ""), made.ID).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := attachinterfaces.ExtractInterfaces(ports)
	if err != nil || len(list) != 1 || list[0].PortID != made.PortIDs[0] || list[0].NetID != net.ID || len(list[0].FixedIPs) != 2 {
		t.Errorf("interfaces: got %+v, %v", list, err)
	}
	if one, err := attachinterfaces.Get(t.Context(), compute(t, provider(t, c), ""), made.ID, made.PortIDs[0]).Extract(); err != nil || one.PortID != made.PortIDs[0] {
		t.Errorf("interface: got %+v, %v", one, err)
	}
}

// Which keys each microversion shows, from doc/api_samples in Nova.
func TestMicroversionKeys(t *testing.T) {
	c := simulator.New(simulator.Options{})
	made := c.AddServer(simulator.ServerSpec{Name: "one"})
	member, admin := bearer(t, c), adminProvider(t, c).Token()
	for _, tc := range []struct {
		key, before, since string
		token              string
	}{
		{"locked", "2.8", "2.9", member},
		{"description", "2.18", "2.19", member},
		{"tags", "2.25", "2.26", member},
		{"trusted_image_certificates", "2.62", "2.63", member},
		{"server_groups", "2.70", "2.71", member},
		{"locked_reason", "2.72", "2.73", member},
		{"OS-EXT-SRV-ATTR:hostname", "2.89", "2.90", member},
		{"pinned_availability_zone", "2.95", "2.96", member},
		{"scheduler_hints", "2.99", "2.100", member},
		{"OS-EXT-SRV-ATTR:hostname", "2.2", "2.3", admin},
		{"host_status", "2.15", "2.16", admin},
	} {
		for version, want := range map[string]bool{tc.before: false, tc.since: true, "latest": true} {
			got := raw(t, c, "GET", "/compute/v2.1/servers/"+made.ID, "", "X-Auth-Token", tc.token, "X-OpenStack-Nova-API-Version", version)
			if _, has := at(got.body, "server").(map[string]any)[tc.key]; has != want {
				t.Errorf("%s at %s: got %v, want %v", tc.key, version, has, want)
			}
		}
	}
	flavor := func(version string) any {
		return at(raw(t, c, "GET", "/compute/v2.1/servers/"+made.ID, "", "X-Auth-Token", member, "OpenStack-API-Version", "compute "+version).body, "server", "flavor")
	}
	if got := flavor("2.46"); at(got, "id") != "3" {
		t.Errorf("flavor at 2.46: got %v, want a link", got)
	}
	if got := flavor("2.47"); at(got, "original_name") != "m1.medium" || at(got, "id") != nil {
		t.Errorf("flavor at 2.47: got %v, want it embedded without an id", got)
	}
}

func TestMicroversionNegotiation(t *testing.T) {
	c := simulator.New(simulator.Options{})
	token := bearer(t, c)
	for _, tc := range []struct {
		name, key, value string
		want             int
		wantVersion      string
	}{
		{"none", "X-Other", "1", 200, "2.1"},
		{"old header", "X-OpenStack-Nova-API-Version", "2.47", 200, "2.47"},
		{"new header", "OpenStack-API-Version", "compute 2.90", 200, "2.90"},
		{"another service's", "OpenStack-API-Version", "volume 3.71", 200, "2.1"},
		{"several", "OpenStack-API-Version", "volume 3.71, compute 2.60", 200, "2.60"},
		{"latest", "OpenStack-API-Version", "compute latest", 200, "2.100"},
		{"too high", "OpenStack-API-Version", "compute 2.101", 406, ""},
		{"too low", "OpenStack-API-Version", "compute 2.0", 406, ""},
		{"malformed", "OpenStack-API-Version", "compute two", 400, ""},
		{"malformed minor", "X-OpenStack-Nova-API-Version", "2.01", 400, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := raw(t, c, "GET", "/compute/v2.1/servers", "", "X-Auth-Token", token, tc.key, tc.value)
			if got.status != tc.want {
				t.Errorf("got %d %s, want %d", got.status, got.text, tc.want)
			}
			if tc.wantVersion == "" {
				return
			}
			if old, now := got.Header.Get("X-OpenStack-Nova-API-Version"), got.Header.Get("OpenStack-API-Version"); old != tc.wantVersion || now != "compute "+tc.wantVersion {
				t.Errorf("version: got %q and %q, want %q", old, now, tc.wantVersion)
			}
		})
	}
	if got := raw(t, c, "GET", "/compute/v2/servers", "", "X-Auth-Token", token, "OpenStack-API-Version", "compute 2.999"); got.status != 200 {
		t.Errorf("v2 knows no microversions: got %d", got.status)
	}
}

func TestProjectInPath(t *testing.T) {
	c := simulator.New(simulator.Options{})
	made := c.AddServer(simulator.ServerSpec{Name: "one"})
	token := bearer(t, c)
	c.ResetCalls()
	for path, want := range map[string]int{
		"/v2.1/" + c.ProjectID() + "/servers/" + made.ID:           200,
		"/v2/" + c.ProjectID() + "/servers/" + made.ID:             200,
		"/v2.1/" + strings.Repeat("0", 32) + "/servers/" + made.ID: 400,
	} {
		if got := raw(t, c, "GET", "/compute"+path, "", "X-Auth-Token", token); got.status != want {
			t.Errorf("%s: got %d %s, want %d", path, got.status, got.text, want)
		}
	}
	if got := c.Count("GET /servers/{id}"); got != 3 {
		t.Errorf("the pattern has neither version nor project: got %d, want 3", got)
	}
}

func TestServerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{BuildTime: 20 * time.Second})
		net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/24"}})
		client := compute(t, provider(t, c), "2.90")
		made, err := servers.Create(t.Context(), client, servers.CreateOpts{
			Name: "one", FlavorRef: "1", Hostname: "host", AvailabilityZone: "nova",
			Networks: []servers.Network{{UUID: net.ID, FixedIP: "10.0.0.77"}},
			Metadata: map[string]string{"a": "b"},
		}, nil).Extract()
		if err != nil {
			t.Fatal(err)
		}
		get := func() *servers.Server {
			t.Helper()
			s, err := servers.Get(t.Context(), client, made.ID).Extract()
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := get(); s.Status != "BUILD" || !s.LaunchedAt.IsZero() {
			t.Errorf("at once: got %s, launched %v", s.Status, s.LaunchedAt)
		}
		time.Sleep(20 * time.Second)
		if s := get(); s.Status != "ACTIVE" || *s.Hostname != "host" || at(s.Addresses["net"], 0, "addr") != "10.0.0.77" {
			t.Errorf("built: got %+v", s)
		}
		if _, err := servers.Update(t.Context(), client, made.ID, servers.UpdateOpts{Name: "two"}).Extract(); err != nil || get().Name != "two" {
			t.Errorf("update: got %q, %v", get().Name, err)
		}
		if err := servers.Delete(t.Context(), client, made.ID).ExtractErr(); err != nil {
			t.Errorf("delete: %v", err)
		}
		if err := servers.Get(t.Context(), client, made.ID).Err; !gophercloud.ResponseCodeIs(err, 404) {
			t.Errorf("after delete: got %v, want 404", err)
		}
		if err := servers.Delete(t.Context(), client, made.ID).ExtractErr(); !gophercloud.ResponseCodeIs(err, 404) {
			t.Errorf("delete again: got %v, want 404", err)
		}
		since := listed(t, client, servers.ListOpts{ChangesSince: time.Now().UTC().Format(time.RFC3339)})
		if len(since) != 1 || since[0].Status != "DELETED" {
			t.Errorf("changes-since shows what is gone: got %+v", since)
		}
		token := bearer(t, c)
		if got := raw(t, c, "GET", "/compute/v2.1/servers/"+made.ID, "", "X-Auth-Token", token); at(got.body, "itemNotFound", "code") != 404.0 ||
			at(got.body, "itemNotFound", "message") != "Instance "+made.ID+" could not be found." {
			t.Errorf("404: got %s", got.text)
		}
	})
}

func TestCreateRefusals(t *testing.T) {
	c := simulator.New(simulator.Options{})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/24"}})
	token := bearer(t, c)
	for name, tc := range map[string]struct {
		body, version string
		want          int
	}{
		"no name":             {`{"flavorRef":"1","networks":"none"}`, "2.60", 400},
		"no such flavor":      {`{"name":"a","flavorRef":"77","networks":"none"}`, "2.60", 400},
		"no such zone":        {`{"name":"a","flavorRef":"1","networks":"none","availability_zone":"mars"}`, "2.60", 400},
		"no such network":     {`{"name":"a","flavorRef":"1","networks":[{"uuid":"` + strings.Repeat("0", 8) + `-0000-0000-0000-000000000000"}]}`, "2.60", 400},
		"address elsewhere":   {`{"name":"a","flavorRef":"1","networks":[{"uuid":"` + net.ID + `","fixed_ip":"192.0.2.1"}]}`, "2.60", 400},
		"no networks at 2.37": {`{"name":"a","flavorRef":"1"}`, "2.37", 400},
		"networks nonsense":   {`{"name":"a","flavorRef":"1","networks":"many"}`, "2.37", 400},
		"networks a number":   {`{"name":"a","flavorRef":"1","networks":5}`, "2.37", 400},
		"the only network":    {`{"name":"a","flavorRef":"1"}`, "2.36", 202},
		"auto":                {`{"name":"a","flavorRef":"http://x/flavors/1","networks":"auto"}`, "2.37", 202},
		"three":               {`{"name":"a","flavorRef":"1","networks":"none","min_count":1,"max_count":"3"}`, "2.60", 202},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(c.Servers())
			got := raw(t, c, "POST", "/compute/v2.1/servers", `{"server":`+tc.body+`}`, "X-Auth-Token", token, "OpenStack-API-Version", "compute "+tc.version)
			if got.status != tc.want {
				t.Errorf("got %d %s, want %d", got.status, got.text, tc.want)
			}
			if made := len(c.Servers()) - before; tc.want == 400 && made != 0 {
				t.Errorf("made %d servers", made)
			}
		})
	}
	for _, count := range []string{"1000000000", "-1"} {
		body := `{"server":{"name":"a","flavorRef":"1","networks":"none","max_count":` + count + `}}`
		if got := raw(t, c, "POST", "/compute/v2.1/servers", body, "X-Auth-Token", token); got.status != 403 {
			t.Errorf("max_count %s: got %d, want 403", count, got.status)
		}
	}
	if got := raw(t, c, "POST", "/compute/v2.1/servers", `nonsense`, "X-Auth-Token", token); got.status != 400 {
		t.Errorf("malformed: got %d, want 400", got.status)
	}
}

func TestActions(t *testing.T) {
	c := simulator.New(simulator.Options{})
	made := c.AddServer(simulator.ServerSpec{Name: "one"})
	token, admin := bearer(t, c), adminProvider(t, c).Token()
	for _, step := range []struct {
		body, token string
		want        int
		wantStatus  string
	}{
		{`{"os-start":null}`, token, 409, "ACTIVE"},
		{`{"os-stop":null}`, token, 202, "SHUTOFF"},
		{`{"os-stop":null}`, token, 409, "SHUTOFF"},
		{`{"os-start":null}`, token, 202, "ACTIVE"},
		{`{"reboot":{"type":"SOFT"}}`, token, 202, "ACTIVE"},
		{`{"suspend":null}`, token, 202, "SUSPENDED"},
		{`{"resume":null}`, token, 202, "ACTIVE"},
		{`{"pause":null}`, token, 202, "PAUSED"},
		{`{"unpause":null}`, token, 202, "ACTIVE"},
		{`{"lock":{"locked_reason":"mine"}}`, token, 202, "ACTIVE"},
		{`{"os-stop":null}`, token, 409, "ACTIVE"},
		{`{"unlock":null}`, token, 202, "ACTIVE"},
		{`{"shelve":null}`, token, 202, "SHELVED_OFFLOADED"},
		{`{"unshelve":null}`, token, 202, "ACTIVE"},
		{`{"os-resetState":{"state":"error"}}`, token, 403, "ACTIVE"},
		{`{"os-resetState":{"state":"error"}}`, admin, 202, "ERROR"},
		{`{"os-resetState":{"state":"odd"}}`, admin, 400, "ERROR"},
		{`{"dance":null}`, token, 400, "ERROR"},
		{`{}`, token, 400, "ERROR"},
	} {
		got := raw(t, c, "POST", "/compute/v2.1/servers/"+made.ID+"/action", step.body, "X-Auth-Token", step.token, "OpenStack-API-Version", "compute 2.90")
		if status := c.Servers()[0].Status; got.status != step.want || status != step.wantStatus {
			t.Errorf("%s: got %d and %s, want %d and %s", step.body, got.status, status, step.want, step.wantStatus)
		}
	}
	if got := raw(t, c, "POST", "/compute/v2.1/servers/"+made.ID+"/action", `{"forceDelete":null}`, "X-Auth-Token", token); got.status != 202 || len(c.Servers()) != 0 {
		t.Errorf("forceDelete: got %d, %d servers left", got.status, len(c.Servers()))
	}
}

func TestMetadata(t *testing.T) {
	c := simulator.New(simulator.Options{})
	made := c.AddServer(simulator.ServerSpec{Name: "one", Metadata: map[string]string{"a": "1"}})
	client := compute(t, provider(t, c), "")
	if _, err := servers.UpdateMetadata(t.Context(), client, made.ID, servers.MetadataOpts{"b": "2"}).Extract(); err != nil {
		t.Error(err)
	}
	if _, err := servers.CreateMetadatum(t.Context(), client, made.ID, servers.MetadatumOpts{"c": "3"}).Extract(); err != nil {
		t.Error(err)
	}
	if err := servers.DeleteMetadatum(t.Context(), client, made.ID, "a").ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := servers.DeleteMetadatum(t.Context(), client, made.ID, "a").ExtractErr(); !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("delete again: got %v, want 404", err)
	}
	got, err := servers.Metadata(t.Context(), client, made.ID).Extract()
	if diff := cmp.Diff(map[string]string{"b": "2", "c": "3"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if one, err := servers.Metadatum(t.Context(), client, made.ID, "b").Extract(); err != nil || one["b"] != "2" {
		t.Errorf("one: got %v, %v", one, err)
	}
	if err := servers.Metadatum(t.Context(), client, made.ID, "z").Err; !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("unknown: got %v, want 404", err)
	}
	if got, err := servers.ResetMetadata(t.Context(), client, made.ID, servers.MetadataOpts{"z": "9"}).Extract(); err != nil || len(got) != 1 {
		t.Errorf("reset: got %v, %v", got, err)
	}
	many := servers.MetadataOpts{}
	for i := range 129 {
		many[fmt.Sprint(i)] = "x"
	}
	if err := servers.ResetMetadata(t.Context(), client, made.ID, many).Err; !gophercloud.ResponseCodeIs(err, 403) {
		t.Errorf("129 items: got %v, want 403", err)
	}
	long := servers.MetadataOpts{"k": strings.Repeat("x", 256)}
	if err := servers.UpdateMetadata(t.Context(), client, made.ID, long).Err; !gophercloud.ResponseCodeIs(err, 400) {
		t.Errorf("256 bytes: got %v, want 400", err)
	}
}

func TestServerTags(t *testing.T) {
	c := simulator.New(simulator.Options{})
	made := c.AddServer(simulator.ServerSpec{Name: "one"})
	client := compute(t, provider(t, c), "2.26")
	if got, err := tags.ReplaceAll(t.Context(), client, made.ID, tags.ReplaceAllOpts{Tags: []string{"b", "a"}}).Extract(); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("replace: got %v, %v", got, err)
	}
	if err := tags.Add(t.Context(), client, made.ID, "c").ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := tags.Delete(t.Context(), client, made.ID, "a").ExtractErr(); err != nil {
		t.Error(err)
	}
	if got, err := tags.Check(t.Context(), client, made.ID, "a").Extract(); err != nil || got {
		t.Errorf("check: got %v, %v", got, err)
	}
	if got, err := tags.List(t.Context(), client, made.ID).Extract(); err != nil || !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("list: got %v, %v", got, err)
	}
	if err := tags.Add(t.Context(), client, made.ID, strings.Repeat("x", 61)).ExtractErr(); !gophercloud.ResponseCodeIs(err, 400) {
		t.Errorf("61 bytes: got %v, want 400", err)
	}
	if err := tags.DeleteAll(t.Context(), client, made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	client.Microversion = "2.25"
	if err := tags.List(t.Context(), client, made.ID).Err; !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("before 2.26: got %v, want 404", err)
	}
}

func TestFlavorsAndZones(t *testing.T) {
	c := simulator.New(simulator.Options{Zones: []string{"az1", "az2"}})
	made := c.AddServer(simulator.ServerSpec{Name: "one", Flavor: "c5.9xlarge"})
	client := compute(t, provider(t, c), "2.46")
	pages, err := flavors.ListDetail(client, nil).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := flavors.ExtractFlavors(pages)
	if err != nil || len(list) != 6 {
		t.Errorf("flavors: got %v, %v", list, err)
	}
	s, err := servers.Get(t.Context(), client, made.ID).Extract()
	if err != nil {
		t.Fatal(err)
	}
	f, err := flavors.Get(t.Context(), client, s.Flavor["id"].(string)).Extract()
	if err != nil || f.Name != "c5.9xlarge" {
		t.Errorf("flavor: got %+v, %v", f, err)
	}
	if err := flavors.Get(t.Context(), client, "none").Err; !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("unknown flavor: got %v, want 404", err)
	}
	if err := flavors.ListExtraSpecs(t.Context(), client, f.ID).Err; err != nil {
		t.Errorf("extra specs: %v", err)
	}
	zones, err := availabilityzones.List(client).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := availabilityzones.ExtractAvailabilityZones(zones)
	if err != nil || len(all) != 2 || all[1].ZoneName != "az2" || !all[1].ZoneState.Available || s.AvailabilityZone != "az1" {
		t.Errorf("zones: got %+v, server in %s, %v", all, s.AvailabilityZone, err)
	}
}

func TestProjectsDoNotSeeEachOther(t *testing.T) {
	c := simulator.New(simulator.Options{})
	made := c.AddServer(simulator.ServerSpec{Name: "mine"})
	c.AddUser(simulator.UserSpec{Name: "other", Password: "x", ProjectName: "others"})
	opts := options(c)
	opts.Username, opts.Password = "other", "x"
	opts.Scope = &gophercloud.AuthScope{ProjectName: "others", DomainName: "Default"}
	p, err := providerWith(t, c, opts)
	if err != nil {
		t.Fatal(err)
	}
	client := compute(t, p, "")
	if got := listed(t, client, nil); len(got) != 0 {
		t.Errorf("got %v", names(got))
	}
	if err := servers.Get(t.Context(), client, made.ID).Err; !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("got %v, want 404", err)
	}
	if _, err := servers.Get(t.Context(), compute(t, adminProvider(t, c), ""), made.ID).Extract(); err != nil {
		t.Errorf("the admin sees all: %v", err)
	}
}

func TestCellDown(t *testing.T) {
	c := simulator.New(simulator.Options{})
	lost := c.AddServer(simulator.ServerSpec{Name: "lost", Zone: "nova"})
	here := c.AddServer(simulator.ServerSpec{Name: "here"})
	token := bearer(t, c)
	c.SetCellDown(true, lost.ID)
	get := func(path, version string) answer {
		return raw(t, c, "GET", "/compute/v2.1"+path, "", "X-Auth-Token", token, "OpenStack-API-Version", "compute "+version)
	}
	statuses := func(a answer) map[string]any {
		found := map[string]any{}
		for _, s := range a.body["servers"].([]any) {
			found[at(s, "id").(string)] = at(s, "status")
		}
		return found
	}
	for query, want := range map[string]map[string]any{
		"2.68 /servers/detail":            {here.ID: "ACTIVE"},
		"2.69 /servers/detail":            {here.ID: "ACTIVE", lost.ID: "UNKNOWN"},
		"2.69 /servers/detail?limit=1000": {here.ID: "ACTIVE"},
		"2.69 /servers/detail?name=lost":  {},
	} {
		version, path, _ := strings.Cut(query, " ")
		if diff := cmp.Diff(want, statuses(get(path, version))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if got := get("/servers/"+lost.ID, "2.69"); got.status != 200 || at(got.body, "server", "status") != "UNKNOWN" || at(got.body, "server", "addresses") != nil {
		t.Errorf("show at 2.69: got %d %s", got.status, got.text)
	}
	if got := get("/servers/"+lost.ID, "2.68"); got.status != 500 {
		t.Errorf("show at 2.68: got %d, want 500", got.status)
	}
	if got := get("/servers?marker="+lost.ID, "2.69"); got.status != 500 {
		t.Errorf("marker in the cell: got %d, want 500", got.status)
	}
	if got := get("/servers/"+lost.ID+"/metadata", "2.69"); got.status != 500 {
		t.Errorf("metadata: got %d, want 500", got.status)
	}
	for _, status := range []int{404, 503} {
		c.SetCellDownAnswer(status)
		if got := get("/servers/"+lost.ID, "2.90"); got.status != status {
			t.Errorf("as configured: got %d, want %d", got.status, status)
		}
	}
	c.SetCellDown(false)
	if got := get("/servers/"+lost.ID, "2.90"); at(got.body, "server", "status") != "ACTIVE" {
		t.Errorf("up again: got %s", got.text)
	}
	c.SetCellDown(true)
	if got := statuses(get("/servers/detail", "2.1")); len(got) != 0 {
		t.Errorf("all servers are in the cell: got %v", got)
	}
}

func TestOutOfBand(t *testing.T) {
	c := simulator.New(simulator.Options{})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/24"}})
	id := "11111111-2222-3333-4444-555555555555"
	made := c.AddServer(simulator.ServerSpec{Name: "one", ID: id, Networks: []simulator.NIC{{NetworkID: net.ID, FixedIPs: []string{"10.0.0.9"}}}})
	if made.ID != id || !slices.Equal(made.Addresses, []string{"10.0.0.9"}) {
		t.Errorf("got %+v", made)
	}
	client := compute(t, provider(t, c), "")
	c.SetServerStatus(id, "SHUTOFF")
	if s, err := servers.Get(t.Context(), client, id).Extract(); err != nil || s.Status != "SHUTOFF" || s.PowerState != servers.SHUTDOWN {
		t.Errorf("got %+v, %v", s, err)
	}
	c.DeleteServer(id)
	c.DeleteServer(id)
	if err := servers.Get(t.Context(), client, id).Err; !gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
		t.Errorf("got %v, want 404", err)
	}
	for name, seed := range map[string]func(){
		"unknown status":  func() { c.AddServer(simulator.ServerSpec{Name: "x", Status: "ODD"}) },
		"unknown network": func() { c.AddServer(simulator.ServerSpec{Name: "x", Networks: []simulator.NIC{{NetworkID: "none"}}}) },
		"set unknown":     func() { c.SetServerStatus("none", "ACTIVE") },
		"same id": func() {
			c.AddServer(simulator.ServerSpec{Name: "x", ID: id})
			c.AddServer(simulator.ServerSpec{Name: "x", ID: id})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			seed()
		}()
	}
}

func TestAttachAndDetach(t *testing.T) {
	c := simulator.New(simulator.Options{})
	one := c.AddNetwork(simulator.NetworkSpec{Name: "one", Subnets: []string{"10.0.0.0/24"}})
	two := c.AddNetwork(simulator.NetworkSpec{Name: "two", Subnets: []string{"10.1.0.0/24"}})
	made := c.AddServer(simulator.ServerSpec{Name: "a", Networks: []simulator.NIC{{NetworkID: one.ID}}})
	client := compute(t, provider(t, c), "")
	got, err := attachinterfaces.Create(t.Context(), client, made.ID, attachinterfaces.CreateOpts{
		NetworkID: two.ID, FixedIPs: []attachinterfaces.FixedIP{{IPAddress: "10.1.0.9"}},
	}).Extract()
	if err != nil || got.NetID != two.ID || got.FixedIPs[0].IPAddress != "10.1.0.9" {
		t.Fatalf("attach: got %+v, %v", got, err)
	}
	if addresses := c.Servers()[0].Addresses; !slices.Contains(addresses, "10.1.0.9") || len(addresses) != 2 {
		t.Errorf("addresses: got %v", addresses)
	}
	for want, opts := range map[int]attachinterfaces.CreateOpts{
		404: {NetworkID: "99999999-0000-0000-0000-000000000000"},
		409: {PortID: made.PortIDs[0]}, // it is the server's already
		400: {},
	} {
		if err := attachinterfaces.Create(t.Context(), client, made.ID, opts).Err; !gophercloud.ResponseCodeIs(err, want) {
			t.Errorf("%+v: got %v, want %d", opts, err, want)
		}
	}
	if err := attachinterfaces.Delete(t.Context(), client, made.ID, got.PortID).ExtractErr(); err != nil {
		t.Errorf("detach: %v", err)
	}
	if err := attachinterfaces.Delete(t.Context(), client, made.ID, got.PortID).ExtractErr(); err != nil {
		t.Errorf("detach again: got %v, want it taken as done", err)
	}
	if err := attachinterfaces.Get(t.Context(), client, made.ID, got.PortID).Err; !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("after detach: got %v, want 404", err)
	}
}

// A port that was there before the server outlives it.
func TestServerOnAPortThatIsThere(t *testing.T) {
	c := simulator.New(simulator.Options{})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/24"}})
	token := bearer(t, c)
	port := raw(t, c, "POST", "/network/v2.0/ports", `{"port":{"network_id":"`+net.ID+`"}}`, "X-Auth-Token", token)
	id := at(port.body, "port", "id").(string)
	body := `{"server":{"name":"a","flavorRef":"1","networks":[{"port":"` + id + `"}]}}`
	got := raw(t, c, "POST", "/compute/v2.1/servers", body, "X-Auth-Token", token)
	if got.status != 202 || !slices.Equal(c.Servers()[0].PortIDs, []string{id}) {
		t.Fatalf("got %d %s", got.status, got.text)
	}
	if again := raw(t, c, "POST", "/compute/v2.1/servers", body, "X-Auth-Token", token); again.status != 409 || len(c.Servers()) != 1 {
		t.Errorf("the port is taken: got %d %s", again.status, again.text)
	}
	several := strings.Replace(body, `"name"`, `"max_count":2,"name"`, 1)
	if got := raw(t, c, "POST", "/compute/v2.1/servers", several, "X-Auth-Token", token); got.status != 400 {
		t.Errorf("several servers on one port: got %d", got.status)
	}
	c.DeleteServer(c.Servers()[0].ID)
	left := raw(t, c, "GET", "/network/v2.0/ports/"+id, "", "X-Auth-Token", token)
	if left.status != 200 || at(left.body, "port", "device_id") != "" {
		t.Errorf("after the server: got %d %s", left.status, left.text)
	}
}

func TestFloatingAddress(t *testing.T) {
	c := simulator.New(simulator.Options{})
	outside := c.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/24"}})
	c.AddRouter(simulator.RouterSpec{Name: "r", SubnetIDs: net.SubnetIDs, ExternalNetworkID: outside.ID})
	made := c.AddServer(simulator.ServerSpec{Name: "a", Networks: []simulator.NIC{{NetworkID: net.ID}}})
	c.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: outside.ID, PortID: made.PortIDs[0]})
	token := bearer(t, c)
	got := raw(t, c, "GET", "/compute/v2.1/servers/"+made.ID, "", "X-Auth-Token", token)
	second := at(got.body, "server", "addresses", "net", 1)
	if at(second, "OS-EXT-IPS:type") != "floating" || !strings.HasPrefix(fmt.Sprint(at(second, "addr")), "203.0.113.") {
		t.Errorf("got %s", got.text)
	}
	short := raw(t, c, "GET", "/compute/v2.1/servers/"+made.ID+"/ips", "", "X-Auth-Token", token)
	if at(short.body, "addresses", "net", 0, "addr") != made.Addresses[0] {
		t.Errorf("ips: got %s", short.text)
	}
}

// What clients look at besides servers.
func TestComputeOddments(t *testing.T) {
	c := simulator.New(simulator.Options{})
	s := c.AddServer(simulator.ServerSpec{Name: "a", Flavor: "m1.large"})
	member, admin := bearer(t, c), adminProvider(t, c).Token()
	for _, tc := range []struct {
		path          string
		member, admin int
		where         []any
		want          any
	}{
		{"/limits", 200, 200, []any{"limits", "absolute", "totalCoresUsed"}, 4.0},
		{"/os-quota-sets/" + c.ProjectID(), 200, 200, []any{"quota_set", "instances"}, -1.0},
		{"/os-quota-sets/" + c.ProjectID() + "/detail", 200, 200, []any{"quota_set", "cores", "in_use"}, 4.0},
		{"/os-quota-sets/none", 403, 200, nil, nil},
		{"/os-availability-zone/detail", 403, 200, nil, nil},
		{"/os-services", 403, 200, nil, nil},
		{"/os-keypairs", 200, 200, []any{"keypairs"}, []any{}},
		{"/os-server-groups", 200, 200, []any{"server_groups"}, []any{}},
		{"/servers/" + s.ID + "/os-volume_attachments", 200, 200, []any{"volumeAttachments"}, []any{}},
		{"/flavors/4/os-extra_specs", 200, 200, []any{"extra_specs"}, map[string]any{}},
		{"/flavors/none/os-extra_specs", 404, 404, nil, nil},
	} {
		got := raw(t, c, "GET", "/compute/v2.1"+tc.path, "", "X-Auth-Token", member)
		if got.status != tc.member {
			t.Errorf("%s: got %d, want %d", tc.path, got.status, tc.member)
		}
		if tc.where != nil {
			if diff := cmp.Diff(tc.want, at(got.body, tc.where...)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.path, diff)
			}
		}
		if got := raw(t, c, "GET", "/compute/v2.1"+tc.path, "", "X-Auth-Token", admin); got.status != tc.admin {
			t.Errorf("%s as admin: got %d, want %d", tc.path, got.status, tc.admin)
		}
	}
	for version, want := range map[string]any{"2.74": "", "2.75": 0.0} {
		got := raw(t, c, "GET", "/compute/v2.1/flavors/4", "", "X-Auth-Token", member, "OpenStack-API-Version", "compute "+version)
		if at(got.body, "flavor", "swap") != want {
			t.Errorf("swap at %s: got %s", version, got.text)
		}
	}
}

func TestImages(t *testing.T) {
	c := simulator.New(simulator.Options{})
	token := bearer(t, c)
	list := raw(t, c, "GET", "/image/v2/images", "", "X-Auth-Token", token)
	id, _ := at(list.body, "images", 0, "id").(string)
	if got := raw(t, c, "GET", "/image/v2/images/"+id, "", "X-Auth-Token", token); at(got.body, "name") != "ubuntu-24.04" {
		t.Errorf("show: got %s", got.text)
	}
	if got := raw(t, c, "GET", "/image/v2/images?name=none", "", "X-Auth-Token", token); len(at(got.body, "images").([]any)) != 0 {
		t.Errorf("by name: got %s", got.text)
	}
	if got := raw(t, c, "GET", "/image/v2/images/none", "", "X-Auth-Token", token); got.status != 404 {
		t.Errorf("unknown: got %d, want 404", got.status)
	}
	if got := raw(t, c, "GET", "/image/v2/images", ""); got.status != 401 {
		t.Errorf("without a token: got %d, want 401", got.status)
	}
}

// BenchmarkServersDetail lists a page of 1,000 servers.
func BenchmarkServersDetail(b *testing.B) {
	c := simulator.New(simulator.Options{})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/16"}})
	for i := range 1000 {
		c.AddServer(simulator.ServerSpec{Name: fmt.Sprint(i), Networks: []simulator.NIC{{NetworkID: net.ID}}})
	}
	credential := c.AddApplicationCredential(simulator.ApplicationCredentialSpec{})
	body := `{"auth":{"identity":{"methods":["application_credential"],"application_credential":{"id":"` + credential.ID +
		`","secret":"` + credential.Secret + `"}}}}`
	request, err := http.NewRequest(http.MethodPost, simulator.Endpoint+"/identity/v3/auth/tokens", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	login, err := c.Transport().RoundTrip(request)
	if err != nil {
		b.Fatal(err)
	}
	request, err = http.NewRequest(http.MethodGet, simulator.Endpoint+"/compute/v2.1/servers/detail", nil)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", login.Header.Get("X-Subject-Token"))
	b.ReportAllocs()
	for b.Loop() {
		if got, err := c.Transport().RoundTrip(request); err != nil || got.StatusCode != http.StatusOK {
			b.Fatal(got, err)
		}
	}
}

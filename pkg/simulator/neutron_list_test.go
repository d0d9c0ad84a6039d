package simulator_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"underlay/pkg/simulator"
)

// list lists ports by a raw query and returns their names, sorted.
func (b *bench) list(query string) []string {
	b.Helper()
	got, err := b.call(b.client, "GET", "ports?"+query, nil, nil)
	if err != nil {
		b.Fatalf("list ports?%s: %v", query, err)
	}
	names := []string{}
	for i := range got["ports"].([]any) {
		if name := at(got, "ports", i, "name").(string); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestPortFilters(t *testing.T) {
	b := newBench(t, simulator.Options{})
	other := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "other", Subnets: []string{"10.0.1.0/24"}})
	group := at(mustCall(b, "GET", "security-groups", nil), "security_groups", 0, "id").(string)
	fixed := func(address string) []ports.IP { return []ports.IP{{IPAddress: address}} }
	a := b.port(ports.CreateOpts{Name: "a", DeviceID: "s1", DeviceOwner: "compute:nova", FixedIPs: fixed("10.0.0.10")})
	b.port(ports.CreateOpts{Name: "b", DeviceID: "s2", DeviceOwner: "compute:nova", FixedIPs: fixed("10.0.0.11"), SecurityGroups: &[]string{}})
	b.port(ports.CreateOpts{Name: "c", NetworkID: other.ID, FixedIPs: fixed("10.0.1.10"), AdminStateUp: value(false)})
	mustCall(b, "PUT", "ports/"+a.ID+"/tags", map[string]any{"tags": []string{"red", "blue"}})

	for query, want := range map[string]string{
		"":                                  "a b c",
		"name=a":                            "a",
		"name=a&name=b":                     "a b",
		"id=" + a.ID:                        "a",
		"device_id=s1&device_id=s2":         "a b",
		"device_id=s1&device_owner=x":       "",
		"device_owner=compute:nova":         "a b",
		"network_id=" + other.ID:            "c",
		"admin_state_up=False":              "c",
		"admin_state_up=true":               "a b",
		"status=DOWN":                       "a b c",
		"project_id=" + b.cloud.ProjectID(): "a b c",
		"tenant_id=x":                       "",
		"mac_address=" + strings.ToUpper(a.MACAddress):                             "a",
		"security_groups=" + group:                                                 "a c",
		"fixed_ips=ip_address=10.0.0.10":                                           "a",
		"fixed_ips=ip_address%3D10.0.0.10":                                         "a",
		"fixed_ips=ip_address=10.0.0.10&fixed_ips=ip_address=10.0.1.10":            "a c",
		"fixed_ips=subnet_id=" + b.subnet4():                                       "a b",
		"fixed_ips=ip_address_substr=0.1.1":                                        "c",
		"fixed_ips=ip_address=10.0.0.10&fixed_ips=subnet_id=" + b.subnet4():        "a",
		"fixed_ips=ip_address=10.0.0.10&fixed_ips=subnet_id=" + other.SubnetIDs[0]: "",
		"fixed_ips=ip_address=10.0.1.10&network_id=" + b.network.ID:                "",
		"tags=red":           "a",
		"tags=red,blue":      "a",
		"tags=red,green":     "",
		"tags-any=red,green": "a",
		"not-tags=red,blue":  "b c",
		"not-tags-any=green": "a b c",
	} {
		if got := strings.Join(b.list(query), " "); got != want {
			t.Errorf("ports?%s: got %q, want %q", query, got, want)
		}
	}
	_, err := b.call(b.client, "GET", "ports?colour=red", nil, nil)
	wantFault(t, err, 400, "HTTPBadRequest")
	_, err = b.call(b.client, "GET", "ports?allowed_address_pairs=x", nil, nil)
	wantFault(t, err, 400, "HTTPBadRequest")
	// Without the extensions a strange key and an empty value are as if they were not there.
	b.cloud.SetExtension("filter-validation", false)
	b.cloud.SetExtension("empty-string-filtering", false)
	if got := b.list("colour=red&device_id="); len(got) != 3 {
		t.Errorf("got %v, want all ports", got)
	}
}

func mustCall(b *bench, method, path string, body any) map[string]any {
	b.Helper()
	got, err := b.call(b.client, method, path, body, nil)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	return got
}

func TestFields(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{Name: "p"})
	got := mustCall(b, "GET", "ports?name=p&fields=id&fields=fixed_ips&fields=nonsense", nil)
	var names []string
	for name := range at(got, "ports", 0).(map[string]any) {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"fixed_ips", "id"}, names); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if one := mustCall(b, "GET", "ports/"+p.ID+"?fields=name", nil); len(one["port"].(map[string]any)) != 1 || at(one, "port", "name") != "p" {
		t.Errorf("got %v", one)
	}
}

func TestPaging(t *testing.T) {
	b := newBench(t, simulator.Options{})
	for i := range 7 {
		b.port(ports.CreateOpts{Name: fmt.Sprintf("p%d", i), DeviceOwner: "test"})
	}
	// gophercloud follows the next links.
	var pages [][]string
	pager := ports.List(b.client, ports.ListOpts{Limit: 3, DeviceOwner: "test", SortKey: "name", SortDir: "desc"})
	for page, err := range pagesOf(t, pager) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		var names []string
		for _, p := range page {
			names = append(names, p.Name)
		}
		pages = append(pages, names)
	}
	want := [][]string{{"p6", "p5", "p4"}, {"p3", "p2", "p1"}, {"p0"}}
	if diff := cmp.Diff(want, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}

	query := "ports?device_owner=test&limit=3&sort_key=name&sort_dir=asc"
	first := mustCall(b, "GET", query, nil)
	rels := map[string]string{}
	for _, link := range first["ports_links"].([]any) {
		rels[at(link, "rel").(string)] = at(link, "href").(string)
	}
	next, err := url.Parse(rels["next"])
	if err != nil || next.Query().Get("marker") != at(first, "ports", 2, "id") || next.Path != "/network/v2.0/ports" || next.Query().Get("sort_key") != "name" {
		t.Errorf("got next link %s, %v", rels["next"], err)
	}
	if previous, err := url.Parse(rels["previous"]); err != nil || previous.Query().Get("page_reverse") != "True" {
		t.Errorf("got previous link %s, %v", rels["previous"], err)
	}
	second := mustCall(b, "GET", query+"&marker="+at(first, "ports", 2, "id").(string), nil)
	if name := at(second, "ports", 0, "name"); name != "p3" {
		t.Errorf("got %v first on page two, want p3", name)
	}
	back := mustCall(b, "GET", query+"&page_reverse=True&marker="+at(second, "ports", 0, "id").(string), nil)
	if name := at(back, "ports", 0, "name"); name != "p0" {
		t.Errorf("got %v first on the page before, want p0", name)
	}
	last := mustCall(b, "GET", query+"&marker="+at(second, "ports", 2, "id").(string), nil)
	for _, link := range last["ports_links"].([]any) {
		if at(link, "rel") == "next" {
			t.Error("a short page has a next link")
		}
	}
	if whole := mustCall(b, "GET", "ports?device_owner=test", nil); whole["ports_links"] != nil {
		t.Error("a list without limit has links")
	}
}

func TestBadListQueries(t *testing.T) {
	b := newBench(t, simulator.Options{})
	for query, want := range map[string]fault{
		"limit=many":                      {400, "BadRequest", "Bad limit request: Limit must be an integer 0 or greater and not 'many'."},
		"limit=-1":                        {400, "BadRequest", "Bad limit request: Limit must be an integer 0 or greater and not '-1'."},
		"limit=1&marker=x":                {404, "PortNotFound", "Port x could not be found."},
		"sort_key=name":                   {400, "HTTPBadRequest", "The number of sort_keys and sort_dirs must be same"},
		"sort_key=fixed_ips&sort_dir=asc": {400, "HTTPBadRequest", "['fixed_ips'] is invalid attribute for sort_keys"},
		"sort_key=name&sort_dir=up":       {400, "HTTPBadRequest", "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"},
	} {
		_, err := b.call(b.client, "GET", "ports?"+query, nil, nil)
		if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
			t.Errorf("ports?%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestSortByNumbers(t *testing.T) {
	b := newBench(t, simulator.Options{})
	for i := range 12 {
		p := b.port(ports.CreateOpts{Name: fmt.Sprintf("p%d", i), DeviceOwner: "test"})
		for range i {
			b.cloud.SetAddressPairs(p.ID)
		}
	}
	got := mustCall(b, "GET", "ports?device_owner=test&sort_key=revision_number&sort_dir=desc&fields=name", nil)
	if first, last := at(got, "ports", 0, "name"), at(got, "ports", 11, "name"); first != "p11" || last != "p0" {
		t.Errorf("got %v to %v, want p11 to p0", first, last)
	}
}

// 5,000 ports are one answer; a listing of any of them is one pass.
func BenchmarkListPorts(b *testing.B) {
	c := simulator.New(simulator.Options{})
	lan := c.AddNetwork(simulator.NetworkSpec{Name: "n", Subnets: []string{"10.0.0.0/16"}})
	for range 5000 {
		c.AddPort(simulator.PortSpec{NetworkID: lan.ID, DeviceOwner: "compute:nova"})
	}
	token := tokenFor(b, c)
	for name, query := range map[string]string{
		"all": "", "fields": "?fields=id&fields=device_id&fields=fixed_ips&fields=allowed_address_pairs&fields=revision_number",
		"filtered": "?fixed_ips=ip_address=10.0.3.3",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := rawList(b, c, token, query); got != 200 {
					b.Fatalf("got %d", got)
				}
			}
		})
	}
}

func TestListSeesOwnAndShared(t *testing.T) {
	b := newBench(t, simulator.Options{})
	b.cloud.AddNetwork(simulator.NetworkSpec{Name: "foreign", ProjectID: "other"})
	b.cloud.AddNetwork(simulator.NetworkSpec{Name: "shared", ProjectID: "other", Shared: true})
	names := func(opts networks.ListOpts, admin bool) []string {
		client := b.client
		if admin {
			client = b.admin()
		}
		page, err := networks.List(client, opts).AllPages(t.Context())
		if err != nil {
			t.Fatalf("list networks: %v", err)
		}
		listed, err := networks.ExtractNetworks(page)
		if err != nil {
			t.Fatalf("extract networks: %v", err)
		}
		var all []string
		for _, n := range listed {
			all = append(all, n.Name)
		}
		return all
	}
	if diff := cmp.Diff([]string{"public", "nodes", "shared"}, names(networks.ListOpts{}, false)); diff != "" {
		t.Errorf("member (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"public", "nodes", "foreign", "shared"}, names(networks.ListOpts{}, true)); diff != "" {
		t.Errorf("admin (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"shared"}, names(networks.ListOpts{Shared: value(true)}, false)); diff != "" {
		t.Errorf("shared (-want +got):\n%s", diff)
	}
	for path, want := range map[string]int{
		"networks?router:external=True":                        1,
		"networks?router:external=False":                       2,
		"subnets?network_id=" + b.network.ID:                   2,
		"subnets?network_id=" + b.network.ID + "&ip_version=6": 1,
		"subnets?cidr=10.0.0.0/24":                             1,
		"routers?name=tenant":                                  1,
		"ports?device_owner=network:router_interface&fixed_ips=subnet_id=" + b.subnet6(): 1,
		"security-group-rules?direction=egress":                                          2,
		"security-groups?name=default":                                                   1,
		"floatingips?status=DOWN":                                                        0,
		"trunks":                                                                         0,
	} {
		mustCall(b, "GET", "security-groups", nil)
		got := mustCall(b, "GET", path, nil)
		collection, _, _ := strings.Cut(path, "?")
		if items, _ := got[strings.ReplaceAll(collection, "-", "_")].([]any); len(items) != want {
			t.Errorf("%s: got %d, want %d", path, len(items), want)
		}
	}
}

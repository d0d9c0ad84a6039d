package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/common/extensions"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/pagination"

	"underlay/pkg/simulator"
)

// bench is a cloud as most tests of Neutron want it: two nodes' worth of network
// behind a router with a gateway, and clients of the member and the admin.
type bench struct {
	*testing.T
	cloud    *simulator.Cloud
	client   *gophercloud.ServiceClient
	external simulator.Network
	network  simulator.Network
	router   string
}

func newBench(t *testing.T, opts simulator.Options) *bench {
	t.Helper()
	c := simulator.New(opts)
	b := &bench{T: t, cloud: c, client: networkClient(t, provider(t, c))}
	b.external = c.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
	b.network = c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24", "fd00:1::/64"}})
	b.router = c.AddRouter(simulator.RouterSpec{
		Name: "tenant", SubnetIDs: b.network.SubnetIDs, ExternalNetworkID: b.external.ID,
	})
	return b
}

func (b *bench) subnet4() string { return b.network.SubnetIDs[0] }
func (b *bench) subnet6() string { return b.network.SubnetIDs[1] }

func (b *bench) admin() *gophercloud.ServiceClient {
	b.Helper()
	return networkClient(b.T, adminProvider(b.T, b.cloud))
}

func networkClient(t *testing.T, p *gophercloud.ProviderClient) *gophercloud.ServiceClient {
	t.Helper()
	client, err := openstack.NewNetworkV2(p, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatalf("network client: %v", err)
	}
	return client
}

// port makes a port on the bench's network.
func (b *bench) port(opts ports.CreateOpts) *ports.Port {
	b.Helper()
	if opts.NetworkID == "" {
		opts.NetworkID = b.network.ID
	}
	p, err := ports.Create(b.Context(), b.client, opts).Extract()
	if err != nil {
		b.Fatalf("create port: %v", err)
	}
	return p
}

// addresses are a port's, in its order.
func addresses(p *ports.Port) []string {
	var all []string
	for _, ip := range p.FixedIPs {
		all = append(all, ip.IPAddress)
	}
	return all
}

// call makes one call on Neutron with a JSON body, and decodes the answer.
func (b *bench) call(client *gophercloud.ServiceClient, method, path string, body any, headers map[string]string) (map[string]any, error) {
	b.Helper()
	var answer map[string]any
	opts := &gophercloud.RequestOpts{
		JSONBody: body, JSONResponse: &answer, MoreHeaders: headers, OkCodes: []int{200, 201, 204},
	}
	if method == http.MethodDelete {
		opts.JSONResponse = nil
	}
	_, err := client.Request(b.Context(), method, client.ServiceURL(path), opts)
	return answer, err
}

// wantFault checks an error's status and the type in Neutron's body.
func wantFault(t *testing.T, err error, status int, kind string) {
	t.Helper()
	got := faultOf(t, err)
	if want := (fault{status, kind, got.Message}); got != want {
		t.Fatalf("got %+v, want %d %s", got, status, kind)
	}
	if got.Message == "" {
		t.Fatalf("%s has no message", kind)
	}
}

type fault struct {
	Status        int
	Type, Message string
}

func faultOf(t *testing.T, err error) fault {
	t.Helper()
	var refused gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &refused) {
		t.Fatalf("got error %v, want an answer of Neutron", err)
	}
	var body struct {
		NeutronError struct{ Type, Message, Detail string }
	}
	if err := json.Unmarshal(refused.Body, &body); err != nil {
		t.Fatalf("decode %s: %v", refused.Body, err)
	}
	return fault{refused.Actual, body.NeutronError.Type, body.NeutronError.Message}
}

func value[V any](v V) *V { return &v }

func TestNeutronVersions(t *testing.T) {
	c := simulator.New(simulator.Options{})
	got := raw(t, c, http.MethodGet, "/network/", "")
	if got.StatusCode != http.StatusOK {
		t.Fatalf("got %d without a token, want 200", got.StatusCode)
	}
	if id := at(got.body, "versions", 0, "id"); id != "v2.0" {
		t.Errorf("got version %v, want v2.0", id)
	}
	if href := at(got.body, "versions", 0, "links", 0, "href"); href != simulator.Endpoint+"/network/v2.0/" {
		t.Errorf("got link %v", href)
	}
	if refused := raw(t, c, http.MethodGet, "/network/v2.0/ports", ""); refused.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %d without a token, want 401", refused.StatusCode)
	}
	if resources := raw(t, c, http.MethodGet, "/network/v2.0", "", "X-Auth-Token", bearer(t, c)); at(resources.body, "resources", 0, "collection") != "networks" {
		t.Errorf("got resources %s", resources.text)
	}
}

func TestExtensions(t *testing.T) {
	b := newBench(t, simulator.Options{})
	page, err := extensions.List(b.client).AllPages(t.Context())
	if err != nil {
		t.Fatalf("list extensions: %v", err)
	}
	listed, err := extensions.ExtractExtensions(page)
	if err != nil {
		t.Fatalf("extract extensions: %v", err)
	}
	var aliases []string
	for _, e := range listed {
		aliases = append(aliases, e.Alias)
	}
	for _, want := range []string{
		"router", "external-net", "extraroute", "extraroute-atomic", "allowed-address-pairs", "port-security",
		"security-group", "standard-attr-revisions", "revision-if-match", "standard-attr-tag",
		"standard-attr-description", "standard-attr-timestamp", "quotas", "pagination", "sorting", "project-id",
		"ip-substring-filtering", "dns-integration",
	} {
		if !slices.Contains(aliases, want) {
			t.Errorf("extension %s is not listed", want)
		}
	}
	if e, err := extensions.Get(t.Context(), b.client, "extraroute-atomic").Extract(); err != nil || e.Alias != "extraroute-atomic" {
		t.Errorf("got extension %+v, %v", e, err)
	}
	b.cloud.SetExtension("extraroute-atomic", false)
	_, err = extensions.Get(t.Context(), b.client, "extraroute-atomic").Extract()
	wantFault(t, err, 404, "HTTPNotFound")
}

// Without an extension its paths are not there, and its attributes neither shown nor taken.
func TestExtensionsOff(t *testing.T) {
	off := false
	b := newBench(t, simulator.Options{AtomicRoutes: &off, AddressPairs: &off, PortSecurity: &off})
	routes := []routers.Route{{DestinationCIDR: "10.244.0.0/24", NextHop: "10.0.0.9"}}
	_, err := extraroutes.Add(t.Context(), b.client, b.router, extraroutes.Opts{Routes: &routes}).Extract()
	wantFault(t, err, 404, "HTTPNotFound")

	p := b.port(ports.CreateOpts{})
	_, err = ports.Update(t.Context(), b.client, p.ID, ports.UpdateOpts{
		AllowedAddressPairs: &[]ports.AddressPair{{IPAddress: "10.244.0.0/24"}},
	}).Extract()
	wantFault(t, err, 400, "HTTPBadRequest")
	shown, err := b.call(b.client, "GET", "ports/"+p.ID, nil, nil)
	if err != nil {
		t.Fatalf("show port: %v", err)
	}
	for _, name := range []string{"allowed_address_pairs", "port_security_enabled"} {
		if _, found := shown["port"].(map[string]any)[name]; found {
			t.Errorf("port shows %s without its extension", name)
		}
	}

	b.cloud.SetExtension("extraroute", false)
	_, err = routers.Update(t.Context(), b.client, b.router, routers.UpdateOpts{Routes: &routes}).Extract()
	wantFault(t, err, 400, "HTTPBadRequest")
	b.cloud.SetExtension("router", false)
	_, err = routers.Get(t.Context(), b.client, b.router).Extract()
	wantFault(t, err, 404, "HTTPNotFound")
}

func TestNotFound(t *testing.T) {
	b := newBench(t, simulator.Options{})
	const id = "00000000-0000-4000-8000-000000000000"
	for path, kind := range map[string]string{
		"networks": "NetworkNotFound", "subnets": "SubnetNotFound", "ports": "PortNotFound", "routers": "RouterNotFound",
		"floatingips": "FloatingIPNotFound", "security-groups": "SecurityGroupNotFound",
		"security-group-rules": "SecurityGroupRuleNotFound", "trunks": "TrunkNotFound",
	} {
		_, err := b.call(b.client, "GET", path+"/"+id, nil, nil)
		wantFault(t, err, 404, kind)
	}
	_, err := ports.Get(t.Context(), b.client, id).Extract()
	want := fault{404, "PortNotFound", "Port " + id + " could not be found."}
	if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
		t.Errorf("missing port (-want +got):\n%s", diff)
	}
}

func TestNetworks(t *testing.T) {
	b := newBench(t, simulator.Options{})
	made, err := networks.Create(t.Context(), b.client, networks.CreateOpts{Name: "more", Description: "d"}).Extract()
	if err != nil {
		t.Fatalf("create network: %v", err)
	}
	if made.Status != "ACTIVE" || !made.AdminStateUp || made.ProjectID != b.cloud.ProjectID() || made.CreatedAt.IsZero() {
		t.Errorf("got network %+v", made)
	}
	renamed, err := networks.Update(t.Context(), b.client, made.ID, networks.UpdateOpts{Name: value("other")}).Extract()
	if err != nil || renamed.Name != "other" || renamed.RevisionNumber <= made.RevisionNumber {
		t.Errorf("got network %+v, %v", renamed, err)
	}
	wantFault(t, networks.Delete(t.Context(), b.client, b.network.ID).ExtractErr(), 409, "NetworkInUse")
	if err := networks.Delete(t.Context(), b.client, made.ID).ExtractErr(); err != nil {
		t.Errorf("delete network: %v", err)
	}
	_, err = b.call(b.client, "POST", "networks", map[string]any{"network": map[string]any{"router:external": true}}, nil)
	wantFault(t, err, 403, "PolicyNotAuthorized")
}

// What a request cannot mean is refused with the words of Neutron's attribute map.
func TestBadBodies(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{})
	for name, tc := range map[string]struct {
		method, path string
		body         any
		want         fault
	}{
		"no body": {"POST", "ports", map[string]any{}, fault{400, "HTTPBadRequest", "Unable to find 'port' in request body"}},
		"no network": {
			"POST", "ports", map[string]any{"port": map[string]any{}},
			fault{400, "HTTPBadRequest", "Failed to parse request. Required attribute 'network_id' not specified"},
		},
		"unknown": {
			"PUT", "ports/" + p.ID, map[string]any{"port": map[string]any{"colour": "red"}},
			fault{400, "HTTPBadRequest", "Unrecognized attribute(s) 'colour'"},
		},
		"read-only": {
			"PUT", "ports/" + p.ID, map[string]any{"port": map[string]any{"network_id": b.network.ID}},
			fault{400, "HTTPBadRequest", "Cannot update read-only attribute network_id"},
		},
		"not in POST": {
			"POST", "routers", map[string]any{"router": map[string]any{"routes": []any{}}},
			fault{400, "HTTPBadRequest", "Attribute 'routes' not allowed in POST"},
		},
		"null": {
			"PUT", "ports/" + p.ID, map[string]any{"port": map[string]any{"name": nil}},
			fault{400, "HTTPBadRequest", "Invalid input for name. Reason: 'None' is not a valid value."},
		},
		"other project": {
			"POST", "ports", map[string]any{"port": map[string]any{"network_id": b.network.ID, "project_id": "other"}},
			fault{400, "HTTPBadRequest", "Specifying 'project_id' or 'tenant_id' other than the authenticated " +
				"project in request requires admin privileges"},
		},
		"unknown network": {
			"POST", "ports", map[string]any{"port": map[string]any{"network_id": "none"}},
			fault{404, "NetworkNotFound", "Network none could not be found."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.call(b.client, tc.method, tc.path, tc.body, nil)
			if diff := cmp.Diff(tc.want, faultOf(t, err)); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
	broken := raw(t, b.cloud, "POST", "/network/v2.0/ports", "{", "X-Auth-Token", bearer(t, b.cloud))
	if broken.StatusCode != http.StatusBadRequest {
		t.Errorf("got %d for half a body, want 400", broken.StatusCode)
	}
	wrong := raw(t, b.cloud, "PUT", "/network/v2.0/ports/"+p.ID, `{"port": {"name": 7}}`, "X-Auth-Token", bearer(t, b.cloud))
	if wrong.StatusCode != http.StatusBadRequest || at(wrong.body, "NeutronError", "type") != "HTTPBadRequest" {
		t.Errorf("got %d %s for a name that is a number", wrong.StatusCode, wrong.text)
	}
}

// pagesOf walks a list of ports page by page.
func pagesOf(t *testing.T, pager pagination.Pager) iter.Seq2[[]ports.Port, error] {
	return func(yield func([]ports.Port, error) bool) {
		err := pager.EachPage(t.Context(), func(_ context.Context, page pagination.Page) (bool, error) {
			listed, err := ports.ExtractPorts(page)
			return yield(listed, err), err
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// tokenFor logs the plain member in for a benchmark or a fuzz test.
func tokenFor(b testing.TB, c *simulator.Cloud) string {
	b.Helper()
	client, err := openstack.NewClient(simulator.IdentityURL(simulator.Endpoint))
	if err != nil {
		b.Fatalf("new client: %v", err)
	}
	client.HTTPClient = http.Client{Transport: c.Transport()}
	if err := openstack.Authenticate(b.Context(), client, options(c)); err != nil {
		b.Fatalf("log in: %v", err)
	}
	return client.Token()
}

// rawList lists ports and throws the answer away.
func rawList(b *testing.B, c *simulator.Cloud, token, query string) int {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, simulator.Endpoint+"/network/v2.0/ports"+query, nil)
	if err != nil {
		b.Fatalf("new request: %v", err)
	}
	request.Header.Set("X-Auth-Token", token)
	response, err := c.Transport().RoundTrip(request)
	if err != nil {
		b.Fatalf("list ports: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		b.Fatalf("read answer: %v", err)
	}
	return response.StatusCode
}

// Package openstackclient_test checks the simulator with the client that
// operators use: python3-openstackclient, as Debian packages it, over HTTP, by
// the clouds.yaml that the simulator writes for itself. What that client cannot
// read would not have come from OpenStack.
package openstackclient_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/simulator"
)

// without names, separated by commas, what this machine lacks on purpose.
const without = "UNDERLAY_WITHOUT"

// world is a cloud over HTTP with what the commands look at.
type world struct {
	cloud       *simulator.Cloud
	url, dir    string
	nodes       simulator.Network
	router      string
	first, last simulator.Server
}

// available tells whether the client is there. It fails the test if not, unless
// the machine's owner has said that it is left out.
func available(t *testing.T) bool {
	t.Helper()
	if _, err := exec.LookPath("openstack"); err == nil {
		return true
	}
	if slices.Contains(strings.Split(os.Getenv(without), ","), "openstackclient") {
		t.Logf("%s says that openstackclient is left out: the simulator is not checked with it here", without)
		return false
	}
	t.Fatalf("the command openstack is missing: apt-get install python3-openstackclient, or set %s=openstackclient to leave this check out", without)
	return false
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := simulator.New(simulator.Options{Name: "lab", Region: "north"})
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	w := &world{cloud: c, url: web.URL, dir: t.TempDir()}
	outside := c.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
	w.nodes = c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24", "2001:db8::/64"}})
	w.router = c.AddRouter(simulator.RouterSpec{Name: "tenant", SubnetIDs: w.nodes.SubnetIDs, ExternalNetworkID: outside.ID})
	nics := []simulator.NIC{{NetworkID: w.nodes.ID, SubnetIDs: w.nodes.SubnetIDs}}
	w.first = c.AddServer(simulator.ServerSpec{Name: "node-1", Networks: nics, Metadata: map[string]string{"role": "worker"}})
	w.last = c.AddServer(simulator.ServerSpec{Name: "node-2", Networks: nics, Flavor: "m1.large", Status: "SHUTOFF"})
	c.SetRoutes(w.router, []simulator.RouteState{{Destination: "10.244.1.0/24", NextHop: w.first.Addresses[0]}})
	w.write(t, "clouds.yaml", c.CloudsYAML(web.URL))
	return w
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// try runs the client as a cloud of clouds.yaml, with nothing of this machine's
// own settings.
func (w *world) try(t *testing.T, cloud string, args ...string) (stdout string, err error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "openstack", args...)
	command.Dir = w.dir
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "LANG=C.UTF-8", "PYTHONWARNINGS=ignore",
		"OS_CLIENT_CONFIG_FILE=" + filepath.Join(w.dir, "clouds.yaml"), "OS_CLOUD=" + cloud,
	}
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("openstack %s: %w: %s", strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}

func (w *world) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.try(t, "lab", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rows are what a list command shows.
func (w *world) rows(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	return decode[[]map[string]any](t, w.run(t, append(args, "-f", "json")...))
}

// fields are what a show command shows.
func (w *world) fields(t *testing.T, args ...string) map[string]any {
	t.Helper()
	return decode[map[string]any](t, w.run(t, append(args, "-f", "json")...))
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	return value
}

func column(rows []map[string]any, name string) []any {
	values := make([]any, 0, len(rows))
	for _, row := range rows {
		values = append(values, row[name])
	}
	return values
}

// same compares what JSON holds.
func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestClientReads(t *testing.T) {
	if !available(t) {
		return
	}
	w := newWorld(t)
	for name, check := range map[string]func(t *testing.T, w *world){
		"token issue":    checkToken,
		"catalog list":   checkCatalog,
		"server list":    checkServerList,
		"server show":    checkServerShow,
		"flavor list":    checkFlavors,
		"network list":   checkNetworks,
		"router show":    checkRouter,
		"port show":      checkPort,
		"zones, quotas":  checkQuotas,
		"wrong password": checkWrongPassword,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, w)
		})
	}
}

func checkToken(t *testing.T, w *world) {
	got := w.fields(t, "token", "issue")
	same(t, "project", any(w.cloud.ProjectID()), got["project_id"])
}

func checkCatalog(t *testing.T, w *world) {
	got := w.rows(t, "catalog", "list")
	same(t, "types", []any{"identity", "compute", "network", "image", "load-balancer", "key-manager", "block-storage", "volumev3"}, column(got, "Type"))
	endpoints, err := json.Marshal(got[1]["Endpoints"])
	if err != nil || !strings.Contains(string(endpoints), w.url+"/compute/v2.1") || !strings.Contains(string(endpoints), "north") {
		t.Errorf("compute's endpoints: got %s, %v", endpoints, err)
	}
}

func checkServerList(t *testing.T, w *world) {
	got := w.rows(t, "server", "list", "--long")
	same(t, "names", []any{"node-2", "node-1"}, column(got, "Name"))
	same(t, "statuses", []any{"SHUTOFF", "ACTIVE"}, column(got, "Status"))
	same(t, "flavors", []any{"m1.large", "m1.medium"}, column(got, "Flavor Name"))
	same(t, "addresses", any(map[string]any{"nodes": []any{w.first.Addresses[0], w.first.Addresses[1]}}), got[1]["Networks"])
	filtered := w.rows(t, "server", "list", "--status", "ACTIVE", "--limit", "1")
	same(t, "only active ones", []any{"node-1"}, column(filtered, "Name"))
}

func checkServerShow(t *testing.T, w *world) {
	got := w.fields(t, "server", "show", "node-1")
	same(t, "id", any(w.first.ID), got["id"])
	same(t, "properties", any(map[string]any{"role": "worker"}), got["properties"])
	same(t, "power", any(1.0), got["OS-EXT-STS:power_state"])
	newer := w.fields(t, "--os-compute-api-version", "2.90", "server", "show", "node-1")
	same(t, "description since 2.19", any(nil), newer["description"])
	flavor, err := json.Marshal(newer["flavor"])
	if err != nil || !strings.Contains(string(flavor), "m1.medium") {
		t.Errorf("flavor since 2.47: got %s, %v", flavor, err)
	}
	if _, err := w.try(t, "lab", "--os-compute-api-version", "2.101", "server", "show", "node-1"); err == nil {
		t.Error("a microversion that is too new: got an answer")
	}
	if _, err := w.try(t, "lab", "server", "show", "node-9"); err == nil || !strings.Contains(err.Error(), "node-9") {
		t.Errorf("no such server: got %v", err)
	}
}

func checkFlavors(t *testing.T, w *world) {
	got := w.rows(t, "flavor", "list")
	same(t, "names", []any{"m1.tiny", "m1.small", "m1.medium", "m1.large", "m1.xlarge"}, column(got, "Name"))
	same(t, "memory", any(512.0), got[0]["RAM"])
	images := w.rows(t, "image", "list")
	same(t, "images", []any{"ubuntu-24.04"}, column(images, "Name"))
}

func checkNetworks(t *testing.T, w *world) {
	got := w.rows(t, "network", "list")
	same(t, "names", []any{"public", "nodes"}, column(got, "Name"))
	subnets := w.rows(t, "subnet", "list", "--network", "nodes")
	same(t, "subnets", []any{"10.0.0.0/24", "2001:db8::/64"}, column(subnets, "Subnet"))
	extensions := w.rows(t, "extension", "list", "--network")
	if !slices.Contains(column(extensions, "Alias"), any("extraroute-atomic")) {
		t.Errorf("extensions: got %v", column(extensions, "Alias"))
	}
}

func checkRouter(t *testing.T, w *world) {
	got := w.fields(t, "router", "show", "tenant")
	routes, err := json.Marshal(got["routes"])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10.244.1.0/24", w.first.Addresses[0]} {
		if !strings.Contains(string(routes), want) {
			t.Errorf("routes: got %s, want %s in it", routes, want)
		}
	}
	same(t, "id", any(w.router), got["id"])
	if got["external_gateway_info"] == nil {
		t.Error("no external gateway")
	}
}

func checkPort(t *testing.T, w *world) {
	listed := w.rows(t, "port", "list", "--server", "node-1")
	same(t, "ports of node-1", []any{w.first.PortIDs[0]}, column(listed, "ID"))
	got := w.fields(t, "port", "show", w.first.PortIDs[0])
	same(t, "device", any(w.first.ID), got["device_id"])
	same(t, "owner", any("compute:nova"), got["device_owner"])
	same(t, "port security", any(true), got["port_security_enabled"])
}

func checkQuotas(t *testing.T, w *world) {
	zones := w.rows(t, "availability", "zone", "list")
	if names := column(zones, "Zone Name"); !slices.Contains(names, any("nova")) {
		t.Errorf("zones: got %v", names)
	}
	limits := w.rows(t, "limits", "show", "--absolute")
	if !slices.ContainsFunc(limits, func(row map[string]any) bool {
		return row["Name"] == "totalInstancesUsed" && row["Value"] != nil
	}) {
		t.Errorf("limits: got %v", limits)
	}
}

func checkWrongPassword(t *testing.T, w *world) {
	_, err := w.try(t, "lab", "--os-password", "wrong", "token", "issue")
	if err == nil || !strings.Contains(err.Error(), "The request you have made requires authentication") {
		t.Errorf("got %v, want Keystone's refusal", err)
	}
}

func TestClientWrites(t *testing.T) {
	if !available(t) {
		return
	}
	for name, check := range map[string]func(t *testing.T, w *world){
		"server":                 writeServer,
		"route":                  writeRoute,
		"address pair":           writeAddressPair,
		"application credential": writeCredential,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, newWorld(t))
		})
	}
}

func writeServer(t *testing.T, w *world) {
	made := w.fields(t, "server", "create", "--flavor", "m1.small", "--image", "ubuntu-24.04", "--network", "nodes", "--wait", "made")
	same(t, "status", any("ACTIVE"), made["status"])
	w.run(t, "server", "stop", "made")
	w.run(t, "server", "set", "--property", "a=b", "made")
	servers := w.cloud.Servers()
	last := servers[len(servers)-1]
	same(t, "status after stop", "SHUTOFF", last.Status)
	same(t, "metadata", map[string]string{"a": "b"}, last.Metadata)
	w.run(t, "server", "delete", "--wait", "made")
	same(t, "servers left", 2, len(w.cloud.Servers()))
}

func writeRoute(t *testing.T, w *world) {
	w.run(t, "router", "add", "route", "--route", "destination=10.244.2.0/24,gateway="+w.last.Addresses[0], "tenant")
	w.run(t, "router", "remove", "route", "--route", "destination=10.244.1.0/24,gateway="+w.first.Addresses[0], "tenant")
	want := []simulator.RouteState{{Destination: "10.244.2.0/24", NextHop: w.last.Addresses[0]}}
	same(t, "routes", want, w.cloud.Router(w.router).Routes)
}

func writeAddressPair(t *testing.T, w *world) {
	port := w.first.PortIDs[0]
	w.run(t, "port", "set", "--allowed-address", "ip-address=10.244.1.0/24", port)
	pairs := w.cloud.Port(port).AllowedAddressPairs
	if len(pairs) != 1 || pairs[0].IPAddress != "10.244.1.0/24" {
		t.Errorf("pairs: got %+v", pairs)
	}
	if _, err := w.try(t, "lab", "port", "set", "--disable-port-security", port); err == nil {
		t.Error("port security went off with address pairs and groups on the port")
	}
}

func writeCredential(t *testing.T, w *world) {
	rules := `[{"service":"compute","method":"GET","path":"/v2.1/servers/detail"}]`
	w.write(t, "rules.json", rules)
	made := w.fields(t, "application", "credential", "create", "--access-rules", "rules.json", "app")
	clouds := fmt.Sprintf(`clouds:
  app:
    auth_type: v3applicationcredential
    region_name: north
    auth:
      auth_url: %s
      application_credential_id: %v
      application_credential_secret: %v
`, simulator.IdentityURL(w.url), made["id"], made["secret"])
	w.write(t, "clouds.yaml", clouds)
	if _, err := w.try(t, "app", "server", "list", "--no-name-lookup"); err != nil {
		t.Errorf("allowed by the rules: %v", err)
	}
	if _, err := w.try(t, "app", "flavor", "list"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("not in the rules: got %v, want 401", err)
	}
}

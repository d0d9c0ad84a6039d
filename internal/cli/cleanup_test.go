package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubetesting "k8s.io/client-go/testing"

	"underlay/internal/owner"
	"underlay/pkg/simulator"
)

var (
	blue  = owner.Cluster{Name: "blue", UID: "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"}
	green = owner.Cluster{Name: "green", UID: "7d1f3c52-9a4e-4a43-8a43-f0c4f2b0a222"}
)

// tenant is a project in which clusters live and die.
type tenant struct {
	t        *testing.T
	cloud    *simulator.Cloud
	neutron  *gophercloud.ServiceClient
	conf     string
	external simulator.Network
	services int
}

// stack is what one cluster stands on, made by whoever made the cluster.
type stack struct {
	net     simulator.Network
	router  string
	servers []simulator.Server
}

func newTenant(t *testing.T, options simulator.Options) *tenant {
	t.Helper()
	cloud := simulator.New(options)
	cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{})
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	conf := filepath.Join(t.TempDir(), "cloud.conf")
	text := cloud.CloudConf(server.URL)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	value := func(key string) string { return setting(text, key) }
	client, err := openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{
		IdentityEndpoint: value("auth-url"), Username: value("username"), Password: value("password"),
		DomainName: value("domain-name"), TenantName: value("tenant-name"),
	})
	if err != nil {
		t.Fatal(err)
	}
	neutron, err := openstack.NewNetworkV2(client, gophercloud.EndpointOpts{Region: value("region")})
	if err != nil {
		t.Fatal(err)
	}
	return &tenant{
		t: t, cloud: cloud, neutron: neutron, conf: conf,
		external: cloud.AddNetwork(simulator.NetworkSpec{Name: "public", External: true, Subnets: []string{"203.0.113.0/24"}}),
	}
}

// stack makes a network behind a router, with servers that have a route and an
// address pair each for their pods.
func (w *tenant) stack(name, cidr, pods string, servers int) *stack {
	w.t.Helper()
	s := &stack{net: w.cloud.AddNetwork(simulator.NetworkSpec{Name: name, Subnets: []string{cidr}})}
	s.router = w.cloud.AddRouter(simulator.RouterSpec{Name: name + "-router", SubnetIDs: s.net.SubnetIDs, ExternalNetworkID: w.external.ID})
	var routes []simulator.RouteState
	for i := range servers {
		server := w.cloud.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("%s-%d", name, i), Networks: []simulator.NIC{{NetworkID: s.net.ID}}})
		s.servers = append(s.servers, server)
		prefix := fmt.Sprintf("%s.%d.0/24", pods, i)
		routes = append(routes, simulator.RouteState{Destination: prefix, NextHop: server.Addresses[0]})
		w.cloud.SetAddressPairs(server.PortIDs[0], simulator.AddressPairState{IPAddress: prefix})
	}
	w.cloud.SetRoutes(s.router, routes)
	return s
}

// service makes what a cluster makes for a Service: a load balancer with a
// listener, a floating IP on it, and a security group on the servers' ports.
// Without a UID it is as the peer makes it.
func (w *tenant) service(s *stack, c owner.Cluster, name string) simulator.LoadBalancerState {
	w.t.Helper()
	w.services++
	service := owner.Service{Namespace: "shop", Name: name, UID: fmt.Sprintf("5d8c5c1e-8f1e-4a39-9a56-%012d", w.services)}
	balancer := c.BalancerName(service)
	tags := []string{balancer, c.Tag()}
	descriptions := []string{c.BalancerDescription(service), c.FloatingIPDescription(service), c.SecurityGroupDescription(service)}
	if c.UID == "" {
		tags = []string{balancer}
		descriptions = []string{
			"Kubernetes external service shop/" + name + " from cluster " + c.Name,
			owner.FloatingIPPrefix + "shop/" + name + " from cluster " + c.Name,
			"Security Group for shop/" + name + " Service LoadBalancer in cluster " + c.Name,
		}
	}
	b := w.cloud.AddLoadBalancer(simulator.Attributes{
		"name": balancer, "description": descriptions[0], "tags": tags, "vip_subnet_id": s.net.SubnetIDs[0],
		"listeners": []simulator.Attributes{{
			"name": owner.PartName("listener", 0, balancer), "protocol": "TCP", "protocol_port": 80, "tags": []string{balancer},
			"default_pool": simulator.Attributes{
				"name": owner.PartName("pool", 0, balancer), "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "tags": []string{balancer},
			},
		}},
	})
	w.cloud.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: w.external.ID, PortID: b.VIPPortID, Description: descriptions[1]})
	group, err := groups.Create(w.t.Context(), w.neutron, groups.CreateOpts{Name: owner.SecurityGroupName(service), Description: descriptions[2]}).Extract()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, server := range s.servers {
		had := append(w.cloud.Port(server.PortIDs[0]).SecurityGroups, group.ID)
		if _, err := ports.Update(w.t.Context(), w.neutron, server.PortIDs[0], ports.UpdateOpts{SecurityGroups: &had}).Extract(); err != nil {
			w.t.Fatal(err)
		}
	}
	return b
}

// die ends the servers, and with them the cluster. Nobody removes what it made.
func (w *tenant) die(s *stack) {
	for _, server := range s.servers {
		w.cloud.DeleteServer(server.ID)
	}
}

// unstack deletes the stack as whoever made it does: interface, router, subnet, network.
func (w *tenant) unstack(s *stack) []error {
	ctx := w.t.Context()
	_, detach := routers.RemoveInterface(ctx, w.neutron, s.router, routers.RemoveInterfaceOpts{SubnetID: s.net.SubnetIDs[0]}).Extract()
	return []error{
		detach,
		routers.Delete(ctx, w.neutron, s.router).ExtractErr(),
		subnets.Delete(ctx, w.neutron, s.net.SubnetIDs[0]).ExtractErr(),
		networks.Delete(ctx, w.neutron, s.net.ID).ExtractErr(),
	}
}

// cleanup runs the command as a script does.
func (w *tenant) cleanup(args ...string) (code int, out string) {
	w.t.Helper()
	var text bytes.Buffer
	code = Run(w.t.Context(), append([]string{"cleanup", "--cloud-config", w.conf}, args...), &text, &text)
	return code, text.String()
}

// groupNames are the security groups of the project that Services had.
func (w *tenant) groupNames() []string {
	w.t.Helper()
	pages, err := groups.List(w.neutron, groups.ListOpts{}).AllPages(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := groups.ExtractGroups(pages)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, g := range all {
		if strings.HasPrefix(g.Name, "lb-sg-") {
			names = append(names, g.Name[strings.LastIndex(g.Name, "-")+1:])
		}
	}
	slices.Sort(names)
	return names
}

func (w *tenant) balancerNames() []string {
	var names []string
	for _, b := range w.cloud.LoadBalancers() {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return names
}

// A cluster's machines are gone, its load balancer, address and routes are not:
// Neutron refuses to delete the network. After the cleanup it goes whole.
func TestAStackThatCannotBeDeletedCanAfterACleanup(t *testing.T) {
	for _, atomic := range []bool{true, false} {
		w := newTenant(t, simulator.Options{AtomicRoutes: &atomic})
		s := w.stack("blue", "192.168.11.0/24", "10.244", 3)
		w.service(s, blue, "web")
		w.service(s, blue, "mail")
		w.die(s)
		for i, err := range w.unstack(s) {
			if !gophercloud.ResponseCodeIs(err, http.StatusConflict) {
				t.Fatalf("delete %d of the stack before the cleanup: got %v, want it refused", i, err)
			}
		}
		code, out := w.cleanup("--cluster-id", blue.UID, "--cluster-cidr", "10.244.0.0/16")
		if code != exitLeft || !strings.Contains(out, "10.244.1.0/24 via") || !strings.Contains(out, "no such server") || !strings.Contains(out, "Add --yes") {
			t.Fatalf("without --yes: got exit code %d and\n%s", code, out)
		}
		if len(w.balancerNames()) != 2 {
			t.Fatal("it removed something without --yes")
		}
		if code, out = w.cleanup("--cluster-id", blue.UID, "--cluster-cidr", "10.244.0.0/16", "--yes"); code != 0 {
			t.Fatalf("with --yes: got exit code %d and\n%s", code, out)
		}
		if left := append(w.balancerNames(), w.groupNames()...); len(left)+len(w.cloud.FloatingIPs()) > 0 {
			t.Errorf("left: %v, %v", left, w.cloud.FloatingIPs())
		}
		for i, err := range w.unstack(s) {
			if err != nil {
				t.Errorf("delete %d of the stack after the cleanup: %v", i, err)
			}
		}
		if code, out = w.cleanup("--cluster-id", blue.UID, "--cluster-cidr", "10.244.0.0/16", "--yes"); code != 0 || !strings.Contains(out, "Nothing is left.") {
			t.Errorf("again: got exit code %d and\n%s", code, out)
		}
	}
}

// Of two clusters with the same pod CIDR and servers that go on running, one is
// removed; nothing of the other changes, nor what a user made.
func TestCleanupTouchesNothingOfAnotherCluster(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	old, other := w.stack("blue", "192.168.11.0/24", "10.244", 2), w.stack("green", "192.168.12.0/24", "10.244", 2)
	w.service(old, blue, "web")
	kept := w.service(other, green, "web2")
	w.cloud.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: w.external.ID, PortID: old.servers[0].PortIDs[0], Description: "bastion"})
	w.cloud.SetRoutes(old.router, append(w.cloud.Router(old.router).Routes, simulator.RouteState{Destination: "172.30.0.0/16", NextHop: old.servers[0].Addresses[0]}))
	before := w.cloud.Router(other.router)

	if code, out := w.cleanup("--cluster-id", blue.UID, "--cluster-cidr", "10.244.0.0/16", "--yes"); code != exitLeft || !strings.Contains(out, "--router") {
		t.Fatalf("two routers have such routes: got exit code %d and\n%s", code, out)
	}
	code, out := w.cleanup("--cluster-id", blue.UID, "--cluster-cidr", "10.244.0.0/16", "--router", old.router, "--yes")
	if code != 0 || !strings.Contains(out, "server blue-0") {
		t.Fatalf("got exit code %d and\n%s", code, out)
	}
	if diff := cmp.Diff([]string{kept.Name}, w.balancerNames()); diff != "" {
		t.Errorf("load balancers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"web2"}, w.groupNames()); diff != "" {
		t.Errorf("security groups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, w.cloud.Router(other.router)); diff != "" {
		t.Errorf("the other router changed (-want +got):\n%s", diff)
	}
	want := []simulator.RouteState{{Destination: "172.30.0.0/16", NextHop: old.servers[0].Addresses[0]}}
	if diff := cmp.Diff(want, w.cloud.Router(old.router).Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if pairs := w.cloud.Port(old.servers[1].PortIDs[0]).AllowedAddressPairs; len(pairs) != 0 {
		t.Errorf("the old cluster's server still has %v", pairs)
	}
	if pairs := w.cloud.Port(other.servers[1].PortIDs[0]).AllowedAddressPairs; len(pairs) != 1 {
		t.Errorf("the other cluster's server has %v", pairs)
	}
	if len(w.cloud.FloatingIPs()) != 2 {
		t.Errorf("got floating IPs %v, want the other cluster's and the user's", w.cloud.FloatingIPs())
	}
}

// The router is gone with the cluster. Address pairs stay where another cluster is:
// on the subnets of a router that lives.
func TestCleanupAfterTheRouterIsGoneTakesNoPairOfAnotherCluster(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	old, other := w.stack("blue", "192.168.11.0/24", "10.244", 2), w.stack("green", "192.168.12.0/24", "10.244", 2)
	w.cloud.SetRoutes(old.router, nil)
	w.unstack(old) // its subnet stays, since the servers are there
	code, out := w.cleanup("--cluster-cidr", "10.244.0.0/16", "--router", old.router, "--yes")
	if code != 0 || !strings.Contains(out, "server blue-0") || strings.Contains(out, "server green-0") {
		t.Errorf("got exit code %d and\n%s", code, out)
	}
	if pairs := w.cloud.Port(old.servers[1].PortIDs[0]).AllowedAddressPairs; len(pairs) != 0 {
		t.Errorf("the old cluster's server still has %v", pairs)
	}
	if pairs := w.cloud.Port(other.servers[1].PortIDs[0]).AllowedAddressPairs; len(pairs) != 1 {
		t.Errorf("the other cluster's server has %v", pairs)
	}
}

// An admin sees the routers of all projects. Those of others are left alone.
func TestCleanupByAnAdminStaysInTheProject(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	foreign := w.cloud.AddNetwork(simulator.NetworkSpec{Name: "foreign", Subnets: []string{"192.168.13.0/24"}, ProjectID: "other"})
	router := w.cloud.AddRouter(simulator.RouterSpec{Name: "foreign", SubnetIDs: foreign.SubnetIDs, ProjectID: "other"})
	w.cloud.SetRoutes(router, []simulator.RouteState{{Destination: "10.244.0.0/24", NextHop: "192.168.13.9"}})
	w.stack("green", "192.168.12.0/24", "10.245", 1)
	w.becomeAdmin()
	if code, out := w.cleanup("--cluster-cidr", "10.244.0.0/16", "--yes"); code != 0 || !strings.Contains(out, "Nothing is left") {
		t.Errorf("got exit code %d and\n%s", code, out)
	}
	if left := w.cloud.Router(router).Routes; len(left) != 1 {
		t.Errorf("another project's router has %v", left)
	}
}

// becomeAdmin gives the cloud.conf to an admin of the same project.
func (w *tenant) becomeAdmin() {
	w.t.Helper()
	text, err := os.ReadFile(w.conf)
	if err != nil {
		w.t.Fatal(err)
	}
	user := simulator.UserSpec{Name: "operator", Password: "of-the-cloud", ProjectName: setting(string(text), "tenant-name"), Roles: []string{"admin"}}
	w.cloud.AddUser(user)
	changed := append(text, fmt.Sprintf("username=%s\npassword=%s\n", user.Name, user.Password)...)
	if err := os.WriteFile(w.conf, changed, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// setting is the value of a key in a cloud.conf.
func setting(text, key string) string {
	_, rest, _ := strings.Cut(text, key+"=")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(line, `"`)
}

// What the peer left has a name but no identity: it goes only when asked for by
// name, and a cluster whose name begins alike is another.
func TestCleanupByNameTakesWhatHasNoIdentity(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	s := w.stack("blue", "192.168.11.0/24", "10.244", 1)
	w.service(s, owner.Cluster{Name: "blue"}, "web")
	w.service(s, owner.Cluster{Name: "blue_2"}, "web3")
	w.service(s, blue, "mail") // the same name, and an identity
	if code, out := w.cleanup("--cluster-name", "blue"); code != exitLeft || !strings.Contains(out, "--by-name") {
		t.Errorf("without --by-name: got exit code %d and\n%s", code, out)
	}
	if code, out := w.cleanup("--cluster-name", "blue", "--by-name", "--yes"); code != 0 {
		t.Fatalf("got exit code %d and\n%s", code, out)
	}
	if diff := cmp.Diff([]string{"kube_service_blue_2_shop_web3", "kube_service_blue_shop_mail"}, w.balancerNames()); diff != "" {
		t.Errorf("load balancers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"mail", "web3"}, w.groupNames()); diff != "" {
		t.Errorf("security groups (-want +got):\n%s", diff)
	}
}

func TestCleanupWithoutACluster(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	if code, out := w.cleanup(); code != 0 || !strings.Contains(out, "No cluster has") {
		t.Errorf("an empty project: got exit code %d and\n%s", code, out)
	}
	s := w.stack("blue", "192.168.11.0/24", "10.244", 1)
	w.service(s, blue, "web")
	w.service(s, owner.Cluster{Name: "old"}, "web")
	code, out := w.cleanup("-o", "json")
	var got struct{ Clusters []map[string]any }
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitLeft {
		t.Fatalf("got exit code %d, %v and\n%s", code, err, out)
	}
	want := []map[string]any{
		{"id": blue.UID, "names": []any{"blue"}, "loadBalancers": 1.0, "floatingIPs": 1.0, "securityGroups": 1.0},
		{"id": "", "names": []any{"old"}, "loadBalancers": 1.0, "floatingIPs": 1.0, "securityGroups": 1.0},
	}
	if diff := cmp.Diff(want, got.Clusters); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	if len(w.balancerNames()) != 2 {
		t.Error("a list removed something")
	}
}

// A load balancer that cannot be deleted keeps its address; all else goes.
func TestAFailedStepStopsOnlyWhatNeedsIt(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	s := w.stack("blue", "192.168.11.0/24", "10.244", 1)
	stuck := w.service(s, blue, "web")
	w.service(s, blue, "mail")
	w.cloud.AddFault(simulator.Fault{Match: "DELETE /v2/lbaas/loadbalancers/" + stuck.ID, Kind: simulator.FailBefore, Status: http.StatusForbidden})
	code, out := w.cleanup("--cluster-id", blue.UID, "--cluster-cidr", "10.244.0.0/16", "--yes", "-o", "json")
	var got struct {
		Steps []struct{ Step, State, Error string }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 1 {
		t.Fatalf("got exit code %d, %v and\n%s", code, err, out)
	}
	states := map[string]int{}
	for _, s := range got.Steps {
		states[s.State]++
	}
	if states["failed"] != 1 || states["skipped"] != 1 || states["planned"] != 0 {
		t.Errorf("got %v in\n%s", states, out)
	}
	if diff := cmp.Diff([]string{stuck.Name}, w.balancerNames()); diff != "" {
		t.Errorf("load balancers (-want +got):\n%s", diff)
	}
	if len(w.cloud.FloatingIPs()) != 1 || len(w.groupNames()) != 0 || len(w.cloud.Router(s.router).Routes) != 0 {
		t.Errorf("got floating IPs %v, groups %v, routes %v", w.cloud.FloatingIPs(), w.groupNames(), w.cloud.Router(s.router).Routes)
	}
}

// On a load balancer that another cluster uses as well, only what is the
// cluster's goes, and the address stays.
func TestCleanupLeavesASharedLoadBalancer(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	s := w.stack("blue", "192.168.11.0/24", "10.244", 0)
	b := w.service(s, blue, "web")
	theirs := "kube_service_green_shop_web"
	w.cloud.EditLoadBalancer(b.ID, simulator.Attributes{"tags": append(b.Tags, theirs)})
	w.cloud.AddListener(b.ID, simulator.Attributes{"name": owner.PartName("listener", 0, theirs), "protocol": "TCP", "protocol_port": 81, "tags": []string{theirs}})
	code, out := w.cleanup("--cluster-id", blue.UID, "--yes")
	if code != 0 || !strings.Contains(out, "it serves "+theirs) {
		t.Fatalf("got exit code %d and\n%s", code, out)
	}
	now := w.cloud.LoadBalancer(b.ID)
	if len(now.Listeners) != 1 || now.Listeners[0].Port != 81 || len(now.Pools) != 0 {
		t.Errorf("got listeners %v, pools %v", now.Listeners, now.Pools)
	}
	if diff := cmp.Diff([]string{theirs}, now.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if len(w.cloud.FloatingIPs()) != 1 {
		t.Error("the shared address is gone")
	}
}

// Octavia forgot a port when it refused a load balancer. It is listed, and goes
// on request, unless it is so young that its load balancer may be in the making.
func TestStrayPortsGoOnRequest(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	s := w.stack("blue", "192.168.11.0/24", "10.244", 0)
	b := w.service(s, blue, "web")
	w.cloud.AddPort(simulator.PortSpec{NetworkID: s.net.ID, DeviceOwner: "Octavia", DeviceID: "lb-5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2"})
	if code, out := w.cleanup("--cluster-id", green.UID, "--yes"); code != 0 || !strings.Contains(out, "--stray-ports removes it") {
		t.Errorf("without --stray-ports: got exit code %d and\n%s", code, out)
	}
	code, out := w.cleanup("--stray-ports", "--yes")
	if code != 1 || !strings.Contains(out, "may be in the making") {
		t.Errorf("a young port: got exit code %d and\n%s", code, out)
	}
	if strings.Contains(out, b.VIPPortID) {
		t.Errorf("the port of a load balancer that is there was named in\n%s", out)
	}
}

// A cluster that lives is left alone: it would make everything again.
func TestCleanupRefusesALivingCluster(t *testing.T) {
	w := newLiving(t)
	w.service(w.stack, blue, "web")
	if out := w.cleanedOnlyByForce(t); !strings.Contains(out, "Warning") {
		t.Errorf("no warning in\n%s", out)
	}
}

// cleanedOnlyByForce says what a cleanup says that first refuses and then, with
// --force, removes the one load balancer.
func (w *living) cleanedOnlyByForce(t *testing.T) string {
	t.Helper()
	o := &cleanupOptions{
		cloudConfig: w.conf, kubeconfig: "the test's own", clusterID: blue.UID, yes: true, output: "text", timeout: time.Hour,
		connect: w.options().connect,
	}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := o.run(quiet(t.Context()), nil, &out); codeOf(err) != exitLeft || len(w.balancerNames()) != 1 {
		t.Errorf("got %v, load balancers %v and\n%s", err, w.balancerNames(), out.String())
	}
	o.force = true
	if err := o.run(quiet(t.Context()), nil, &out); err != nil || len(w.balancerNames()) != 0 {
		t.Errorf("with --force: got %v and\n%s", err, out.String())
	}
	return out.String()
}

// An API server that answers with a refusal belongs to a cluster that lives.
func TestCleanupRefusesAClusterThatDoesNotSayWhichItIs(t *testing.T) {
	resource := schema.GroupResource{Resource: "namespaces"}
	for name, refusal := range map[string]error{
		"forbidden":    apierrors.NewForbidden(resource, "kube-system", errors.New("no")),
		"unauthorized": apierrors.NewUnauthorized("expired"),
		"overloaded":   apierrors.NewTooManyRequests("later", 1),
		"failing":      apierrors.NewInternalError(errors.New("etcd")),
		"not trusted":  &url.Error{Op: "Get", URL: "https://cluster", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLiving(t)
			w.service(w.stack, blue, "web")
			w.kube.PrependReactor("get", "namespaces", func(kubetesting.Action) (bool, runtime.Object, error) { return true, nil, refusal })
			w.cleanedOnlyByForce(t)
		})
	}
}

// Nothing but the whole word is a yes.
func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]bool{"yes\n": true, "y\n": false, "\n": false, "": false, "no\n": false, "yes please\n": false} {
		var out bytes.Buffer
		if got := agreed(strings.NewReader(answer), &out); got != want {
			t.Errorf("%q: got %v, want %v", answer, got, want)
		}
	}
}

func TestCleanupRefusesFlagsThatMeanNothing(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	for _, args := range [][]string{
		{"--by-name"}, {"--router", "r"}, {"--cluster-cidr", "10.244.0.0"}, {"--cluster-cidr", "0.0.0.0/0"}, {"-o", "yaml"}, {"--nonsense"}, {"--timeout", "0s"},
	} {
		if code, out := w.cleanup(args...); code != exitLeft || !strings.Contains(out, "Error: ") {
			t.Errorf("%v: got exit code %d and\n%s", args, code, out)
		}
	}
	if code, _ := w.cleanup("--cluster-id", blue.UID, "--cloud-config", "/nowhere/cloud.conf"); code != 1 {
		t.Errorf("no such cloud.conf: got exit code %d, want 1", code)
	}
}

package scenario_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/simulator"
	"underlay/test/openstack/api"
	"underlay/test/world"
)

// Of a cluster of both address families. No other cluster has its pods there:
// routes and address pairs in these ranges are all removed in the end.
const (
	podRanges   = "10.190.0.0/16,fd00:10:190::/56"
	nodesCIDRv6 = "fd00:11::/64"
)

// TestSettingsOfBalancersOnRealServices is what Services and operators ask for
// beyond a load balancer that serves.
func TestSettingsOfBalancersOnRealServices(t *testing.T) {
	who, there := account(t)
	if !there {
		return
	}
	on := newTenant(t, http.DefaultClient, who, nodesCIDRv6)
	if on.client.Endpoint(balancing) == "" || on.client.Endpoint("key-manager") == "" {
		t.Log("left out: this OpenStack has no Octavia or no Barbican")
		return
	}
	tellOfSettings(t, on)
}

// TestTheStoryOfSettingsOnTheSimulator is the same story where there is no real cloud.
func TestTheStoryOfSettingsOnTheSimulator(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{})
	sim.AddNetwork(simulator.NetworkSpec{Name: "public", External: true, Subnets: []string{"203.0.113.0/24"}})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	tellOfSettings(t, newTenant(t, server.Client(), api.Account{
		AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne",
	}, nodesCIDRv6))
}

// settingScenarios each begin and end without a Service of type LoadBalancer.
var settingScenarios = []struct {
	name string
	run  func(*testing.T, *balancerStory)
}{
	{"security groups follow ports, nodes and the Service", followGroups},
	{"TLS as a Service asks for it", settleTLS},
	{"UDP and TCP on one port", bothOnOnePort},
	{"a Service of both address families", bothFamilies},
	{"plan and status tell what is", planAndStatus},
	{"a load balancer of the peer's is taken over by its annotation", func(t *testing.T, s *balancerStory) { takeOver(t, s, true) }},
	{"a load balancer of the peer's is taken over by name and members", func(t *testing.T, s *balancerStory) { takeOver(t, s, false) }},
	{"a project is emptied of a cluster that is gone", cleanUp},
}

func tellOfSettings(t *testing.T, on *tenant) {
	on.conf = "\n[LoadBalancer]\nmanage-security-groups=true\n"
	var pods []netip.Prefix
	for text := range strings.SplitSeq(podRanges, ",") {
		pods = append(pods, netip.MustParsePrefix(text))
	}
	s := beginBalancers(t, on, pods...)
	for _, scenario := range settingScenarios {
		if !t.Run(scenario.name, func(t *testing.T) {
			within := *s
			within.World = s.In(t)
			on.proxy.Reset()
			scenario.run(t, &within)
		}) {
			t.Fatalf("the scenarios after %q need what it leaves", scenario.name)
		}
	}
}

// security is what a listener says of TLS.
type security struct {
	Versions   []string `json:"tls_versions"`
	ALPN       []string `json:"alpn_protocols"`
	MaxAge     *int     `json:"hsts_max_age"`
	Subdomains bool     `json:"hsts_include_subdomains"`
	Preload    bool     `json:"hsts_preload"`
}

func (on *tenant) security(t *testing.T) security {
	t.Helper()
	var list struct{ Listeners []security }
	query := url.Values{"loadbalancer_id": {on.only(t).ID}}
	on.must(t, http.MethodGet, balancing, "/v2/lbaas/listeners?"+query.Encode(), nil, &list)
	if len(list.Listeners) != 1 {
		t.Fatalf("got %d listeners, want one", len(list.Listeners))
	}
	return list.Listeners[0]
}

// settleTLS: HSTS, versions and ALPN come with the listener, change, and go.
func settleTLS(t *testing.T, s *balancerStory) {
	serving := "TERMINATED_HTTPS 443, members 2, " + anywhere + ", with a certificate"
	s.Serve("web", map[string]string{
		world.Annotation + "default-tls-container-ref": s.certificate,
		world.Annotation + "tls-versions":              "TLSv1.2,TLSv1.3",
		world.Annotation + "alpn-protocols":            "http/1.1,http/1.0",
		world.Annotation + "hsts-max-age":              "31536000",
		world.Annotation + "hsts-include-subdomains":   "true",
		world.Annotation + "hsts-preload":              "true",
	}, world.TCP(443))
	s.Address("web")
	s.becomes(t, serving)
	want := security{Versions: []string{"TLSv1.2", "TLSv1.3"}, ALPN: []string{"http/1.1", "http/1.0"}, MaxAge: new(31536000), Subdomains: true, Preload: true}
	if diff := cmp.Diff(want, s.on.security(t)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	s.UntilEnsured("web", 1)
	s.Edit("web", func(v *corev1.Service) {
		v.Annotations[world.Annotation+"tls-versions"] = "TLSv1.3"
		v.Annotations[world.Annotation+"hsts-max-age"] = "600"
		delete(v.Annotations, world.Annotation+"hsts-preload")
	})
	want.Versions, want.MaxAge, want.Preload = []string{"TLSv1.3"}, new(600), false
	s.Until(octaviaTime, "the listener has changed", func(context.Context) bool { return cmp.Equal(want, s.on.security(t)) })
	s.becomes(t, serving)
	if f, code := s.plan(t); code != 0 {
		t.Errorf("then nothing is to do: got exit code %d and %+v", code, f)
	}
	s.Edit("web", func(v *corev1.Service) {
		delete(v.Annotations, world.Annotation+"hsts-max-age")
		delete(v.Annotations, world.Annotation+"hsts-include-subdomains")
	})
	s.Until(octaviaTime, "HSTS is off", func(context.Context) bool {
		now := s.on.security(t)
		return (now.MaxAge == nil || *now.MaxAge == 0) && !now.Subdomains
	})
	s.becomes(t, serving)
	if f, code := s.plan(t); code != 0 {
		t.Errorf("then nothing is to do: got exit code %d and %+v", code, f)
	}
	s.Forget("web")
}

// bothOnOnePort as DNS has it.
func bothOnOnePort(t *testing.T, s *balancerStory) {
	s.Serve("dns", nil, world.TCP(53), world.UDP(53))
	s.Address("dns")
	s.becomes(t, "TCP 53, members 2, "+anywhere, "UDP 53, members 2, "+anywhere)
	s.Edit("dns", func(v *corev1.Service) { v.Spec.Ports = v.Spec.Ports[1:] })
	s.becomes(t, "UDP 53, members 2, "+anywhere)
	s.Forget("dns")
}

// bothFamilies: one load balancer has a virtual address of each family.
func bothFamilies(t *testing.T, s *balancerStory) {
	dual := corev1.IPFamilyPolicyRequireDualStack
	_, err := s.Client.CoreV1().Services(metav1.NamespaceDefault).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "dual"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, IPFamilyPolicy: &dual, Selector: map[string]string{"app": "dual"},
			Ports: []corev1.ServicePort{world.TCP(80)},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Address("dual")
	var b struct {
		LoadBalancer struct {
			Address    string `json:"vip_address"`
			Additional []struct {
				Address string `json:"ip_address"`
				Subnet  string `json:"subnet_id"`
			} `json:"additional_vips"`
		}
	}
	s.on.must(t, http.MethodGet, balancing, "/v2/lbaas/loadbalancers/"+s.on.only(t).ID, nil, &b)
	if more := b.LoadBalancer.Additional; len(more) != 1 || more[0].Subnet != s.on.more[0] {
		t.Fatalf("got %+v, want an additional address in subnet %s", b, s.on.more[0])
	}
	var got []bool
	for _, ingress := range s.Service("dual").Status.LoadBalancer.Ingress {
		address := netip.MustParseAddr(ingress.IP)
		got = append(got, address.Is6())
		if address.Is6() && address != netip.MustParseAddr(b.LoadBalancer.Additional[0].Address) {
			t.Errorf("the Service shows %s, the load balancer %s", address, b.LoadBalancer.Additional[0].Address)
		}
	}
	if diff := cmp.Diff([]bool{false, true}, got); diff != "" {
		t.Errorf("families of the Service's addresses (IPv6 is true; -want +got):\n%s", diff)
	}
	if f, code := s.plan(t); code != 0 {
		t.Errorf("then nothing is to do: got exit code %d and %+v", code, f)
	}
	s.Forget("dual")
}

// nothingLeft checks that no Service has anything in the project.
func (s *balancerStory) nothingLeft(t *testing.T) {
	t.Helper()
	balancers, err := s.on.balancers(t.Context())
	if err != nil || len(balancers) > 0 {
		t.Errorf("left load balancers: %+v (%v)", balancers, err)
	}
	ips, err := s.on.floatingIPs(t.Context())
	if err != nil || len(ips) > 0 {
		t.Errorf("left floating IPs: %+v (%v)", ips, err)
	}
	ports, err := s.on.vipPorts(t.Context())
	if err != nil || ports > 0 {
		t.Errorf("left %d ports of load balancers (%v)", ports, err)
	}
	groups, _, err := s.managedGroups(t.Context())
	if err != nil || len(groups) > 0 {
		t.Errorf("left security groups: %v (%v)", groups, err)
	}
}

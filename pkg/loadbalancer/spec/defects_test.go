package spec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// The defects of kubernetes/cloud-provider-openstack that a Service's wishes
// decide, by their number in its list of known failures.

func annotated(annotations map[string]string) *v1.Service {
	s := web()
	for name, value := range annotations {
		s.Annotations[spec.Prefix+name] = value
	}
	return s
}

func local(s *v1.Service) *v1.Service {
	s.Spec.ExternalTrafficPolicy, s.Spec.HealthCheckNodePort = v1.ServiceExternalTrafficPolicyLocal, 32000
	return s
}

func TestDefect02OVNMembersHaveNoMonitorPort(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(local(annotated(map[string]string{"enable-health-monitor": "true"})), n)
	in.Config.LBProvider = "ovn"
	_, d, notices := resolve(t, in, cloud(n))
	pool := d.Balancer.Listeners[0].Pool
	if pool.Members[0].MonitorPort != nil || pool.Monitor.Type != "TCP" || reasons(notices) != spec.UnwatchedTraffic {
		t.Errorf("got monitor %+v, member %+v, notices %q", pool.Monitor, pool.Members[0], reasons(notices))
	}
}

func TestDefect03SessionAffinityIsAlwaysSaid(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(web(), n)
	for affinity, want := range map[v1.ServiceAffinity]string{v1.ServiceAffinityNone: "", v1.ServiceAffinityClientIP: "SOURCE_IP"} {
		in.Service.Spec.SessionAffinity = affinity
		_, d, _ := resolve(t, in, cloud(n))
		if got := d.Balancer.Listeners[0].Pool.Settings.Persistence; got == nil || got.Type != want {
			t.Errorf("%s: got %+v, want type %q", affinity, got, want)
		}
	}
}

func TestDefect04NoPROXYProtocolOnUDP(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(annotated(map[string]string{"proxy-protocol": "true"}), n)
	in.Service.Spec.Ports[1].Protocol = v1.ProtocolUDP
	_, d, _ := resolve(t, in, cloud(n))
	if tcp, udp := d.Balancer.Listeners[0].Pool.Protocol, d.Balancer.Listeners[1].Pool.Protocol; tcp != tree.Proxy || udp != tree.UDP {
		t.Errorf("got %s and %s, want PROXY and UDP", tcp, udp)
	}
	in.Service.Annotations = map[string]string{spec.Prefix + "port.443.proxy-protocol": "true"}
	if got := complaints(in, cloud(n)); len(got) != 1 || !strings.Contains(got[0], "only for TCP") {
		t.Errorf("got %q, want that it is only for TCP ports", got)
	}
}

func TestDefect07ExcludedNodesCarryNoGroup(t *testing.T) {
	stays, goes := worker("n1", "10.0.0.11"), worker("n2", "10.0.0.12")
	goes.Labels[v1.LabelNodeExcludeBalancers] = ""
	in := input(web(), stays, goes)
	in.Config.ManageSecurityGroups = true
	_, d, _ := resolve(t, in, cloud(stays, goes))
	if diff := cmp.Diff([]string{"port-n1"}, d.SecurityGroup.PortIDs); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if got := len(d.Balancer.Listeners[0].Pool.Members); got != 1 {
		t.Errorf("got %d members, want 1", got)
	}
}

func TestDefect10ClassWithoutSubnetAndManagedGroups(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(annotated(map[string]string{"class": "gold"}), n)
	in.Config.ManageSecurityGroups = true
	in.Classes["gold"] = &config.LoadBalancerClass{FloatingNetworkID: publicNet}
	_, d, _ := resolve(t, in, cloud(n))
	if len(d.SecurityGroup.Rules) != 2 || d.SecurityGroup.Rules[0].RemotePrefix != "10.0.0.0/24" {
		t.Errorf("got rules %+v", d.SecurityGroup.Rules)
	}
}

func TestDefect11NodeWithoutProviderID(t *testing.T) {
	known, unknown := worker("n1", "10.0.0.11"), worker("n2", "10.0.0.12")
	unknown.Spec.ProviderID = ""
	in := input(web(), known, unknown)
	in.Config.ManageSecurityGroups = true
	f := cloud(known, unknown)
	_, d, _ := resolve(t, in, f)
	if diff := cmp.Diff([]string{"port-n1", "port-n2"}, d.SecurityGroup.PortIDs); diff != "" {
		t.Errorf("by its address alone (-want +got):\n%s", diff)
	}
	// Where two servers have the address, nobody knows which one is meant.
	twin := f.Ports[1]
	twin.ID, twin.DeviceID, twin.NetworkID = "port-twin", "server-twin", "elsewhere"
	f.Ports = append(f.Ports, twin)
	_, d, _ = resolve(t, in, f)
	if diff := cmp.Diff([]string{"port-n1"}, d.SecurityGroup.PortIDs); diff != "" {
		t.Errorf("address twice (-want +got):\n%s", diff)
	}
	if got := len(d.Balancer.Listeners[0].Pool.Members); got != 2 {
		t.Errorf("got %d members, want 2", got)
	}
}

func TestDefect14LocalPolicyIsWatched(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(local(web()), n)
	_, d, notices := resolve(t, in, cloud(n))
	pool := d.Balancer.Listeners[0].Pool
	if pool.Monitor == nil || pool.Monitor.Type != "HTTP" || at(pool.Members[0].MonitorPort) != "32000" || len(notices) > 0 {
		t.Errorf("got monitor %+v, notices %v", pool.Monitor, notices)
	}
	in.Service.Annotations[spec.Prefix+"enable-health-monitor"] = "false"
	_, d, notices = resolve(t, in, cloud(n))
	if d.Balancer.Listeners[0].Pool.Monitor != nil || reasons(notices) != spec.UnwatchedTraffic {
		t.Errorf("turned off: got monitor %+v, notices %q", d.Balancer.Listeners[0].Pool.Monitor, reasons(notices))
	}
}

func TestDefect25TLSAndHeadersForOnePort(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(annotated(map[string]string{"port.https.default-tls-container-ref": cert, "port.https.x-forwarded-port": "true", "port.https.x-forwarded-proto": "true"}), n)
	_, d, _ := resolve(t, in, cloud(n))
	if got := d.Balancer.Listeners[0].Protocol; got != tree.TCP {
		t.Errorf("port 80: got %s, want TCP", got)
	}
	l := d.Balancer.Listeners[1]
	if diff := cmp.Diff(map[string]string{"X-Forwarded-Port": "true", "X-Forwarded-Proto": "true"}, l.Settings.InsertHeaders); diff != "" || l.Protocol != tree.TerminatedHTTPS {
		t.Errorf("port 443 is %s (-want +got):\n%s", l.Protocol, diff)
	}
}

// TestDefect27AddressInTheMembersSubnet: a node with several addresses is
// reached at the one in the subnet that was chosen for members, and a node in
// another subnet by its own one where none was.
func TestDefect27AddressInTheMembersSubnet(t *testing.T) {
	n := worker("n1", "10.0.0.11", "10.9.0.11")
	in := input(annotated(map[string]string{"member-subnet-id": otherV4}), n)
	w, d, _ := resolve(t, in, cloud(n))
	if got := d.Balancer.Listeners[0].Pool.Members[0]; got.Address != "10.9.0.11" || at(got.SubnetID) != otherV4 || !w.Needs().Subnets {
		t.Errorf("got member %+v in %s", got, at(got.SubnetID))
	}
	far := worker("n2", "10.9.0.12")
	in = input(web(), n, far)
	_, d, _ = resolve(t, in, cloud(n, far))
	if got := d.Balancer.Listeners[0].Pool.Members[1]; got.Address != "10.9.0.12" || at(got.SubnetID) != otherV4 {
		t.Errorf("got member %+v in %s", got, at(got.SubnetID))
	}
	// A member that is there keeps its subnet: it could not be changed in place.
	f := cloud(n, far)
	f.Balancer = made(d).Balancer
	for _, l := range f.Balancer.Listeners {
		for i := range l.Pool.Members {
			subnet := nodesV4
			l.Pool.Members[i].SubnetID = &subnet
		}
	}
	_, d, _ = resolve(t, in, f)
	if got := d.Balancer.Listeners[0].Pool.Members[1]; at(got.SubnetID) != nodesV4 {
		t.Errorf("got member %+v in %s", got, at(got.SubnetID))
	}
}

func TestDefect28ServicesWithoutNodePorts(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(web(), n)
	in.Config.ManageSecurityGroups = true
	for i := range in.Service.Spec.Ports {
		in.Service.Spec.Ports[i].NodePort = 0
	}
	_, d, notices := resolve(t, in, cloud(n))
	if got := d.Balancer.Listeners[0].Pool.Members; got == nil || len(got) > 0 || len(d.SecurityGroup.Rules) > 0 || len(notices) > 0 {
		t.Errorf("got members %v, rules %v, notices %v", got, d.SecurityGroup.Rules, notices)
	}
}

// TestNodesThatGoTakeNoNewConnections, in each way of going.
func TestNodesThatGoTakeNoNewConnections(t *testing.T) {
	deleted := worker("deleted", "10.0.0.21")
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	nodes := []*v1.Node{worker("stays", "10.0.0.20"), deleted}
	for i, key := range []string{"ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "node.kubernetes.io/out-of-service"} {
		n := worker(key, "10.0.0.3"+string(rune('0'+i)))
		n.Spec.Taints = []v1.Taint{{Key: key}}
		nodes = append(nodes, n)
	}
	tainted := worker("tainted", "10.0.0.40")
	tainted.Spec.Taints = []v1.Taint{{Key: "node.kubernetes.io/unschedulable"}}
	nodes = append(nodes, tainted)
	_, d, _ := resolve(t, input(web(), nodes...), cloud(nodes...))
	weights := map[string]string{}
	for _, m := range d.Balancer.Listeners[0].Pool.Members {
		weights[m.Name] = at(m.Weight)
	}
	want := map[string]string{
		"stays": "1", "deleted": "0", "ToBeDeletedByClusterAutoscaler": "0", "karpenter.sh/disrupted": "0",
		"node.kubernetes.io/out-of-service": "0", "tainted": "1",
	}
	if diff := cmp.Diff(want, weights); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	for _, n := range nodes {
		if got := spec.Draining(n); got != (want[n.Name] == "0") {
			t.Errorf("%s: got draining %v", n.Name, got)
		}
	}
}

// TestTwoNodesWithOneAddressAreOneMember: an old Node object may outlive its server.
func TestTwoNodesWithOneAddressAreOneMember(t *testing.T) {
	old, fresh := worker("a-old", "10.0.0.11"), worker("b-fresh", "10.0.0.11")
	old.Spec.Taints = []v1.Taint{{Key: "node.kubernetes.io/out-of-service"}}
	_, d, _ := resolve(t, input(web(), old, fresh), cloud(fresh))
	if got := d.Balancer.Listeners[0].Pool.Members; len(got) != 1 || got[0].Name != "b-fresh" || at(got[0].Weight) != "1" {
		t.Errorf("got members %+v", got)
	}
}

package spec_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/owner"
	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// id makes a UUID of one digit, to tell objects apart in tests.
func id(digit string) string {
	d := strings.Repeat(digit, 12)
	return d[:8] + "-" + d[:4] + "-4" + d[:3] + "-8" + d[:3] + "-" + d
}

var (
	nodesNet, nodesV4, nodesV6 = id("1"), id("2"), id("3")
	publicNet, publicV4        = id("4"), id("5")
	otherV4                    = id("6")
)

// defaults are the settings of an empty [LoadBalancer] section.
func defaults() config.LoadBalancer {
	return config.LoadBalancer{
		Enabled: true, LBProvider: "amphora", LBMethod: "ROUND_ROBIN", CascadeDelete: true, MonitorDelay: 5 * time.Second,
		MonitorTimeout: 3 * time.Second, MonitorMaxRetries: 1, MonitorMaxRetriesDown: 3, MaxSharedLB: 2,
		IngressHostnameSuffix: "nip.io", ContainerStore: "barbican",
	}
}

// web is a plain Service with the ports 80 and 443.
func web() *v1.Service {
	return &v1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2", Annotations: map[string]string{}},
		Spec: v1.ServiceSpec{
			Type: v1.ServiceTypeLoadBalancer, IPFamilies: []v1.IPFamily{v1.IPv4Protocol},
			Ports: []v1.ServicePort{
				{Name: "http", Protocol: v1.ProtocolTCP, Port: 80, NodePort: 30080},
				{Name: "https", Protocol: v1.ProtocolTCP, Port: 443, NodePort: 30443},
			},
		},
	}
}

func worker(name string, addresses ...string) *v1.Node {
	n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
	n.Spec.ProviderID = "openstack:///server-" + name
	for _, a := range addresses {
		n.Status.Addresses = append(n.Status.Addresses, v1.NodeAddress{Type: v1.NodeInternalIP, Address: a})
	}
	return n
}

func input(service *v1.Service, nodes ...*v1.Node) spec.Input {
	return spec.Input{
		Service: service, Nodes: nodes, Config: defaults(), Classes: map[string]*config.LoadBalancerClass{},
		Cluster:      owner.Cluster{Name: "blue", UID: "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:244::/56")},
	}
}

// cloud has a network of the nodes with a subnet for each family, a public
// network, and a port for each node.
func cloud(nodes ...*v1.Node) spec.Facts {
	f := spec.Facts{
		Version:          tree.Version{Major: 2, Minor: 29},
		ExternalNetworks: []tree.Network{{ID: publicNet, Name: "public", External: true, SubnetIDs: []string{publicV4}}},
		Subnets: []tree.Subnet{
			{ID: nodesV4, Name: "nodes", NetworkID: nodesNet, CIDR: "10.0.0.0/24"},
			{ID: nodesV6, Name: "nodes-v6", NetworkID: nodesNet, CIDR: "fd00::/64", IPv6: true},
			{ID: publicV4, Name: "public-a", NetworkID: publicNet, CIDR: "203.0.113.0/24", Tags: []string{"a", "b"}},
			{ID: otherV4, Name: "other", NetworkID: nodesNet, CIDR: "10.9.0.0/24"},
		},
	}
	for i, n := range nodes {
		p := tree.Port{ID: "port-" + n.Name, NetworkID: nodesNet, DeviceID: "server-" + n.Name, DeviceOwner: "compute:nova", PortSecurity: true, Revision: i}
		for _, a := range n.Status.Addresses {
			for _, s := range f.Subnets {
				if netip.MustParsePrefix(s.CIDR).Contains(netip.MustParseAddr(a.Address)) {
					p.FixedIPs = append(p.FixedIPs, tree.FixedIP{SubnetID: s.ID, Address: a.Address})
				}
			}
		}
		f.Ports = append(f.Ports, p)
	}
	return f
}

// resolve reads and resolves; nothing may be wrong.
func resolve(t *testing.T, in spec.Input, f spec.Facts) (spec.Wish, tree.Desired, []spec.Notice) {
	t.Helper()
	w, err := spec.Read(in)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	desired, notices, err := w.Resolve(f)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	return w, desired, notices
}

// complaints are what Read or Resolve finds wrong, a line each.
func complaints(in spec.Input, f spec.Facts) []string {
	w, err := spec.Read(in)
	if err == nil {
		_, _, err = w.Resolve(f)
	}
	var all []string
	for _, p := range spec.Problems(err) {
		all = append(all, p.Error())
	}
	return all
}

// reasons are those of the notices, each once.
func reasons(notices []spec.Notice) string {
	var all []string
	for _, n := range notices {
		all = append(all, n.Reason)
	}
	return strings.Join(slices.Compact(all), " ")
}

func at[T any](pointer *T) string {
	if pointer == nil {
		return "-"
	}
	return fmt.Sprint(*pointer)
}

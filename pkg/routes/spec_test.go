package routes

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lookup is one node and what the network has, and which next hop follows.
type lookup struct {
	name  string
	node  func(n *v1.Node)
	ports []Port
	want  string   // next hops in the order of the pod CIDRs, with their ports
	says  []string // of the error, when a next hop is missing
}

const serverUUID = "6ce06bce-a359-4ec1-a0d0-1636d0721afb"

func portWith(id, device string, fixed ...string) Port {
	p := Port{ID: id, DeviceID: device, PortSecurity: true}
	for _, text := range fixed {
		subnet, address, _ := strings.Cut(text, "=")
		p.FixedIPs = append(p.FixedIPs, FixedIP{SubnetID: subnet, Address: address})
	}
	return p
}

func internal(addresses ...string) []v1.NodeAddress {
	var all []v1.NodeAddress
	for _, address := range addresses {
		all = append(all, v1.NodeAddress{Type: v1.NodeInternalIP, Address: address})
	}
	return all
}

var lookups = []lookup{
	{
		name:  "by the server of the provider ID",
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.5"), portWith("q", "other", "s4=10.0.0.4")},
		want:  "10.0.0.5@p",
	},
	{
		name:  "by the server of a regional provider ID, whatever its case",
		node:  func(n *v1.Node) { n.Spec.ProviderID = "openstack://RegionOne/" + strings.ToUpper(serverUUID) },
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.5")},
		want:  "10.0.0.5@p",
	},
	{
		name: "by the system UUID, which some firmware spells in capitals",
		node: func(n *v1.Node) {
			n.Spec.ProviderID, n.Status.NodeInfo.SystemUUID = "", strings.ToUpper(serverUUID)
		},
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.5")},
		want:  "10.0.0.5@p",
	},
	{
		name: "by an InternalIP on a subnet of the router",
		node: func(n *v1.Node) {
			n.Spec.ProviderID, n.Status.Addresses = "metal://rack/7", internal("10.0.0.5")
		},
		ports: []Port{portWith("elsewhere", "x", "s9=10.0.0.5"), portWith("p", "y", "s4=10.0.0.5")},
		want:  "10.0.0.5@p",
	},
	{
		name:  "never by address when the provider ID names a server",
		node:  func(n *v1.Node) { n.Status.Addresses = internal("10.0.0.5") },
		ports: []Port{portWith("taken over", "another server", "s4=10.0.0.5")},
		says:  []string{"node n", "IPv4", "no Neutron port of the node is visible", "10.0.0.0/24 (s4)"},
	},
	{
		name:  "the first InternalIP in the order of status.addresses",
		node:  func(n *v1.Node) { n.Status.Addresses = internal("172.16.0.1", "10.0.0.9", "10.0.0.5") },
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.5"), portWith("q", serverUUID, "s4=10.0.0.9", "s4=10.0.0.2")},
		want:  "10.0.0.9@q",
	},
	{
		name:  "the lowest address when no InternalIP is one of them",
		node:  func(n *v1.Node) { n.Status.Addresses = internal("172.16.0.1") },
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.20"), portWith("q", serverUUID, "s4=10.0.0.9")},
		want:  "10.0.0.9@q",
	},
	{
		name:  "only from subnets of the router",
		ports: []Port{portWith("mgmt", serverUUID, "s9=10.0.0.1"), portWith("p", serverUUID, "s4=10.0.0.20")},
		want:  "10.0.0.20@p",
	},
	{
		name:  "by family, which may be on different ports",
		node:  func(n *v1.Node) { n.Spec.PodCIDRs = []string{"fd00:244:0:1::/64", "10.244.1.0/24"} },
		ports: []Port{portWith("p4", serverUUID, "s4=10.0.0.20"), portWith("p6", serverUUID, "s6=fd00:10::20")},
		want:  "fd00:10::20@p6 10.0.0.20@p4",
	},
	{
		name: "IPv4-mapped spellings are IPv4",
		node: func(n *v1.Node) {
			n.Spec.PodCIDRs, n.Status.Addresses = []string{"::ffff:10.244.1.0/120"}, internal("::ffff:10.0.0.9")
		},
		ports: []Port{portWith("p", serverUUID, "s4=::ffff:10.0.0.9", "s4=10.0.0.3")},
		want:  "10.0.0.9@p",
	},
	{
		name:  "never the router's own address",
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.1")},
		says:  []string{"no IPv4 next hop", "10.0.0.1 (subnet s4)"},
	},
	{
		name:  "the address is on a subnet that the router does not have",
		ports: []Port{portWith("p", serverUUID, "s9=192.168.0.7")},
		says:  []string{"192.168.0.7 (subnet s9)", "the router is attached to 10.0.0.0/24 (s4), fd00:10::/64 (s6)"},
	},
	{
		name:  "the pod CIDR is outside the cluster CIDRs",
		node:  func(n *v1.Node) { n.Spec.PodCIDRs = []string{"10.9.0.0/24"} },
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.5")},
		says:  []string{"10.9.0.0/24", "outside the cluster CIDRs", "--cluster-cidr"},
	},
	{
		name:  "the pod CIDR is no CIDR",
		node:  func(n *v1.Node) { n.Spec.PodCIDRs = []string{"10.244.1.0"} },
		ports: []Port{portWith("p", serverUUID, "s4=10.0.0.5")},
		says:  []string{"node n", "10.244.1.0"},
	},
}

func TestNextHop(t *testing.T) {
	attached := attach([]Interface{
		{SubnetID: "s4", CIDR: "10.0.0.0/24", Address: "10.0.0.1"},
		{SubnetID: "s6", CIDR: "fd00:10::/64", Address: "fd00:10::1"},
	})
	for _, l := range lookups {
		t.Run(l.name, func(t *testing.T) {
			node := &v1.Node{
				ObjectMeta: metav1.ObjectMeta{Name: "n"},
				Spec:       v1.NodeSpec{ProviderID: "openstack:///" + serverUUID, PodCIDRs: []string{"10.244.1.0/24"}},
			}
			if l.node != nil {
				l.node(node)
			}
			desired := spec([]*v1.Node{node}, newModel().cluster, indexPorts(l.ports), attached)
			var hops []string
			for _, w := range desired.Wants {
				hops = append(hops, w.NextHop.String()+"@"+w.PortID)
			}
			if got := strings.Join(hops, " "); got != l.want {
				t.Errorf("got next hops %q, want %q", got, l.want)
			}
			if len(desired.Problems) != len(node.Spec.PodCIDRs)-len(desired.Wants) {
				t.Errorf("%d pod CIDRs, %d wants, %d problems", len(node.Spec.PodCIDRs), len(desired.Wants), len(desired.Problems))
			}
			for _, part := range l.says {
				if !strings.Contains(desired.Problems[0].Err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, desired.Problems[0].Err)
				}
			}
		})
	}
}

func TestTheOlderNodeKeepsAPodCIDRThatTwoClaim(t *testing.T) {
	m := newModel()
	m.attach("10.0.0.0/24")
	for i, name := range []string{"young", "old"} {
		address := fmt.Sprintf("10.0.0.%d", 10+i)
		node := m.node(name, []string{address}, []string{"10.244.1.0/24"})
		node.CreationTimestamp = metav1.NewTime(time.Unix(int64(1000-i), 0))
		m.port("port-"+name, "server-"+name, address)
	}
	desired := m.desired()
	if len(desired.Wants) != 1 || desired.Wants[0].Node != "old" {
		t.Errorf("got wants %v, want the old node's", desired.Wants)
	}
	if len(desired.Problems) != 1 || !strings.Contains(desired.Problems[0].Err.Error(), "older node old") {
		t.Errorf("got problems %v, want one that names the older node", desired.Problems)
	}
	m.reconcile()
	if diff := cmp.Diff([]Route{{"10.244.1.0/24", "10.0.0.11"}}, m.router.Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

func TestCanonicalSpelling(t *testing.T) {
	for text, want := range map[string]string{
		"10.244.1.0/24":         "10.244.1.0/24",
		"10.244.1.7/24":         "10.244.1.0/24",
		"010.244.001.0/24":      "10.244.1.0/24",
		"::ffff:10.244.1.0/120": "10.244.1.0/24",
		"FD00:0244:0::1:0/64":   "fd00:244::/64",
	} {
		got, err := parsePrefix(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got != netip.MustParsePrefix(want) {
			t.Errorf("%s: got %v, want %s", text, got, want)
		}
	}
	for _, bad := range []string{"", "10.244.1.0", "10.244.1.0/33", "a.b.c.d/8"} {
		if got, err := parsePrefix(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

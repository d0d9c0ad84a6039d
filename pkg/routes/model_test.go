package routes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"underlay/internal/step"
)

// model is a cloud and its nodes as plain data: what plan needs and nothing
// else. It applies steps as Neutron would.
type model struct {
	cluster    []netip.Prefix
	nodes      []*v1.Node
	ports      []Port
	interfaces []Interface
	router     Router
	written    map[pair]bool
	features   Features
}

func newModel() *model {
	return &model{
		cluster:  []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:244::/48")},
		router:   Router{ID: "r1", Name: "pods"},
		written:  map[pair]bool{},
		features: Features{Routes: true, AtomicRoutes: true, AddressPairs: true},
	}
}

// attach gives the router an interface; the subnet is named by its range.
func (m *model) attach(cidr string) {
	prefix := netip.MustParsePrefix(cidr)
	m.interfaces = append(m.interfaces, Interface{
		SubnetID: "subnet-" + cidr, NetworkID: "net", CIDR: cidr, Address: prefix.Addr().Next().String(),
	})
}

// subnetOf names the subnet of an address: an attached one, else one that the router does not know.
func (m *model) subnetOf(addr string) string {
	for _, i := range m.interfaces {
		if netip.MustParsePrefix(i.CIDR).Contains(netip.MustParseAddr(addr)) {
			return i.SubnetID
		}
	}
	return "subnet-elsewhere"
}

func (m *model) port(id, device string, addrs ...string) *Port {
	p := Port{ID: id, NetworkID: "net", DeviceID: device, PortSecurity: true}
	for _, addr := range addrs {
		p.FixedIPs = append(p.FixedIPs, FixedIP{SubnetID: m.subnetOf(addr), Address: addr})
	}
	m.ports = append(m.ports, p)
	return &m.ports[len(m.ports)-1]
}

// node adds a Node whose server is "server-NAME".
func (m *model) node(name string, addrs, podCIDRs []string) *v1.Node {
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name)},
		Spec:       v1.NodeSpec{ProviderID: "openstack:///server-" + name, PodCIDRs: podCIDRs},
	}
	for _, addr := range addrs {
		node.Status.Addresses = append(node.Status.Addresses, v1.NodeAddress{Type: v1.NodeInternalIP, Address: addr})
	}
	m.nodes = append(m.nodes, node)
	return node
}

func (m *model) desired() Desired {
	return spec(m.nodes, m.cluster, indexPorts(m.ports), attach(m.interfaces))
}

func (m *model) actual() Actual {
	return Actual{
		Router: m.router, FilterPorts: m.features.AddressPairs, Written: m.written,
		attached: attach(m.interfaces), ports: indexPorts(m.ports),
	}
}

func (m *model) plan() []step.Step {
	desired, actual := m.desired(), m.actual()
	return plan(&desired, &actual)
}

func (m *model) assess() *assessment {
	desired, actual := m.desired(), m.actual()
	return assess(&desired, &actual)
}

// apply changes the model as the cloud would change, the ledger ahead of the router.
func (m *model) apply(s step.Step) {
	switch s := s.(type) {
	case AddRoutes:
		for _, r := range s.Routes {
			p, _ := r.canonical()
			m.written[p] = true
			if !slices.Contains(m.router.Routes, r) {
				m.router.Routes = append(m.router.Routes, r)
			}
		}
	case RemoveRoutes:
		m.router.Routes = slices.DeleteFunc(m.router.Routes, func(r Route) bool { return slices.Contains(s.Routes, r) })
	case SetPairs:
		for i := range m.ports {
			if m.ports[i].ID == s.PortID {
				m.ports[i].AddressPairs = mergePairs(m.ports[i].AddressPairs, prefixes(s.Add), prefixes(s.Remove))
			}
		}
	default:
		panic(fmt.Sprintf("unknown step %v", s))
	}
}

// observe brings the ledger up to date, as the controller does after each observation.
func (m *model) observe() {
	a := m.assess()
	for _, p := range a.unrecorded {
		m.written[p] = true
	}
	for _, p := range a.settled {
		delete(m.written, p)
	}
}

// reconcile observes, plans and applies.
func (m *model) reconcile() {
	m.observe()
	for _, s := range m.plan() {
		m.apply(s)
	}
}

func prefixes(texts []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// clone is a model that shares nothing that apply changes.
func (m *model) clone() *model {
	c := *m
	c.router.Routes = slices.Clone(m.router.Routes)
	c.ports = slices.Clone(m.ports)
	c.written = map[pair]bool{}
	for p := range m.written {
		c.written[p] = true
	}
	return &c
}

// state is all that matters of the cloud, as sorted text.
func (m *model) state() string {
	var lines []string
	for _, r := range m.router.Routes {
		lines = append(lines, "route "+r.Destination+" via "+r.NextHop)
	}
	for _, p := range m.ports {
		for _, pair := range p.AddressPairs {
			lines = append(lines, "pair "+pair.IPAddress+" "+pair.MACAddress+" on "+p.ID)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

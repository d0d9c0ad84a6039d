package routes

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
)

// Want is one pod CIDR of one node and where its packets go.
type Want struct {
	Node string
	// CIDR is the node's own spelling in spec.podCIDRs: the framework compares
	// strings, so a listed route must carry exactly this one.
	CIDR    string
	Prefix  netip.Prefix
	NextHop netip.Addr
	// PortID is the Neutron port that holds the next hop and must let the
	// prefix through.
	PortID string
}

func (w Want) pair() pair { return pair{w.Prefix, w.NextHop} }

// Problem is a pod CIDR that cannot be routed as things stand.
type Problem struct {
	Node, CIDR string
	Err        error
	// Early is true while the node is being initialised: it does not say yet
	// which server it is, and no newer reading of the cloud would help.
	Early bool
}

// Desired is what the nodes need of the cloud.
type Desired struct {
	ClusterCIDRs []netip.Prefix
	// Wants and Problems together have every pod CIDR of every node once,
	// each sorted by node name and then in the order of spec.podCIDRs.
	Wants    []Want
	Problems []Problem
	// Addresses are the addresses of all current nodes, with the node's name.
	Addresses map[netip.Addr]string
	// PodCIDRs are the pod CIDRs of all current nodes, routable or not.
	PodCIDRs map[netip.Prefix]string
	// Unroutable are the pod CIDRs of current nodes for which no next hop is
	// known. A route for one of them is kept, whatever its next hop: that we
	// cannot see a port proves nothing, and there is no better next hop.
	Unroutable map[netip.Prefix]bool
	// visible counts the nodes of which a port is seen, and those that are too new
	// to have one.
	visible int
	// unknown holds a key for each node that the port list does not explain;
	// the key changes when the node's addresses do.
	unknown map[string]bool
}

// spec says what the nodes need, given the ports that exist and the subnets
// the router reaches. It is pure; the order of the nodes does not matter.
func spec(nodes []*v1.Node, clusterCIDRs []netip.Prefix, ports *portIndex, attached attachment) Desired {
	desired := Desired{
		ClusterCIDRs: clusterCIDRs,
		Addresses:    make(map[netip.Addr]string, len(nodes)),
		PodCIDRs:     make(map[netip.Prefix]string, len(nodes)),
		Unroutable:   map[netip.Prefix]bool{},
		unknown:      map[string]bool{},
	}
	// The oldest node comes first: it keeps a pod CIDR that two nodes claim.
	nodes = slices.SortedFunc(slices.Values(nodes), func(a, b *v1.Node) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.Name, b.Name)
	})
	for _, node := range nodes {
		desired.include(node, ports, attached)
	}
	slices.SortStableFunc(desired.Wants, func(a, b Want) int { return cmp.Compare(a.Node, b.Node) })
	slices.SortStableFunc(desired.Problems, func(a, b Problem) int { return cmp.Compare(a.Node, b.Node) })
	return desired
}

func (d *Desired) include(node *v1.Node, ports *portIndex, attached attachment) {
	internal := internalIPs(node)
	own := portsOf(node, internal, ports, attached)
	early := len(own) == 0 && uninitialised(node)
	if len(own) > 0 || early {
		d.visible++
	}
	explained := d.claim(node, internal, own)
	for _, cidr := range node.Spec.PodCIDRs {
		want, err := d.want(node, cidr, internal, own, attached)
		if err != nil {
			explained = false
			d.Problems = append(d.Problems, Problem{Node: node.Name, CIDR: cidr, Err: err, Early: early})
			continue
		}
		d.Wants = append(d.Wants, want)
	}
	if !explained && !early && len(node.Spec.PodCIDRs) > 0 {
		d.unknown[fmt.Sprint(node.Name, node.UID, node.Spec.PodCIDRs, internal)] = true
	}
}

// claim notes that the addresses are the node's, and says whether the port list
// explains the node: it has ports, and they hold all addresses that it shows.
func (d *Desired) claim(node *v1.Node, internal []netip.Addr, own []*Port) bool {
	held := map[netip.Addr]bool{}
	for _, port := range own {
		for _, fixed := range port.FixedIPs {
			if addr, err := parseAddr(fixed.Address); err == nil {
				held[addr] = true
				d.Addresses[addr] = node.Name
			}
		}
	}
	explained := len(own) > 0
	for _, addr := range internal {
		explained = explained && held[addr]
		if _, known := d.Addresses[addr]; !known {
			d.Addresses[addr] = node.Name
		}
	}
	return explained
}

// want decides one pod CIDR.
func (d *Desired) want(node *v1.Node, cidr string, internal []netip.Addr, own []*Port, attached attachment) (Want, error) {
	prefix, err := parsePrefix(cidr)
	if err != nil {
		return Want{}, fmt.Errorf("route pod CIDR of node %s: %w", node.Name, err)
	}
	if other, claimed := d.PodCIDRs[prefix]; claimed && other != node.Name {
		return Want{}, fmt.Errorf("route pod CIDR %s of node %s: the older node %s has it too", cidr, node.Name, other)
	}
	d.PodCIDRs[prefix] = node.Name
	if !inside(prefix, d.ClusterCIDRs) {
		return Want{}, fmt.Errorf("route pod CIDR %s of node %s: it is outside the cluster CIDRs %v (--cluster-cidr)",
			cidr, node.Name, d.ClusterCIDRs)
	}
	hop, port, found := nextHop(prefix, internal, own, attached)
	if !found && len(own) == 0 && uninitialised(node) {
		return Want{}, fmt.Errorf("route pod CIDR %s of node %s: the node is not initialised yet", cidr, node.Name)
	}
	if !found {
		d.Unroutable[prefix] = true
		return Want{}, fmt.Errorf("route pod CIDR %s of node %s: no %s next hop: %s; the router is attached to %s",
			cidr, node.Name, family(prefix.Addr()), describePorts(own), attached)
	}
	return Want{Node: node.Name, CIDR: cidr, Prefix: prefix, NextHop: hop, PortID: port}, nil
}

// nextHop chooses, among the node's addresses of the prefix's family on the
// router's subnets, the first that is an InternalIP of the node, in the order
// of status.addresses; else the lowest.
func nextHop(prefix netip.Prefix, internal []netip.Addr, own []*Port, attached attachment) (netip.Addr, string, bool) {
	candidates := map[netip.Addr]string{}
	for _, port := range own {
		for _, fixed := range port.FixedIPs {
			addr, err := parseAddr(fixed.Address)
			if err != nil || addr.Is4() != prefix.Addr().Is4() || attached.own[addr] {
				continue
			}
			if _, ok := attached.subnets[fixed.SubnetID]; ok {
				candidates[addr] = port.ID
			}
		}
	}
	for _, addr := range internal {
		if port, ok := candidates[addr]; ok {
			return addr, port, true
		}
	}
	var lowest netip.Addr
	for addr := range candidates {
		if !lowest.IsValid() || addr.Less(lowest) {
			lowest = addr
		}
	}
	return lowest, candidates[lowest], lowest.IsValid()
}

// portsOf finds the node's ports: by the server's UUID from the provider ID;
// where that is not OpenStack's, by the system UUID (on KVM the same UUID);
// else by an InternalIP on a subnet of the router. A node whose provider ID
// names a server is never matched by address: an address of a server that is
// gone may belong to somebody else by now.
func portsOf(node *v1.Node, internal []netip.Addr, ports *portIndex, attached attachment) []*Port {
	if id, ok := serverID(node.Spec.ProviderID); ok {
		return ports.byDevice[id]
	}
	if id := strings.ToLower(node.Status.NodeInfo.SystemUUID); id != "" && len(ports.byDevice[id]) > 0 {
		return ports.byDevice[id]
	}
	var found []*Port
	for _, addr := range internal {
		for _, port := range ports.byAddress[addr] {
			if attached.holds(port, addr) && !slices.Contains(found, port) {
				found = append(found, port)
			}
		}
	}
	return found
}

// serverID reads the Nova UUID of openstack:///UUID and openstack://REGION/UUID.
func serverID(providerID string) (string, bool) {
	rest, ok := strings.CutPrefix(providerID, "openstack://")
	if !ok {
		return "", false
	}
	_, id, ok := strings.Cut(rest, "/")
	return strings.ToLower(id), ok && id != "" && !strings.Contains(id, "/")
}

func internalIPs(node *v1.Node) []netip.Addr {
	var addrs []netip.Addr
	for _, a := range node.Status.Addresses {
		if a.Type != v1.NodeInternalIP {
			continue
		}
		if addr, err := parseAddr(a.Address); err == nil && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// describePorts says what the node has, for the message that it does not do.
func describePorts(ports []*Port) string {
	var addrs []string
	for _, port := range ports {
		for _, fixed := range port.FixedIPs {
			addrs = append(addrs, fixed.Address+" (subnet "+fixed.SubnetID+")")
		}
	}
	if len(addrs) == 0 {
		return "no Neutron port of the node is visible to these credentials"
	}
	slices.Sort(addrs)
	return "its ports have " + strings.Join(addrs, ", ")
}

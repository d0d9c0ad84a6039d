package simulator

import (
	"slices"
	"strings"
)

// What the amphora driver has in Neutron for a load balancer, beside the VIP's
// port: a security group of its own project, and a port for the amphora
// (octavia/network/drivers/neutron/allowed_address_pairs.py).

// plug makes it so. Every change of the load balancer itself writes the groups of
// the VIP's port, and so takes away those that others put on it by hand
// (UpdateVIPSecurityGroup in octavia/controller/worker/v2/tasks/network_tasks.py).
func (o *octavia) plug(b *loadBalancer) {
	n := o.cloud.neutron
	if b.provider == providerOVN || !n.has("security-group") {
		return
	}
	group, found := n.groups.rows[b.group]
	if !found {
		group = n.groups.add(&securityGroup{
			attributes: attributes{Name: "lb-" + b.ID, ProjectID: o.serviceProject}, Stateful: true,
		})
		for _, version := range []string{"IPv4", "IPv6"} {
			n.addRule(group, &securityRule{Direction: "egress", EtherType: version})
		}
		b.group = group.ID
		o.plugVIP(b)
	}
	o.syncRules(b, group)
	if p, found := n.ports.rows[b.vip.portID]; found {
		groups := append([]string{b.group}, b.values.texts("vip_sg_ids")...)
		if !slices.Equal(p.SecurityGroups, groups) && (b.whole || !slices.Contains(p.SecurityGroups, b.group)) {
			p.SecurityGroups = groups
			p.touch()
		}
	}
}

// plugVIP makes the amphora's port on the VIP's subnet, which may use the VIP's
// addresses. A subnet without room for it leaves the load balancer in ERROR.
func (o *octavia) plugVIP(b *loadBalancer) {
	n := o.cloud.neutron
	p := &port{
		attributes: attributes{Name: "octavia-lb-vrrp-" + newID(), ProjectID: o.serviceProject}, NetworkID: b.vip.networkID,
		AdminUp: true, Status: "ACTIVE", DeviceID: newID(), DeviceOwner: "Octavia", PortSecurity: true,
		SecurityGroups: []string{b.group},
	}
	for _, v := range append([]lbVIP{b.vip}, b.additional...) {
		p.AddressPairs = append(p.AddressPairs, addressPair{IPAddress: v.address})
	}
	made, err := n.insertPort(p, &[]fixedIPWish{{SubnetID: &b.vip.subnetID}})
	if err != nil {
		b.Provisioning = lbError
		return
	}
	b.plugged = made.ID
}

// syncRules lets in what the listeners listen for.
func (o *octavia) syncRules(b *loadBalancer, group *securityGroup) {
	n := o.cloud.neutron
	for _, r := range slices.Clone(group.rules) {
		if r.Direction == "ingress" {
			n.dropRule(r)
		}
	}
	if len(b.values.texts("vip_sg_ids")) > 0 {
		return
	}
	for _, l := range b.listeners {
		cidrs := l.values.texts("allowed_cidrs")
		if len(cidrs) == 0 {
			cidrs = []string{""}
		}
		for _, cidr := range cidrs {
			o.letIn(b, group, l, cidr)
		}
	}
}

// letIn adds a listener's rules for one range, "" for all, in each IP version
// that the load balancer has an address of.
func (o *octavia) letIn(b *loadBalancer, group *securityGroup, l *lbListener, cidr string) {
	protocol, at := strings.ToLower(lbL4[l.values.text("protocol")]), l.values.number("protocol_port")
	for _, version := range []string{"IPv4", "IPv6"} {
		six := version == "IPv6"
		if !b.has(six) || cidr != "" && isIPv6(cidr) != six {
			continue
		}
		rule := &securityRule{Direction: "ingress", EtherType: version, Protocol: &protocol, PortMin: &at, PortMax: &at}
		if cidr != "" {
			rule.RemotePrefix = &cidr
		}
		o.cloud.neutron.addRule(group, rule)
	}
}

// unplug takes it all away, and the VIP's port if Octavia made it.
func (o *octavia) unplug(b *loadBalancer) {
	n := o.cloud.neutron
	if p, found := n.ports.rows[b.plugged]; found {
		n.dropPort(p)
	}
	if p, found := n.ports.rows[b.vip.portID]; found {
		if b.vip.owned {
			n.dropPort(p)
		} else if slices.Contains(p.SecurityGroups, b.group) {
			p.SecurityGroups = lbWithout(p.SecurityGroups, b.group)
			p.touch()
		}
	}
	if group, found := n.groups.rows[b.group]; found {
		n.dropGroup(group)
	}
}

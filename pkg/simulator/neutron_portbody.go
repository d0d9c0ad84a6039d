package simulator

import (
	"net"
	"slices"
)

// What POST and PUT do to a port, as neutron/plugins/ml2/plugin.py has it
// (_portsec_ext_port_create_processing, _portsec_ext_port_update_processing).

type portBody struct {
	common
	NetworkID    *string        `json:"network_id"`
	AdminUp      *bool          `json:"admin_state_up"`
	MACAddress   *string        `json:"mac_address"`
	FixedIPs     *[]fixedIPWish `json:"fixed_ips"`
	DeviceID     *string        `json:"device_id"`
	DeviceOwner  *string        `json:"device_owner"`
	DNSName      *string        `json:"dns_name"`
	VNICType     *string        `json:"binding:vnic_type"`
	HostID       *string        `json:"binding:host_id"`
	PortSecurity *bool          `json:"port_security_enabled"`
	AddressPairs *[]addressPair `json:"allowed_address_pairs"`
	Groups       *[]string      `json:"security_groups"`
	Tags         *[]string      `json:"tags"`
}

// read decodes a body; null lists mean empty ones.
func (in *portBody) read(b body) error {
	if err := b.decode(in); err != nil {
		return err
	}
	if b.isNull("allowed_address_pairs") {
		in.AddressPairs = &[]addressPair{}
	}
	if b.isNull("security_groups") {
		in.Groups = &[]string{}
	}
	if in.MACAddress != nil {
		mac, err := net.ParseMAC(*in.MACAddress)
		if err != nil || len(mac) != 6 {
			return invalidInput("mac_address", "'%s' is not a valid MAC address", *in.MACAddress)
		}
	}
	if in.AddressPairs != nil {
		if err := checkPairs(b, *in.AddressPairs); err != nil {
			return err
		}
	}
	if in.Tags != nil {
		if reason := tagFault(*in.Tags); reason != "" {
			return invalidInput("tags", "%s", reason)
		}
	}
	return nil
}

// allowed holds what only the network's owner may set on a port.
func (in *portBody) allowed(n *neutron, c caller, networkID, rule string) error {
	if n.ownsNetwork(c, networkID) {
		return nil
	}
	switch {
	case in.AddressPairs != nil:
		return disallowedAttribute(rule, "allowed_address_pairs")
	case in.PortSecurity != nil:
		return disallowedAttribute(rule, "port_security_enabled")
	case in.MACAddress != nil:
		return disallowedAttribute(rule, "mac_address")
	case in.FixedIPs != nil && slices.ContainsFunc(*in.FixedIPs, func(w fixedIPWish) bool { return w.IPAddress != nil }):
		return disallowedAttribute(rule, "fixed_ips")
	}
	return nil
}

// apply sets what needs no check and no index.
func (in *portBody) apply(p *port) {
	in.describe(&p.attributes)
	assign(&p.AdminUp, in.AdminUp)
	assign(&p.DNSName, in.DNSName)
	assign(&p.VNICType, in.VNICType)
	assign(&p.HostID, in.HostID)
	assign(&p.PortSecurity, in.PortSecurity)
	assign(&p.SecurityGroups, in.Groups)
}

func (n *neutron) createPort(c caller, b body) (*port, error) {
	var in portBody
	if err := b.require("network_id"); err != nil {
		return nil, err
	}
	if err := in.read(b); err != nil {
		return nil, err
	}
	on, found := n.networks.rows[*in.NetworkID]
	if !found || !n.networks.sees(c, on) {
		return nil, n.networks.missing(*in.NetworkID)
	}
	a, err := in.start(c)
	if err != nil {
		return nil, err
	}
	if !c.owns(on) && !on.Shared {
		return nil, forbiddenNetwork(a.ProjectID, "port")
	}
	if err := in.allowed(n, c, on.ID, "create_port"); err != nil {
		return nil, err
	}
	p := &port{attributes: a, NetworkID: on.ID, AdminUp: true, Status: "DOWN", PortSecurity: on.PortSecurity}
	in.apply(p)
	assign(&p.MACAddress, in.MACAddress)
	assign(&p.DeviceID, in.DeviceID)
	assign(&p.DeviceOwner, in.DeviceOwner)
	if n.has("tag-ports-during-bulk-creation") {
		assign(&p.Tags, in.Tags)
	}
	assign(&p.AddressPairs, in.AddressPairs)
	if err := n.secureNew(p, in.Groups == nil); err != nil {
		return nil, err
	}
	return n.insertPort(p, in.FixedIPs)
}

// secureNew gives a new port the default group and checks port security's rules.
func (n *neutron) secureNew(p *port, noGroups bool) error {
	switch {
	case p.PortSecurity && noGroups && n.has("security-group"):
		p.SecurityGroups = []string{n.defaultGroup(p.ProjectID).ID}
	case !p.PortSecurity && len(p.AddressPairs) > 0:
		return errPairsNeedSecurity
	case !p.PortSecurity && len(p.SecurityGroups) > 0:
		return errGroupsNeedSecurity
	}
	if err := checkPairDuplicates(p.AddressPairs, p.MACAddress); err != nil {
		return err
	}
	return n.checkGroups(p.ProjectID, p.SecurityGroups)
}

func (n *neutron) updatePort(c caller, p *port, b body, match func() error) error {
	var in portBody
	if err := in.read(b); err != nil {
		return err
	}
	if err := in.allowed(n, c, p.NetworkID, "update_port"); err != nil {
		return err
	}
	if err := n.secureUpdated(p, &in); err != nil {
		return err
	}
	mac := p.MACAddress
	assign(&mac, in.MACAddress)
	if used, found := n.macs[macKey{p.NetworkID, mac}]; found && used != p.ID {
		return macInUse(macKey{p.NetworkID, mac})
	}
	if err := match(); err != nil {
		return err
	}
	if err := n.replaceAddresses(p, in.FixedIPs); err != nil {
		return err
	}
	n.setMAC(p, mac)
	in.replacePairs(p)
	id, owner := p.DeviceID, p.DeviceOwner
	assign(&id, in.DeviceID)
	assign(&owner, in.DeviceOwner)
	if id != p.DeviceID || owner != p.DeviceOwner {
		n.setDevice(p, id, owner)
	}
	in.apply(p)
	return nil
}

// replaceAddresses gives a port the addresses of a body, if it has any. A router's
// interface keeps its own.
func (n *neutron) replaceAddresses(p *port, wishes *[]fixedIPWish) error {
	switch {
	case wishes == nil:
		return nil
	case p.DeviceOwner == ownerInterface && n.has("l3-port-ip-change-not-allowed"):
		return badResource("ports", "IP updates for port %s are not allowed", p.ID)
	}
	return n.readdress(p, wishes)
}

// setMAC keeps the index by MAC address right.
func (n *neutron) setMAC(p *port, mac string) {
	delete(n.macs, macKey{p.NetworkID, p.MACAddress})
	n.macs[macKey{p.NetworkID, mac}] = p.ID
	p.MACAddress = mac
}

// replacePairs writes all pairs anew, which is a new revision unless the list is
// what Neutron would show.
func (in *portBody) replacePairs(p *port) {
	if in.AddressPairs == nil {
		return
	}
	if !slices.Equal(*in.AddressPairs, inOrder(p.AddressPairs)) {
		p.touch()
	}
	p.AddressPairs = withMAC(*in.AddressPairs, p.MACAddress)
}

// secureUpdated checks port security's rules for what a port will be.
func (n *neutron) secureUpdated(p *port, in *portBody) error {
	secure, pairs, groups := p.PortSecurity, p.AddressPairs, p.SecurityGroups
	assign(&secure, in.PortSecurity)
	assign(&pairs, in.AddressPairs)
	assign(&groups, in.Groups)
	switch {
	case !secure && len(pairs) > 0:
		return errPairsNeedSecurity
	case !secure && in.Groups != nil && len(groups) > 0:
		return errGroupsNeedSecurity
	case !secure && len(groups) > 0 && n.has("security-group"):
		return conflict("PortSecurityPortHasSecurityGroup",
			"Port has security group associated. Cannot disable port security or IP address until security group is removed.")
	}
	if in.AddressPairs != nil {
		if err := checkPairDuplicates(pairs, p.MACAddress); err != nil {
			return err
		}
	}
	if in.Groups == nil {
		return nil
	}
	return n.checkGroups(p.ProjectID, groups)
}

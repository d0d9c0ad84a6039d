package simulator

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
)

// Where a load balancer listens: _validate_vip_request_object in
// octavia/api/v2/controllers/load_balancer.py, and allocate_vip in
// octavia/network/drivers/neutron/allowed_address_pairs.py.

var errNoQoS = lbInvalid("VIP QoS policy is not allowed in this deployment.")

// chooseVIP finds the network, the subnet and, with a port, the address.
func (o *octavia) chooseVIP(c caller, b *loadBalancer, in lbBody) error {
	b.vip = lbVIP{
		address: in.text("vip_address"), portID: in.text("vip_port_id"),
		subnetID: in.text("vip_subnet_id"), networkID: in.text("vip_network_id"),
	}
	var err error
	switch v := &b.vip; {
	case v.portID != "":
		err = o.vipByPort(c, v)
	case v.networkID != "":
		err = o.vipByNetwork(c, v)
	case v.subnetID != "":
		var s *subnet
		if s, err = o.subnet(c, v.subnetID); err == nil {
			v.networkID = s.NetworkID
		}
	default:
		err = lbInvalid("VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.")
	}
	if err != nil {
		return err
	}
	if in.text("vip_qos_policy_id") != "" {
		return errNoQoS
	}
	if err := o.chooseAdditional(b, in.objects("additional_vips")); err != nil {
		return err
	}
	return o.checkSecurityGroups(c, in)
}

// subnet finds a subnet that the caller may use.
func (o *octavia) subnet(c caller, id string) (*subnet, error) {
	s, found := o.cloud.neutron.subnets.rows[id]
	if !found || !o.cloud.neutron.subnets.seenBy(c, s) {
		return nil, lbMissingPart("Subnet", id)
	}
	return s, nil
}

func (o *octavia) vipByPort(c caller, v *lbVIP) error {
	p, found := o.cloud.neutron.ports.rows[v.portID]
	switch {
	case !found || !o.cloud.neutron.ports.seenBy(c, p):
		return lbMissingPart("Port", v.portID)
	case p.DeviceID != "":
		return lbInvalid("Port %s is already used by device %s ", p.ID, p.DeviceID)
	}
	v.networkID = p.NetworkID
	switch {
	case v.subnetID != "":
		if _, err := o.subnet(c, v.subnetID); err != nil {
			return err
		}
		return v.onSubnet(p)
	case v.address != "":
		at := slices.IndexFunc(p.FixedIPs, func(ip fixedIP) bool { return parseAddress(ip.IPAddress) == parseAddress(v.address) })
		if at < 0 {
			return lbInvalid("Specified VIP address not found on the specified VIP port.")
		}
		v.subnetID = p.FixedIPs[at].SubnetID
	case len(p.FixedIPs) == 1:
		v.subnetID, v.address = p.FixedIPs[0].SubnetID, p.FixedIPs[0].IPAddress
	default:
		return lbInvalid("VIP port's subnet could not be determined. Please specify either a VIP subnet or address.")
	}
	return nil
}

// onSubnet takes the port's first address of the subnet.
func (v *lbVIP) onSubnet(p *port) error {
	at := slices.IndexFunc(p.FixedIPs, func(ip fixedIP) bool { return ip.SubnetID == v.subnetID })
	switch {
	case at >= 0:
		v.address = p.FixedIPs[at].IPAddress
	case v.address == "":
		return lbInvalid("No VIP address found on the specified VIP port within the specified subnet.")
	}
	return nil
}

// vipByNetwork takes the first subnet with room, IPv4 before IPv6, unless the
// body says which.
func (o *octavia) vipByNetwork(c caller, v *lbVIP) error {
	on, found := o.cloud.neutron.networks.rows[v.networkID]
	if !found || !o.cloud.neutron.networks.seenBy(c, on) {
		return lbMissingPart("Network", v.networkID)
	}
	if v.subnetID != "" {
		if !slices.Contains(on.SubnetIDs, v.subnetID) {
			return lbMissingPart("Subnet", v.subnetID)
		}
		return nil
	}
	subnets := o.cloud.neutron.subnetsOf(on.ID)
	if v.address != "" {
		at := slices.IndexFunc(subnets, func(s *subnet) bool { return s.CIDR.Contains(parseAddress(v.address)) })
		if at < 0 {
			return lbInvalid("Supplied network does not contain a subnet for VIP address specified.")
		}
		v.subnetID = subnets[at].ID
		return nil
	}
	if len(subnets) == 0 {
		return lbInvalid("Supplied network does not contain a subnet.")
	}
	at := max(slices.IndexFunc(subnets, func(s *subnet) bool { return s.CIDR.Addr().Is4() }), 0)
	v.subnetID = subnets[at].ID
	return nil
}

// chooseAdditional takes one more address a subnet, all of one network.
func (o *octavia) chooseAdditional(b *loadBalancer, wanted []lbBody) error {
	used := map[string]bool{b.vip.subnetID: true}
	for _, v := range wanted {
		if used[v.text("subnet_id")] {
			return lbInvalid("Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet.")
		}
		used[v.text("subnet_id")] = true
	}
	for _, v := range wanted {
		s, found := o.cloud.neutron.subnets.rows[v.text("subnet_id")]
		switch {
		case !found:
			return octaviaErrorf(http.StatusInternalServerError, "subnet not found (subnet id: %s).", v.text("subnet_id"))
		case s.NetworkID != b.vip.networkID:
			return lbInvalid("All VIP subnets must belong to the same network.")
		}
		b.additional = append(b.additional, lbVIP{address: v.text("ip_address"), subnetID: s.ID, networkID: s.NetworkID})
	}
	return nil
}

func (o *octavia) checkSecurityGroups(c caller, in lbBody) error {
	for _, id := range in.texts("vip_sg_ids") {
		g, found := o.cloud.neutron.groups.rows[id]
		if !found || !c.owns(g) {
			return lbMissingPart("Security Group", id)
		}
	}
	return nil
}

// createVIPPort makes the port in Neutron, or takes the one that is there. What
// Neutron refuses becomes an error of the driver without Neutron's words.
func (o *octavia) createVIPPort(b *loadBalancer) error {
	n := o.cloud.neutron
	if on := n.networks.rows[b.vip.networkID]; !on.PortSecurity && b.provider != providerOVN {
		return lbDriverError(b.provider, "Port security must be enabled on the VIP network.")
	}
	p, there := n.ports.rows[b.vip.portID]
	if !there {
		var err error
		if p, err = o.newVIPPort(b); err != nil {
			return lbDriverError(b.provider, neutronTitle(err))
		}
		b.vip.owned = true
	}
	b.vip.portID = p.ID
	fill := func(v *lbVIP) {
		for _, ip := range p.FixedIPs {
			if ip.SubnetID == v.subnetID && (v.address == "" || parseAddress(v.address) == parseAddress(ip.IPAddress)) {
				v.address = ip.IPAddress
			}
		}
	}
	fill(&b.vip)
	for i := range b.additional {
		fill(&b.additional[i])
	}
	return nil
}

func (o *octavia) newVIPPort(b *loadBalancer) (*port, error) {
	n := o.cloud.neutron
	if err := n.checkQuota("port", b.ProjectID, n.ports.owned[b.ProjectID], 1); err != nil {
		return nil, err
	}
	wishes := []fixedIPWish{}
	for _, v := range append([]lbVIP{b.vip}, b.additional...) {
		wish := fixedIPWish{SubnetID: &v.subnetID}
		if v.address != "" {
			wish.IPAddress = &v.address
		}
		wishes = append(wishes, wish)
	}
	p := &port{
		attributes: attributes{Name: "octavia-lb-" + b.ID, ProjectID: b.ProjectID}, NetworkID: b.vip.networkID,
		Status: "DOWN", DeviceID: "lb-" + b.ID, DeviceOwner: "Octavia", PortSecurity: n.networks.rows[b.vip.networkID].PortSecurity,
	}
	if b.provider == providerOVN {
		// ovn_octavia_provider/helper.py create_vip_port.
		p.Name, p.AdminUp, p.DeviceID, p.DeviceOwner = "ovn-lb-vip-"+b.ID, true, "", ""
	}
	if b.provider != providerOVN {
		p.SecurityGroups = b.values.texts("vip_sg_ids")
	}
	if p.PortSecurity && len(p.SecurityGroups) == 0 && n.has("security-group") {
		p.SecurityGroups = []string{n.defaultGroup(b.ProjectID).ID}
	}
	made, err := n.insertPort(p, &wishes)
	if err != nil {
		return nil, err
	}
	order := func(ip fixedIP) int {
		return slices.IndexFunc(wishes, func(w fixedIPWish) bool { return *w.SubnetID == ip.SubnetID })
	}
	made.FixedIPs = slices.SortedStableFunc(slices.Values(made.FixedIPs), func(a, b fixedIP) int { return order(a) - order(b) })
	return made, nil
}

// neutronTitle is what the SDK's exception says of a refusal: its name and status.
func neutronTitle(err error) string {
	var known *neutronError
	if !errors.As(err, &known) {
		return err.Error()
	}
	switch known.status {
	case http.StatusBadRequest:
		return "BadRequestException: 400"
	case http.StatusNotFound:
		return "NotFoundException: 404"
	case http.StatusConflict:
		return "ConflictException: 409"
	}
	return "HttpException: " + http.StatusText(known.status)
}

// families tells which IP versions a load balancer has addresses of.
func (b *loadBalancer) families() (v4, v6 bool) {
	for _, v := range append([]lbVIP{b.vip}, b.additional...) {
		address := parseAddress(v.address)
		v4, v6 = v4 || address.Is4(), v6 || address.Is6()
	}
	return v4, v6
}

// isIPv6 tells the version of an address or prefix.
func isIPv6(text string) bool {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Addr().Is6()
	}
	return parseAddress(text).Is6()
}

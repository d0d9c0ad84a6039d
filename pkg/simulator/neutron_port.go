package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Ports as neutron/plugins/ml2/plugin.py, neutron/db/db_base_plugin_v2.py and
// neutron/conf/policies/port.py have them.

// The device owners that mean something to Neutron itself (neutron_lib/constants.py).
const (
	ownerInterface = "network:router_interface"
	ownerGateway   = "network:router_gateway"
	ownerFloating  = "network:floatingip"
	ownerDHCP      = "network:dhcp"
	ownerSubport   = "trunk:subport"
)

// port is a NIC on a network. Its slices are never changed in place.
type port struct {
	attributes
	NetworkID, MACAddress, Status string
	DeviceID, DeviceOwner         string
	DNSName, VNICType, HostID     string
	AdminUp, PortSecurity         bool
	// older ports were there before the server that has them.
	older          bool
	FixedIPs       []fixedIP
	AddressPairs   []addressPair
	SecurityGroups []string
}

type macKey struct{ network, mac string }

func (n *neutron) portKind() *kind[*port] {
	k := &kind[*port]{
		n: n, singular: "port", plural: "ports", path: "ports", quota: "port", firstRevision: 1,
		notFound: "PortNotFound", notFoundMessage: "Port %s could not be found.",
		sees:    func(c caller, v *port) bool { return c.owns(v) || n.ownsNetwork(c, v.NetworkID) },
		changes: func(c caller, v *port) bool { return n.ownsNetwork(c, v.NetworkID) },
		create:  n.createPort, update: n.updatePort, blocked: n.portInUse, drop: n.dropPort,
	}
	k.attributes = standard(slices.Concat(n.portAttributes(), n.portExtensions())...)
	return k
}

func (n *neutron) portAttributes() []attribute[*port] {
	const set = inPost | inPut | inFilter
	return []attribute[*port]{
		named[*port](), tagged[*port](inPost),
		{name: "network_id", use: inPost | inFilter, value: func(v *port) any { return v.NetworkID }},
		{name: "admin_state_up", use: set, value: func(v *port) any { return v.AdminUp }},
		{name: "status", use: inFilter, value: func(v *port) any { return v.Status }},
		{
			name: "mac_address", use: set, value: func(v *port) any { return v.MACAddress },
			matches: func(v *port, wanted []string) bool {
				return slices.ContainsFunc(wanted, func(mac string) bool { return strings.EqualFold(mac, v.MACAddress) })
			},
		},
		{
			name: "fixed_ips", use: set | unsorted, value: func(v *port) any { return list(v.FixedIPs) },
			matches: n.matchFixedIPs,
		},
		{name: "device_id", use: set, value: func(v *port) any { return v.DeviceID }},
		{name: "device_owner", use: set, value: func(v *port) any { return v.DeviceOwner }},
	}
}

func (n *neutron) portExtensions() []attribute[*port] {
	const set = inPost | inPut | inFilter
	return []attribute[*port]{
		{
			name: "security_groups", use: set | mayBeNull | unsorted, extension: "security-group",
			value: func(v *port) any { return list(v.SecurityGroups) },
			matches: func(v *port, wanted []string) bool {
				return slices.ContainsFunc(wanted, func(id string) bool { return slices.Contains(v.SecurityGroups, id) })
			},
		},
		{
			name: "allowed_address_pairs", use: inPost | inPut | mayBeNull | unsorted, extension: "allowed-address-pairs",
			value: func(v *port) any { return list(inOrder(v.AddressPairs)) },
		},
		{
			name: "port_security_enabled", use: inPost | inPut, extension: "port-security",
			value: func(v *port) any { return v.PortSecurity },
		},
		{name: "dns_name", use: inPost | inPut, extension: "dns-integration", value: func(v *port) any { return v.DNSName }},
		{
			name: "dns_assignment", use: unsorted, extension: "dns-integration",
			value: func(v *port) any { return v.dnsAssignment() },
		},
		{name: "extra_dhcp_opts", use: unsorted, value: func(*port) any { return []any{} }},
		{name: "binding:vnic_type", use: set, extension: "binding", value: func(v *port) any { return v.VNICType }},
		{
			name: "binding:host_id", use: set | adminOnly, extension: "binding",
			value: func(v *port) any { return v.HostID },
		},
		{
			name: "trunk_details", use: unsorted, extension: "trunk-details",
			value: func(v *port) any { return n.trunkDetails(v) },
		},
	}
}

// ownsNetwork is the rule network_owner.
func (n *neutron) ownsNetwork(c caller, networkID string) bool {
	v, found := n.networks.rows[networkID]
	return found && c.owns(v)
}

// matchFixedIPs filters by ip_address=, subnet_id= and ip_address_substr=: one
// and the same address must satisfy all of the names given, each by any of its
// values (neutron/db/db_base_plugin_v2.py _get_ports_query joins the allocations once).
func (n *neutron) matchFixedIPs(v *port, wanted []string) bool {
	by := map[string][]string{}
	for _, text := range wanted {
		name, value, _ := strings.Cut(text, "=")
		by[name] = append(by[name], value)
	}
	holds := func(name, value string, compare func(value, wanted string) bool) bool {
		values, given := by[name]
		return !given || slices.ContainsFunc(values, func(wanted string) bool { return compare(value, wanted) })
	}
	same := func(value, wanted string) bool { return value == wanted }
	return slices.ContainsFunc(v.FixedIPs, func(ip fixedIP) bool {
		return holds("ip_address", ip.IPAddress, same) &&
			holds("subnet_id", ip.SubnetID, same) &&
			holds("ip_address_substr", ip.IPAddress, strings.Contains)
	})
}

func (p *port) dnsAssignment() []map[string]string {
	names := make([]map[string]string, 0, len(p.FixedIPs))
	for _, ip := range p.FixedIPs {
		host := p.DNSName
		if host == "" {
			host = "host-" + strings.NewReplacer(".", "-", ":", "-").Replace(ip.IPAddress)
		}
		names = append(names, map[string]string{
			"hostname": host, "ip_address": ip.IPAddress, "fqdn": host + ".openstacklocal.",
		})
	}
	return names
}

// newMAC makes an address within the option base_mac that no port of a network has.
func (n *neutron) newMAC(networkID string) string {
	for {
		n.lastMAC++
		mac := fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", byte(n.lastMAC>>16), byte(n.lastMAC>>8), byte(n.lastMAC))
		if _, used := n.macs[macKey{networkID, mac}]; !used {
			return mac
		}
	}
}

// insertPort gives a port its addresses and adds it: of three callers, the API,
// Nova and the router, none may see a half-made port.
func (n *neutron) insertPort(p *port, wishes *[]fixedIPWish) (*port, error) {
	p.ID = newID()
	if p.MACAddress == "" {
		p.MACAddress = n.newMAC(p.NetworkID)
	}
	key := macKey{p.NetworkID, p.MACAddress}
	if _, used := n.macs[key]; used {
		return nil, macInUse(key)
	}
	if p.VNICType == "" {
		p.VNICType = "normal"
	}
	if err := n.readdress(p, wishes); err != nil {
		return nil, err
	}
	p.AddressPairs = withMAC(p.AddressPairs, p.MACAddress)
	n.macs[key] = p.ID
	n.setDevice(p, p.DeviceID, p.DeviceOwner)
	return n.ports.add(p), nil
}

func macInUse(key macKey) error {
	return conflict("MacAddressInUse", "Unable to complete operation for network %s. The mac address %s is in use.",
		key.network, key.mac)
}

// setDevice keeps the index by device right.
func (n *neutron) setDevice(p *port, id, owner string) {
	others := slices.DeleteFunc(n.devices[p.DeviceID], func(o *port) bool { return o == p })
	if len(others) == 0 {
		delete(n.devices, p.DeviceID)
	} else {
		n.devices[p.DeviceID] = others
	}
	p.DeviceID, p.DeviceOwner = id, owner
	if id != "" {
		n.devices[id] = append(n.devices[id], p)
	}
}

// portInUse: ports of routers and floating IPs go with those, as long as they
// exist (neutron/db/l3_db.py prevent_l3_port_deletion); trunks hold theirs.
func (n *neutron) portInUse(_ caller, p *port) error {
	held := false
	switch p.DeviceOwner {
	case ownerInterface, ownerGateway:
		_, held = n.routers.rows[p.DeviceID]
	case ownerFloating:
		_, held = n.floatingIPs.rows[p.DeviceID]
	case ownerSubport:
		if _, found := n.trunks.rows[p.DeviceID]; found {
			return conflict("PortInUseAsSubPort", "Port %s is currently a subport for trunk %s.", p.ID, p.DeviceID)
		}
	}
	if held {
		return conflict("ServicePortInUse", "Port %s cannot be deleted directly via the port API: has device owner %s.",
			p.ID, p.DeviceOwner)
	}
	if t, found := n.parents[p.ID]; found {
		return conflict("PortInUseAsTrunkParent", "Port %s is currently a parent port for trunk %s.", p.ID, t.ID)
	}
	return nil
}

// dropPort removes a port; floating IPs on it are free again.
func (n *neutron) dropPort(p *port) {
	for _, f := range slices.Clone(n.behind[p.ID]) {
		n.bind(f, association{})
		f.touch()
	}
	if t, found := n.parents[p.ID]; found {
		n.dropTrunk(t)
	}
	n.forgetAddresses(p)
	delete(n.macs, macKey{p.NetworkID, p.MACAddress})
	n.setDevice(p, "", "")
	n.ports.take(p)
}

func (n *neutron) forgetAddresses(p *port) {
	for _, ip := range p.FixedIPs {
		if s, found := n.subnets.rows[ip.SubnetID]; found {
			s.release(parseAddress(ip.IPAddress))
		}
	}
}

// forbiddenNetwork is the refusal of a port or subnet on another project's network
// (neutron/pecan_wsgi/hooks/ownership_validation.py).
func forbiddenNetwork(project, what string) error {
	return &neutronError{
		http.StatusForbidden, "HTTPForbidden",
		fmt.Sprintf("Tenant %s not allowed to create %s on this network", project, what),
	}
}

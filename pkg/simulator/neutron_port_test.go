package simulator_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	"pgregory.net/rapid"

	"underlay/pkg/simulator"
)

func pairsOf(pairs ...string) *[]ports.AddressPair {
	list := []ports.AddressPair{}
	for _, text := range pairs {
		ip, mac, _ := strings.Cut(text, " ")
		list = append(list, ports.AddressPair{IPAddress: ip, MACAddress: mac})
	}
	return &list
}

func TestPortAddresses(t *testing.T) {
	b := newBench(t, simulator.Options{})
	wish := func(subnet, address string) ports.IP { return ports.IP{SubnetID: subnet, IPAddress: address} }
	for _, tc := range []struct {
		name  string
		fixed any
		want  []string
		fault fault
	}{
		{name: "one of each family", want: []string{"10.0.0.2", "fd00:1::2"}},
		{name: "none", fixed: []ports.IP{}, want: nil},
		{name: "of a subnet", fixed: []ports.IP{wish(b.subnet6(), "")}, want: []string{"fd00:1::3"}},
		{name: "named", fixed: []ports.IP{wish("", "10.0.0.50")}, want: []string{"10.0.0.50"}},
		{name: "named with subnet", fixed: []ports.IP{wish(b.subnet4(), "10.0.0.51")}, want: []string{"10.0.0.51"}},
		{name: "two of a subnet", fixed: []ports.IP{wish(b.subnet4(), ""), wish(b.subnet4(), "")}, want: []string{"10.0.0.3", "10.0.0.4"}},
		{
			name: "taken", fixed: []ports.IP{wish("", "10.0.0.1")},
			fault: fault{409, "IpAddressAlreadyAllocated", "IP address 10.0.0.1 already allocated in subnet " + b.subnet4()},
		},
		{
			name: "outside the network", fixed: []ports.IP{wish("", "10.1.0.1")},
			fault: fault{400, "InvalidIpForNetwork", "IP address 10.1.0.1 is not a valid IP for any of the subnets on the specified network."},
		},
		{
			name: "outside the subnet", fixed: []ports.IP{wish(b.subnet6(), "10.0.0.60")},
			fault: fault{400, "InvalidIpForSubnet", "IP address 10.0.0.60 is not a valid IP for the specified subnet."},
		},
		{
			name: "broadcast", fixed: []ports.IP{wish(b.subnet4(), "10.0.0.255")},
			fault: fault{400, "InvalidIpForSubnet", "IP address 10.0.0.255 is not a valid IP for the specified subnet."},
		},
		{
			name: "twice", fixed: []ports.IP{wish("", "10.0.0.70"), wish("", "10.0.0.70")},
			fault: fault{400, "HTTPBadRequest", "Invalid input for fixed_ips. Reason: Duplicate IP address '10.0.0.70'."},
		},
		{
			name: "no address", fixed: []ports.IP{wish("", "node")},
			fault: fault{400, "HTTPBadRequest", "Invalid input for fixed_ips. Reason: 'node' is not a valid IP address."},
		},
		{
			name: "a subnet of another network", fixed: []ports.IP{wish(b.external.SubnetIDs[0], "")},
			fault: fault{400, "InvalidInput", "Invalid input for operation: Failed to create port on network " + b.network.ID +
				", because fixed_ips included invalid subnet " + b.external.SubnetIDs[0] + "."},
		},
		{
			name: "no such subnet", fixed: []ports.IP{wish("nowhere", "")},
			fault: fault{404, "SubnetNotFound", "Subnet nowhere could not be found."},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: b.network.ID, FixedIPs: tc.fixed}).Extract()
			if tc.fault.Status != 0 {
				if diff := cmp.Diff(tc.fault, faultOf(t, err)); diff != "" {
					t.Errorf("refusal (-want +got):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatalf("create port: %v", err)
			}
			if diff := cmp.Diff(tc.want, addresses(got)); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPortDefaults(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{Name: "p"})
	if p.Status != "DOWN" || !p.AdminStateUp || p.DeviceID != "" || len(p.SecurityGroups) != 1 || p.RevisionNumber != 1 {
		t.Errorf("got port %+v", p)
	}
	if !strings.HasPrefix(p.MACAddress, "fa:16:3e:") {
		t.Errorf("got MAC address %s", p.MACAddress)
	}
	if !b.cloud.Port(p.ID).PortSecurity {
		t.Error("a port of a network with port security has none")
	}
	_, err := ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: b.network.ID, MACAddress: p.MACAddress}).Extract()
	wantFault(t, err, 409, "MacAddressInUse")
	_, err = ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: b.network.ID, MACAddress: "no"}).Extract()
	wantFault(t, err, 400, "HTTPBadRequest")
}

func TestPortUpdate(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{})
	update := func(opts ports.UpdateOpts) (*ports.Port, error) {
		return ports.Update(t.Context(), b.client, p.ID, opts).Extract()
	}
	// The address that stays is not allocated anew; the one that goes is free for others.
	got, err := update(ports.UpdateOpts{FixedIPs: []ports.IP{{SubnetID: b.subnet4(), IPAddress: "10.0.0.2"}, {SubnetID: b.subnet4()}}})
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	if diff := cmp.Diff([]string{"10.0.0.2", "10.0.0.3"}, addresses(got)); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	if other := b.port(ports.CreateOpts{}); !slices.Contains(addresses(other), "fd00:1::2") {
		t.Errorf("got addresses %v, want the one that was given back", addresses(other))
	}
	// What fails leaves the port and the addresses as they were.
	_, err = update(ports.UpdateOpts{FixedIPs: []ports.IP{{IPAddress: "10.0.0.80"}, {IPAddress: "10.0.0.1"}}})
	wantFault(t, err, 409, "IpAddressAlreadyAllocated")
	if after := b.cloud.Port(p.ID); len(after.FixedIPs) != 2 || after.FixedIPs[1].Address != "10.0.0.3" {
		t.Errorf("a refused update changed the port: %+v", after)
	}
	if other := b.port(ports.CreateOpts{FixedIPs: []ports.IP{{IPAddress: "10.0.0.80"}}}); addresses(other)[0] != "10.0.0.80" {
		t.Errorf("a refused update kept an address: %+v", other)
	}
	if got, err = update(ports.UpdateOpts{DeviceID: value("dev"), DeviceOwner: value("compute:nova"), Name: value("n")}); err != nil ||
		got.DeviceID != "dev" || got.DeviceOwner != "compute:nova" || got.Name != "n" {
		t.Errorf("got port %+v, %v", got, err)
	}
	if got, err = update(ports.UpdateOpts{MACAddress: value("fa:16:3e:ff:ff:01")}); err != nil || got.MACAddress != "fa:16:3e:ff:ff:01" {
		t.Errorf("got port %+v, %v", got, err)
	}
	if err := ports.Delete(t.Context(), b.client, p.ID).ExtractErr(); err != nil {
		t.Errorf("delete: %v", err)
	}
	wantFault(t, ports.Delete(t.Context(), b.client, p.ID).ExtractErr(), 404, "PortNotFound")
}

func TestAddressesRunOut(t *testing.T) {
	b := newBench(t, simulator.Options{})
	tiny := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "tiny", Subnets: []string{"10.9.0.0/30"}})
	first := b.port(ports.CreateOpts{NetworkID: tiny.ID})
	_, err := ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: tiny.ID}).Extract()
	want := fault{409, "IpAddressGenerationFailure", "No more IP addresses available on network " + tiny.ID + "."}
	if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	if err := ports.Delete(t.Context(), b.client, first.ID).ExtractErr(); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if again := b.port(ports.CreateOpts{NetworkID: tiny.ID}); addresses(again)[0] != "10.9.0.2" {
		t.Errorf("got %v, want the freed address", addresses(again))
	}
}

// Neutron's own DHCP ports keep neither subnet nor network; a port that only
// claims to be a router's can be deleted.
func TestPortsThatHoldNothing(t *testing.T) {
	b := newBench(t, simulator.Options{})
	lan := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "lan", Subnets: []string{"10.7.0.0/24", "10.8.0.0/24"}})
	for range 20 {
		b.port(ports.CreateOpts{NetworkID: lan.ID, DeviceOwner: "network:dhcp"})
	}
	dhcp := b.port(ports.CreateOpts{NetworkID: lan.ID, DeviceOwner: "network:dhcp", FixedIPs: []ports.IP{
		{SubnetID: lan.SubnetIDs[0]}, {SubnetID: lan.SubnetIDs[1]},
	}})
	if err := subnets.Delete(t.Context(), b.client, lan.SubnetIDs[0]).ExtractErr(); err != nil {
		t.Fatalf("delete subnet: %v", err)
	}
	if p := b.cloud.Port(dhcp.ID); len(p.FixedIPs) != 1 || p.FixedIPs[0].SubnetID != lan.SubnetIDs[1] {
		t.Errorf("got addresses %+v, want none of the subnet that has gone", p.FixedIPs)
	}
	if err := networks.Delete(t.Context(), b.client, lan.ID).ExtractErr(); err != nil {
		t.Fatalf("delete network: %v", err)
	}
	for _, p := range b.cloud.Ports() {
		if p.NetworkID == lan.ID {
			t.Errorf("port %s outlives its network", p.ID)
		}
	}
	for _, owner := range []string{"network:router_interface", "network:floatingip", "trunk:subport"} {
		p := b.port(ports.CreateOpts{DeviceOwner: owner, DeviceID: "none"})
		if err := ports.Delete(t.Context(), b.client, p.ID).ExtractErr(); err != nil {
			t.Errorf("delete a port with owner %s and no device: %v", owner, err)
		}
	}
}

func TestSubnets(t *testing.T) {
	b := newBench(t, simulator.Options{})
	lan, err := networks.Create(t.Context(), b.client, networks.CreateOpts{Name: "lan"}).Extract()
	if err != nil {
		t.Fatalf("create network: %v", err)
	}
	four, err := subnets.Create(t.Context(), b.client, subnets.CreateOpts{
		NetworkID: lan.ID, IPVersion: 4, CIDR: "192.168.0.0/24", DNSNameservers: []string{"9.9.9.9"},
		AllocationPools: []subnets.AllocationPool{{Start: "192.168.0.20", End: "192.168.0.21"}},
	}).Extract()
	if err != nil {
		t.Fatalf("create subnet: %v", err)
	}
	if four.GatewayIP != "192.168.0.1" || !four.EnableDHCP || four.AllocationPools[0].End != "192.168.0.21" || four.DNSNameservers[0] != "9.9.9.9" {
		t.Errorf("got subnet %+v", four)
	}
	slaac, err := subnets.Create(t.Context(), b.client, subnets.CreateOpts{
		NetworkID: lan.ID, IPVersion: 6, CIDR: "2001:db8::/64", IPv6AddressMode: "slaac", IPv6RAMode: "slaac",
	}).Extract()
	if err != nil {
		t.Fatalf("create IPv6 subnet: %v", err)
	}
	p := b.port(ports.CreateOpts{NetworkID: lan.ID, MACAddress: "fa:16:3e:12:34:56"})
	if diff := cmp.Diff([]string{"192.168.0.20", "2001:db8::f816:3eff:fe12:3456"}, addresses(p)); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	shown, err := networks.Get(t.Context(), b.client, lan.ID).Extract()
	if err != nil || !slices.Equal(shown.Subnets, []string{four.ID, slaac.ID}) {
		t.Errorf("got subnets %v, %v", shown.Subnets, err)
	}
	for name, opts := range map[string]subnets.CreateOpts{
		"overlap":         {NetworkID: lan.ID, IPVersion: 4, CIDR: "192.168.0.128/25"},
		"family":          {NetworkID: lan.ID, IPVersion: 4, CIDR: "2001:db8:1::/64"},
		"no range":        {NetworkID: lan.ID, IPVersion: 4, CIDR: "pods"},
		"too small":       {NetworkID: lan.ID, IPVersion: 4, CIDR: "10.5.0.0/31"},
		"multicast":       {NetworkID: lan.ID, IPVersion: 4, CIDR: "224.5.0.0/24"},
		"broadcast":       {NetworkID: lan.ID, IPVersion: 4, CIDR: "10.5.0.0/24", GatewayIP: value("10.5.0.255")},
		"IPv6 mode":       {NetworkID: lan.ID, IPVersion: 4, CIDR: "10.5.0.0/24", IPv6RAMode: "slaac"},
		"pool outside":    {NetworkID: lan.ID, IPVersion: 4, CIDR: "10.5.0.0/24", AllocationPools: []subnets.AllocationPool{{Start: "10.6.0.2", End: "10.6.0.3"}}},
		"pool backwards":  {NetworkID: lan.ID, IPVersion: 4, CIDR: "10.5.0.0/24", AllocationPools: []subnets.AllocationPool{{Start: "10.5.0.9", End: "10.5.0.3"}}},
		"gateway no IP":   {NetworkID: lan.ID, IPVersion: 4, CIDR: "10.5.0.0/24", GatewayIP: value("gw")},
		"gateway in pool": {NetworkID: lan.ID, IPVersion: 4, CIDR: "10.5.0.0/24", GatewayIP: value("10.5.0.5"), AllocationPools: []subnets.AllocationPool{{Start: "10.5.0.2", End: "10.5.0.9"}}},
	} {
		_, err := subnets.Create(t.Context(), b.client, opts).Extract()
		if got := faultOf(t, err); got.Status != 400 && got.Type != "GatewayConflictWithAllocationPools" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	wantFault(t, subnets.Delete(t.Context(), b.client, four.ID).ExtractErr(), 409, "SubnetInUse")
	if err := ports.Delete(t.Context(), b.client, p.ID).ExtractErr(); err != nil {
		t.Fatalf("delete port: %v", err)
	}
	renamed, err := subnets.Update(t.Context(), b.client, four.ID, subnets.UpdateOpts{Name: value("four"), GatewayIP: value("")}).Extract()
	if err != nil || renamed.Name != "four" || renamed.GatewayIP != "" {
		t.Errorf("got subnet %+v, %v", renamed, err)
	}
	if err := subnets.Delete(t.Context(), b.client, four.ID).ExtractErr(); err != nil {
		t.Errorf("delete subnet: %v", err)
	}
}

func TestAddressPairs(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{})
	set := func(pairs *[]ports.AddressPair) (*ports.Port, error) {
		return ports.Update(t.Context(), b.client, p.ID, ports.UpdateOpts{AllowedAddressPairs: pairs}).Extract()
	}
	ten := []string{}
	for i := range 10 {
		ten = append(ten, fmt.Sprintf("10.244.%d.0/24", i))
	}
	for _, tc := range []struct {
		name  string
		pairs []string
		want  fault
	}{
		{"ten", ten, fault{}},
		{"two instead", []string{"10.244.0.0/24", "FD00:244::/64"}, fault{}},
		{"an address", []string{"10.244.0.9"}, fault{}},
		{"by MAC addresses", []string{"10.244.0.0/24", "10.244.0.0/24 fa:16:3e:00:00:99"}, fault{}},
		{"eleven", append(ten, "10.245.0.0/24"), fault{400, "AllowedAddressPairExhausted", "The number of allowed address pair exceeds the maximum 10."}},
		{"twice", []string{"10.244.0.0/24", "10.244.0.0/24"}, fault{400, "DuplicateAddressPairInRequest", "Request contains duplicate address pair: mac_address None ip_address 10.244.0.0/24."}},
		{
			"twice by the port's own MAC address", []string{"10.244.0.0/24", "10.244.0.0/24 " + p.MACAddress},
			fault{400, "DuplicateAddressPairInRequest", "Request contains duplicate address pair: mac_address " + p.MACAddress + " ip_address 10.244.0.0/24."},
		},
		{"no address", []string{"pods"}, fault{400, "HTTPBadRequest", "'pods' is not a valid IP address"}},
		{"no range", []string{"10.244.0.0/99"}, fault{400, "HTTPBadRequest", "'10.244.0.0/99' is not a valid IP subnet"}},
		{"multicast", []string{"224.0.0.1"}, fault{}},
		{"no MAC address", []string{"10.244.0.0/24 mac"}, fault{400, "HTTPBadRequest", "'mac' is not a valid MAC address"}},
		{"cleared", nil, fault{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := b.cloud.Port(p.ID)
			got, err := set(pairsOf(tc.pairs...))
			if tc.want.Status != 0 {
				if diff := cmp.Diff(tc.want, faultOf(t, err)); diff != "" {
					t.Errorf("refusal (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(before, b.cloud.Port(p.ID)); diff != "" {
					t.Errorf("a refused update changed the port (-before +after):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatalf("update: %v", err)
			}
			// The list is replaced, kept as it was spelt, and the port's MAC address filled in.
			want := *pairsOf(tc.pairs...)
			for i := range want {
				if want[i].MACAddress == "" {
					want[i].MACAddress = p.MACAddress
				}
			}
			if diff := cmp.Diff(want, got.AllowedAddressPairs, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("pairs (-want +got):\n%s", diff)
			}
		})
	}
	for name, sent := range map[string]any{
		"AllowedAddressPairsMissingIP": []any{map[string]any{"mac_address": p.MACAddress}},
		"HTTPBadRequest":               []any{map[string]any{"ip_address": "10.0.0.1", "vlan": 7}},
	} {
		_, err := b.call(b.client, "PUT", "ports/"+p.ID, map[string]any{"port": map[string]any{"allowed_address_pairs": sent}}, nil)
		wantFault(t, err, 400, name)
	}
	if _, err := b.call(b.client, "PUT", "ports/"+p.ID, map[string]any{"port": map[string]any{"allowed_address_pairs": nil}}, nil); err != nil {
		t.Errorf("null is an empty list: %v", err)
	}
}

// Pairs and groups need port security; it is turned off only without both.
func TestPortSecurity(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{AllowedAddressPairs: *pairsOf("10.244.0.0/24")})
	put := func(attributes map[string]any) error {
		_, err := b.call(b.client, "PUT", "ports/"+p.ID, map[string]any{"port": attributes}, nil)
		return err
	}
	off := map[string]any{"port_security_enabled": false}
	wantFault(t, put(off), 409, "AddressPairAndPortSecurityRequired")
	if err := put(map[string]any{"allowed_address_pairs": []any{}}); err != nil {
		t.Fatalf("clear pairs: %v", err)
	}
	wantFault(t, put(off), 409, "PortSecurityPortHasSecurityGroup")
	if err := put(map[string]any{"port_security_enabled": false, "security_groups": []any{}}); err != nil {
		t.Fatalf("turn off: %v", err)
	}
	pair := []any{map[string]any{"ip_address": "10.244.0.0/24"}}
	wantFault(t, put(map[string]any{"allowed_address_pairs": pair}), 409, "AddressPairAndPortSecurityRequired")
	wantFault(t, put(map[string]any{"security_groups": []any{"x"}}), 400, "PortSecurityAndIPRequiredForSecurityGroups")
	if err := put(map[string]any{"port_security_enabled": true, "allowed_address_pairs": pair}); err != nil {
		t.Errorf("turn on with pairs: %v", err)
	}

	open := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "open", Subnets: []string{"10.8.0.0/24"}, PortSecurity: value(false)})
	free := b.port(ports.CreateOpts{NetworkID: open.ID})
	if b.cloud.Port(free.ID).PortSecurity || len(free.SecurityGroups) != 0 {
		t.Errorf("got port %+v on a network without port security", free)
	}
	_, err := ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: open.ID, AllowedAddressPairs: *pairsOf("10.244.0.0/24")}).Extract()
	wantFault(t, err, 409, "AddressPairAndPortSecurityRequired")
	_, err = ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: open.ID, SecurityGroups: &[]string{"x"}}).Extract()
	wantFault(t, err, 400, "PortSecurityAndIPRequiredForSecurityGroups")
}

// A bulk request makes all or nothing.
func TestBulkPorts(t *testing.T) {
	b := newBench(t, simulator.Options{})
	post := func(items ...map[string]any) (map[string]any, error) {
		return b.call(b.client, "POST", "ports", map[string]any{"ports": items}, nil)
	}
	one := map[string]any{"network_id": b.network.ID, "name": "one", "tags": []string{"a"}}
	two := map[string]any{"network_id": b.network.ID, "name": "two"}
	got, err := post(one, two)
	if err != nil {
		t.Fatalf("bulk: %v", err)
	}
	if names := []any{at(got, "ports", 0, "name"), at(got, "ports", 1, "name")}; !slices.Equal(names, []any{"one", "two"}) {
		t.Errorf("got ports %v", names)
	}
	if tag := at(got, "ports", 0, "tags", 0); tag != nil {
		t.Errorf("got tag %v without the driver that keeps it", tag)
	}
	b.cloud.SetExtension("tag-ports-during-bulk-creation", true)
	if got, err = post(one); err != nil || at(got, "ports", 0, "tags", 0) != "a" {
		t.Errorf("got tags %v, %v, want them kept", at(got, "ports", 0, "tags"), err)
	}
	before := len(b.cloud.Ports())
	_, err = post(two, map[string]any{"network_id": b.network.ID, "fixed_ips": []any{map[string]any{"ip_address": "10.0.0.1"}}})
	wantFault(t, err, 409, "IpAddressAlreadyAllocated")
	if after := len(b.cloud.Ports()); after != before {
		t.Errorf("a refused bulk request left %d ports", after-before)
	}
	_, err = post()
	wantFault(t, err, 400, "HTTPBadRequest")
}

// Whatever happens to ports, no address is on two of them, and all are free in the end.
func TestAddressesAreNeverShared(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := simulator.New(simulator.Options{})
		lan := c.AddNetwork(simulator.NetworkSpec{Name: "n", Subnets: []string{"10.0.0.0/28", "fd00::/124"}})
		var ids []string
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch action := rapid.IntRange(0, 2).Draw(rt, "action"); {
			case action == 0 && len(ids) < 12:
				ids = append(ids, c.AddPort(simulator.PortSpec{NetworkID: lan.ID}))
			case action == 1 && len(ids) > 0:
				at := rapid.IntRange(0, len(ids)-1).Draw(rt, "port")
				c.DeletePort(ids[at])
				ids = slices.Delete(ids, at, at+1)
			case len(ids) > 0:
				at := rapid.IntRange(0, len(ids)-1).Draw(rt, "port")
				c.SetPortFixedIPs(ids[at])
			}
			seen := map[string]bool{}
			for _, p := range c.Ports() {
				for _, ip := range p.FixedIPs {
					if seen[ip.Address] {
						rt.Fatalf("%s is on two ports", ip.Address)
					}
					seen[ip.Address] = true
					if a := netip.MustParseAddr(ip.Address); !netip.MustParsePrefix("10.0.0.0/28").Contains(a) && !netip.MustParsePrefix("fd00::/124").Contains(a) {
						rt.Fatalf("%s is outside the subnets", ip.Address)
					}
				}
			}
		}
		for _, id := range ids {
			c.DeletePort(id)
		}
		if p := c.Port(c.AddPort(simulator.PortSpec{NetworkID: lan.ID})); p.FixedIPs[0].Address != "10.0.0.2" || p.FixedIPs[1].Address != "fd00::2" {
			rt.Fatalf("got %v, want the lowest addresses", p.FixedIPs)
		}
	})
}

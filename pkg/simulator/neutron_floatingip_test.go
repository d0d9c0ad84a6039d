package simulator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"underlay/pkg/simulator"
)

func (b *bench) floating(opts floatingips.CreateOpts) (*floatingips.FloatingIP, error) {
	opts.FloatingNetworkID = b.external.ID
	return floatingips.Create(b.Context(), b.client, opts).Extract()
}

func TestFloatingIPs(t *testing.T) {
	b := newBench(t, simulator.Options{})
	f, err := b.floating(floatingips.CreateOpts{Description: "for a service"})
	if err != nil {
		t.Fatalf("create floating IP: %v", err)
	}
	if f.FloatingIP != "203.0.113.3" || f.Status != "DOWN" || f.PortID != "" || f.Description != "for a service" {
		t.Errorf("got floating IP %+v", f)
	}
	p := b.port(ports.CreateOpts{})
	f, err = floatingips.Update(t.Context(), b.client, f.ID, floatingips.UpdateOpts{PortID: &p.ID}).Extract()
	if err != nil {
		t.Fatalf("associate: %v", err)
	}
	if f.PortID != p.ID || f.FixedIP != "10.0.0.2" || f.RouterID != b.router || f.Status != "ACTIVE" {
		t.Errorf("got floating IP %+v", f)
	}
	shown := mustCall(b, "GET", "floatingips?port_id="+p.ID, nil)
	if mac := at(shown, "floatingips", 0, "port_details", "mac_address"); mac != p.MACAddress {
		t.Errorf("got port details with %v, want %s", mac, p.MACAddress)
	}

	// Another description leaves the association alone.
	f, err = floatingips.Update(t.Context(), b.client, f.ID, floatingips.UpdateOpts{Description: value("d")}).Extract()
	if err != nil || f.Description != "d" || f.PortID != p.ID {
		t.Errorf("got floating IP %+v, %v", f, err)
	}
	_, err = routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{SubnetID: b.subnet4()}).Extract()
	wantFault(t, err, 409, "RouterInterfaceInUseByFloatingIP")
	_, err = b.call(b.client, "PUT", "routers/"+b.router, map[string]any{"router": map[string]any{"external_gateway_info": nil}}, nil)
	wantFault(t, err, 409, "RouterExternalGatewayInUseByFloatingIp")
	second, err := b.floating(floatingips.CreateOpts{})
	if err != nil {
		t.Fatalf("create floating IP: %v", err)
	}
	_, err = floatingips.Update(t.Context(), b.client, second.ID, floatingips.UpdateOpts{PortID: &p.ID}).Extract()
	wantFault(t, err, 409, "FloatingIPPortAlreadyAssociated")

	f, err = floatingips.Update(t.Context(), b.client, f.ID, floatingips.UpdateOpts{PortID: value("")}).Extract()
	if err != nil || f.PortID != "" || f.FixedIP != "" || f.RouterID != "" {
		t.Errorf("got floating IP %+v, %v after it was disassociated", f, err)
	}
	for _, id := range []string{f.ID, second.ID} {
		if err := floatingips.Delete(t.Context(), b.client, id).ExtractErr(); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if again, err := b.floating(floatingips.CreateOpts{}); err != nil || again.FloatingIP != "203.0.113.3" {
		t.Errorf("got %+v, %v, want the freed address", again, err)
	}
}

func TestFloatingIPOfPorts(t *testing.T) {
	b := newBench(t, simulator.Options{})
	two := b.port(ports.CreateOpts{FixedIPs: []ports.IP{{IPAddress: "10.0.0.20"}, {IPAddress: "10.0.0.21"}}})
	six := b.port(ports.CreateOpts{FixedIPs: []ports.IP{{SubnetID: b.subnet6()}}})
	island := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "island", Subnets: []string{"10.99.0.0/24"}})
	far := b.port(ports.CreateOpts{NetworkID: island.ID})
	for name, tc := range map[string]struct {
		opts floatingips.CreateOpts
		want fault
	}{
		"two addresses": {
			floatingips.CreateOpts{PortID: two.ID}, fault{400, "BadRequest", "Bad floatingip request: Port " + two.ID +
				" has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP."},
		},
		"not its address": {
			floatingips.CreateOpts{PortID: two.ID, FixedIP: "10.0.0.99"},
			fault{400, "BadRequest", "Bad floatingip request: Port " + two.ID + " does not have fixed ip 10.0.0.99."},
		},
		"IPv6 only": {
			floatingips.CreateOpts{PortID: six.ID},
			fault{400, "BadRequest", "Bad floatingip request: Cannot add floating IP to port " + six.ID + " that has no fixed IPv4 addresses."},
		},
		"no router": {
			floatingips.CreateOpts{PortID: far.ID}, fault{404, "ExternalGatewayForFloatingIPNotFound", "External network " +
				b.external.ID + " is not reachable from subnet " + island.SubnetIDs[0] + ".  Therefore, cannot associate Port " +
				far.ID + " with a Floating IP."},
		},
		"no port":           {floatingips.CreateOpts{PortID: "none"}, fault{404, "PortNotFound", "Port none could not be found."}},
		"address, no port":  {floatingips.CreateOpts{FixedIP: "10.0.0.20"}, fault{400, "BadRequest", "Bad floatingip request: fixed_ip_address cannot be specified without a port_id."}},
		"address of choice": {floatingips.CreateOpts{FloatingIP: "203.0.113.99"}, fault{403, "PolicyNotAuthorized", "(rule:create_floatingip and rule:create_floatingip:floating_ip_address) is disallowed by policy"}},
		"subnet elsewhere":  {floatingips.CreateOpts{SubnetID: b.subnet4()}, fault{400, "InvalidInput", "Invalid input for operation: Failed to create port on network " + b.external.ID + ", because fixed_ips included invalid subnet " + b.subnet4() + "."}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(b.cloud.Ports())
			_, err := b.floating(tc.opts)
			if diff := cmp.Diff(tc.want, faultOf(t, err)); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
			if after := len(b.cloud.Ports()); after != before {
				t.Errorf("a refused request left %d ports", after-before)
			}
		})
	}
	outerSix := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "six", Subnets: []string{"2001:db8::/64"}, External: true})
	_, err := floatingips.Create(t.Context(), b.client, floatingips.CreateOpts{FloatingNetworkID: outerSix.ID}).Extract()
	wantFault(t, err, 400, "BadRequest")
	_, err = floatingips.Create(t.Context(), b.client, floatingips.CreateOpts{FloatingNetworkID: outerSix.ID, SubnetID: outerSix.SubnetIDs[0]}).Extract()
	wantFault(t, err, 400, "ExternalIpAddressExhausted")
	f, err := b.floating(floatingips.CreateOpts{PortID: two.ID, FixedIP: "10.0.0.21"})
	if err != nil || f.FixedIP != "10.0.0.21" {
		t.Fatalf("got floating IP %+v, %v", f, err)
	}
	// The port goes, the floating IP stays.
	if err := ports.Delete(t.Context(), b.client, two.ID).ExtractErr(); err != nil {
		t.Fatalf("delete port: %v", err)
	}
	if got := b.cloud.FloatingIPs()[0]; got.PortID != "" || got.Revision <= f.RevisionNumber {
		t.Errorf("got floating IP %+v after its port has gone", got)
	}
	_, err = floatingips.Create(t.Context(), b.client, floatingips.CreateOpts{FloatingNetworkID: b.network.ID}).Extract()
	wantFault(t, err, 400, "BadRequest")
	chosen, err := floatingips.Create(t.Context(), b.admin(), floatingips.CreateOpts{FloatingNetworkID: b.external.ID, FloatingIP: "203.0.113.99"}).Extract()
	if err != nil || chosen.FloatingIP != "203.0.113.99" {
		t.Errorf("got floating IP %+v, %v for the admin", chosen, err)
	}
}

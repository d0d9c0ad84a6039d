package simulator_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"underlay/pkg/simulator"
)

func TestRevisionRisesWithEveryChange(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{})
	extra := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "extra", Subnets: []string{"10.7.0.0/24"}})
	router := func() int { return b.cloud.Router(b.router).Revision }
	port := func() int { return b.cloud.Port(p.ID).Revision }
	route := via("10.244.0.0/24", "10.0.0.11")
	update := func(opts ports.UpdateOpts) error {
		_, err := ports.Update(t.Context(), b.client, p.ID, opts).Extract()
		return err
	}
	for _, tc := range []struct {
		name     string
		revision func() int
		change   func() error
	}{
		{"routes added", router, func() error { _, err := b.add(route); return err }},
		{"routes removed", router, func() error { _, err := b.remove(route); return err }},
		{"routes put", router, func() error { _, err := b.replace(route); return err }},
		{"router renamed", router, func() error {
			_, err := routers.Update(t.Context(), b.client, b.router, routers.UpdateOpts{Name: "renamed"}).Extract()
			return err
		}},
		{"interface added", router, func() error {
			_, err := routers.AddInterface(t.Context(), b.client, b.router, routers.AddInterfaceOpts{SubnetID: extra.SubnetIDs[0]}).Extract()
			return err
		}},
		{"interface removed", router, func() error {
			_, err := routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{SubnetID: extra.SubnetIDs[0]}).Extract()
			return err
		}},
		{"routes by hand", router, func() error { b.cloud.SetRoutes(b.router, nil); return nil }},
		{"pairs", port, func() error {
			return update(ports.UpdateOpts{AllowedAddressPairs: &[]ports.AddressPair{{IPAddress: "10.244.0.0/24"}}})
		}},
		{"addresses", port, func() error {
			return update(ports.UpdateOpts{FixedIPs: []ports.IP{{SubnetID: b.subnet4(), IPAddress: "10.0.0.77"}}})
		}},
		{"device", port, func() error { return update(ports.UpdateOpts{DeviceID: value("d")}) }},
		{"pairs by hand", port, func() error { b.cloud.SetAddressPairs(p.ID); return nil }},
		{"security by hand", port, func() error { b.cloud.SetPortSecurity(p.ID, false); return nil }},
	} {
		before := tc.revision()
		if err := tc.change(); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if after := tc.revision(); after <= before {
			t.Errorf("%s: revision went from %d to %d", tc.name, before, after)
		}
	}
}

func TestIfMatch(t *testing.T) {
	b := newBench(t, simulator.Options{})
	p := b.port(ports.CreateOpts{})
	stale := p.RevisionNumber
	body := func(name string) map[string]any { return map[string]any{"port": map[string]any{"name": name}} }
	match := func(revision any) map[string]string {
		return map[string]string{"If-Match": fmt.Sprintf("revision_number=%v", revision)}
	}
	if _, err := b.call(b.client, "PUT", "ports/"+p.ID, body("a"), match(stale)); err != nil {
		t.Fatalf("put with the right revision: %v", err)
	}
	current := b.cloud.Port(p.ID).Revision
	_, err := b.call(b.client, "PUT", "ports/"+p.ID, body("b"), match(stale))
	want := fault{412, "RevisionNumberConstraintFailed", fmt.Sprintf("Constrained to %d, but current revision is %d", stale, current)}
	if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
		t.Errorf("stale put (-want +got):\n%s", diff)
	}
	if got := b.cloud.Port(p.ID); got.Name != "a" || got.Revision != current {
		t.Errorf("a refused put changed the port: %+v", got)
	}
	_, err = b.call(b.client, "PUT", "ports/"+p.ID, body("b"), match("new"))
	wantFault(t, err, 400, "BadRequest")
	_, err = b.call(b.client, "DELETE", "ports/"+p.ID, nil, match(stale))
	wantFault(t, err, 412, "RevisionNumberConstraintFailed")
	if _, err = b.call(b.client, "DELETE", "ports/"+p.ID, nil, match(current)); err != nil {
		t.Errorf("delete with the right revision: %v", err)
	}
}

// The fallback without extraroute-atomic: GET, then PUT with If-Match, and again on 412.
func TestIfMatchGuardsRoutes(t *testing.T) {
	b := newBench(t, simulator.Options{})
	before, err := routers.Get(t.Context(), b.client, b.router).Extract()
	if err != nil {
		t.Fatalf("get router: %v", err)
	}
	mine, theirs := via("10.244.0.0/24", "10.0.0.11"), via("10.8.0.0/16", "10.0.0.50")
	b.cloud.SetRoutes(b.router, []simulator.RouteState{{Destination: theirs.DestinationCIDR, NextHop: theirs.NextHop}})
	put := func(revision int, routes ...routers.Route) (*routers.Router, error) {
		return routers.Update(t.Context(), b.client, b.router, routers.UpdateOpts{Routes: &routes, RevisionNumber: &revision}).Extract()
	}
	_, err = put(before.RevisionNumber, mine)
	wantFault(t, err, 412, "RevisionNumberConstraintFailed")
	got, err := put(b.cloud.Router(b.router).Revision, theirs, mine)
	if err != nil {
		t.Fatalf("put routes: %v", err)
	}
	b.wantRoutes(got.Routes, theirs, mine)

	// Validation comes first, the constraint when the transaction is written.
	_, err = put(before.RevisionNumber, via("10.244.1.0/24", "192.168.0.1"))
	wantFault(t, err, 400, "InvalidRoutes")

	b.cloud.SetExtension("revision-if-match", false)
	if _, err := put(0, mine); err != nil {
		t.Errorf("without revision-if-match the header is nothing: %v", err)
	}
}

package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/trunks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"underlay/pkg/simulator"
)

// A plain member sees his own and shared things; what he sees without owning it
// he cannot change, and what he does not see does not exist.
func TestPolicy(t *testing.T) {
	b := newBench(t, simulator.Options{})
	c := b.cloud
	shared := c.AddNetwork(simulator.NetworkSpec{Name: "shared", Subnets: []string{"10.50.0.0/24"}, Shared: true, ProjectID: "other"})
	foreign := c.AddNetwork(simulator.NetworkSpec{Name: "foreign", Subnets: []string{"10.60.0.0/24"}, ProjectID: "other"})
	router := c.AddRouter(simulator.RouterSpec{Name: "foreign", SubnetIDs: foreign.SubnetIDs, ProjectID: "other"})
	port := c.AddPort(simulator.PortSpec{NetworkID: foreign.ID, ProjectID: "other"})
	guest := c.AddPort(simulator.PortSpec{NetworkID: b.network.ID, ProjectID: "other"})
	mine := b.port(ports.CreateOpts{NetworkID: shared.ID})
	put := func(path, key string, attributes map[string]any) func() error {
		return func() error {
			_, err := b.call(b.client, "PUT", path, map[string]any{key: attributes}, nil)
			return err
		}
	}
	name := map[string]any{"name": "x"}
	pair := map[string]any{"allowed_address_pairs": []any{map[string]any{"ip_address": "10.244.0.0/24"}}}
	for what, tc := range map[string]struct {
		run    func() error
		status int
		kind   string
	}{
		"see a foreign network": {func() error { return networks.Get(t.Context(), b.client, foreign.ID).Err }, 404, "NetworkNotFound"},
		"see a foreign subnet":  {func() error { return subnets.Get(t.Context(), b.client, foreign.SubnetIDs[0]).Err }, 404, "SubnetNotFound"},
		"see a foreign router":  {func() error { return routers.Get(t.Context(), b.client, router).Err }, 404, "RouterNotFound"},
		"see a foreign port":    {func() error { return ports.Get(t.Context(), b.client, port).Err }, 404, "PortNotFound"},
		"change a foreign port": {put("ports/"+port, "port", name), 404, "PortNotFound"},
		"add foreign routes":    {put("routers/"+router+"/add_extraroutes", "router", map[string]any{"routes": []any{}}), 404, "RouterNotFound"},
		"change a shared net":   {put("networks/"+shared.ID, "network", name), 403, "PolicyNotAuthorized"},
		"share a network":       {put("networks/"+b.network.ID, "network", map[string]any{"shared": true}), 403, "PolicyNotAuthorized"},
		"pairs, not net owner":  {put("ports/"+mine.ID, "port", pair), 403, "PolicyNotAuthorized"},
		"security off, as well": {put("ports/"+mine.ID, "port", map[string]any{"port_security_enabled": false}), 403, "PolicyNotAuthorized"},
		"MAC address, as well":  {put("ports/"+mine.ID, "port", map[string]any{"mac_address": "fa:16:3e:00:00:77"}), 403, "PolicyNotAuthorized"},
		"address, as well":      {put("ports/"+mine.ID, "port", map[string]any{"fixed_ips": []any{map[string]any{"ip_address": "10.50.0.9"}}}), 403, "PolicyNotAuthorized"},
		"a port on the external": {func() error {
			return ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: b.external.ID}).Err
		}, 403, "HTTPForbidden"},
		"a subnet on a shared": {func() error {
			return subnets.Create(t.Context(), b.client, subnets.CreateOpts{NetworkID: shared.ID, IPVersion: 4, CIDR: "10.51.0.0/24"}).Err
		}, 403, "HTTPForbidden"},
		"attach a shared subnet": {func() error {
			return routers.AddInterface(t.Context(), b.client, b.router, routers.AddInterfaceOpts{SubnetID: shared.SubnetIDs[0]}).Err
		}, 400, "BadRequest"},
		"set the host": {put("ports/"+mine.ID, "port", map[string]any{"binding:host_id": "h"}), 403, "PolicyNotAuthorized"},
		"tag a shared net": {func() error {
			return attributestags.Add(t.Context(), b.client, "networks", shared.ID, "x").ExtractErr()
		}, 403, "PolicyNotAuthorized"},
		"others' quotas": {func() error { return quotas.Get(t.Context(), b.client, "other").Err }, 403, "PolicyNotAuthorized"},
		"own quotas": {func() error {
			return quotas.Update(t.Context(), b.client, c.ProjectID(), quotas.UpdateOpts{Port: value(1)}).Err
		}, 403, "PolicyNotAuthorized"},
		"reset quotas": {func() error { return quotas.Delete(t.Context(), b.client, c.ProjectID()).ExtractErr() }, 403, "PolicyNotAuthorized"},
	} {
		t.Run(what, func(t *testing.T) { wantFault(t, tc.run(), tc.status, tc.kind) })
	}
	if _, err := subnets.Get(t.Context(), b.client, b.external.SubnetIDs[0]).Extract(); err != nil {
		t.Errorf("see the external network's subnet: %v", err)
	}
	// The owner of a network may change what others have on it.
	if err := put("ports/"+guest, "port", pair)(); err != nil {
		t.Errorf("change a guest's port: %v", err)
	}
	if _, err := b.call(b.admin(), "PUT", "ports/"+mine.ID, map[string]any{"port": pair}, nil); err != nil {
		t.Errorf("change as admin: %v", err)
	}
	// What Neutron made for itself is nobody's.
	for _, p := range c.Ports() {
		if p.DeviceOwner == "network:router_gateway" && ports.Get(t.Context(), b.client, p.ID).Err == nil {
			t.Error("a member sees a gateway port")
		}
	}
}

func TestQuotas(t *testing.T) {
	b := newBench(t, simulator.Options{})
	project := b.cloud.ProjectID()
	got, err := quotas.Get(t.Context(), b.client, project).Extract()
	if err != nil {
		t.Fatalf("get quotas: %v", err)
	}
	want := quotas.Quota{
		FloatingIP: 50, Network: 100, Port: 500, RBACPolicy: 10, Router: 10, SecurityGroup: 10, SecurityGroupRule: 100,
		Subnet: 100, SubnetPool: -1, Trunk: -1,
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if _, err := quotas.Update(t.Context(), b.admin(), project, quotas.UpdateOpts{
		Port: value(3), FloatingIP: value(1), SecurityGroup: value(2), SecurityGroupRule: value(6), Network: value(1),
	}).Extract(); err != nil {
		t.Fatalf("set quotas: %v", err)
	}
	// Two interfaces of the router are ports of the project; the gateway's is nobody's.
	b.port(ports.CreateOpts{})
	_, err = ports.Create(t.Context(), b.client, ports.CreateOpts{NetworkID: b.network.ID}).Extract()
	wantOver := func(err error, resource string) {
		t.Helper()
		want := fault{409, "OverQuota", "Quota exceeded for resources: ['" + resource + "']."}
		if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
			t.Errorf("refusal (-want +got):\n%s", diff)
		}
	}
	wantOver(err, "port")
	if _, err := b.floating(floatingips.CreateOpts{}); err != nil {
		t.Fatalf("create floating IP: %v", err)
	}
	_, err = b.floating(floatingips.CreateOpts{})
	wantOver(err, "floatingip")
	_, err = networks.Create(t.Context(), b.client, networks.CreateOpts{Name: "n"}).Extract()
	wantOver(err, "network")
	g := b.group("one")
	_, err = groups.Create(t.Context(), b.client, groups.CreateOpts{Name: "two"}).Extract()
	wantOver(err, "security_group")
	_, err = rules.Create(t.Context(), b.client, rules.CreateOpts{
		SecGroupID: g.ID, Direction: rules.DirIngress, EtherType: rules.EtherType4, RemoteIPPrefix: "10.0.0.0/8",
	}).Extract()
	wantOver(err, "security_group_rule")

	detail, err := quotas.GetDetail(t.Context(), b.client, project).Extract()
	if err != nil || detail.Port != (quotas.QuotaDetail{Used: 3, Limit: 3}) || detail.FloatingIP.Used != 1 {
		t.Errorf("got details %+v, %v", detail, err)
	}
	if err := quotas.Delete(t.Context(), b.admin(), project).ExtractErr(); err != nil {
		t.Fatalf("reset quotas: %v", err)
	}
	b.cloud.SetQuota("", "port", -1)
	b.port(ports.CreateOpts{})
	if limits := mustCall(b, "GET", "quotas/"+project+"/default", nil); fmt.Sprint(at(limits, "quota", "port")) != "500" {
		t.Errorf("got defaults %v", limits)
	}
}

func TestTags(t *testing.T) {
	b := newBench(t, simulator.Options{})
	g, p := b.group("g"), b.port(ports.CreateOpts{})
	f, err := b.floating(floatingips.CreateOpts{})
	if err != nil {
		t.Fatalf("create floating IP: %v", err)
	}
	for path, id := range map[string]string{
		"networks": b.network.ID, "subnets": b.subnet4(), "ports": p.ID, "routers": b.router, "security-groups": g.ID, "floatingips": f.ID,
	} {
		t.Run(path, func(t *testing.T) {
			set, err := attributestags.ReplaceAll(t.Context(), b.client, path, id, attributestags.ReplaceAllOpts{Tags: []string{"a", "b"}}).Extract()
			if err != nil || len(set) != 2 {
				t.Fatalf("replace: got %v, %v", set, err)
			}
			for range 2 {
				if err := attributestags.Add(t.Context(), b.client, path, id, "c").ExtractErr(); err != nil {
					t.Fatalf("add: %v", err)
				}
			}
			if err := attributestags.Delete(t.Context(), b.client, path, id, "a").ExtractErr(); err != nil {
				t.Fatalf("delete: %v", err)
			}
			wantFault(t, attributestags.Delete(t.Context(), b.client, path, id, "a").ExtractErr(), 404, "TagNotFound")
			if has, err := attributestags.Confirm(t.Context(), b.client, path, id, "c").Extract(); !has || err != nil {
				t.Errorf("confirm: got %v, %v", has, err)
			}
			got, err := attributestags.List(t.Context(), b.client, path, id).Extract()
			if diff := cmp.Diff([]string{"b", "c"}, got); err != nil || diff != "" {
				t.Errorf("tags (-want +got): %v\n%s", err, diff)
			}
			if err := attributestags.DeleteAll(t.Context(), b.client, path, id).ExtractErr(); err != nil {
				t.Errorf("delete all: %v", err)
			}
		})
	}
	before := b.cloud.Port(p.ID).Revision
	replace := func(tags ...string) error {
		_, err := attributestags.ReplaceAll(t.Context(), b.client, "ports", p.ID, attributestags.ReplaceAllOpts{Tags: tags}).Extract()
		return err
	}
	if err := replace("x"); err != nil || b.cloud.Port(p.ID).Revision <= before {
		t.Errorf("a new tag is no new revision: %v", err)
	}
	wantFault(t, replace("x", "x"), 400, "InvalidInput")
	wantFault(t, replace(strings.Repeat("x", 256)), 400, "InvalidInput")
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	wantFault(t, replace(many...), 400, "BadRequest")
	_, err = b.call(b.client, "PUT", "ports/"+p.ID+"/tags", map[string]any{}, nil)
	wantFault(t, err, 400, "InvalidInput")
	_, err = attributestags.List(t.Context(), b.client, "ports", "none").Extract()
	wantFault(t, err, 500, "HTTPInternalServerError")
	b.cloud.SetExtension("router", false)
	_, err = attributestags.List(t.Context(), b.client, "routers", b.router).Extract()
	wantFault(t, err, 404, "HTTPNotFound")
	b.cloud.SetExtension("standard-attr-tag", false)
	_, err = attributestags.List(t.Context(), b.client, "ports", p.ID).Extract()
	wantFault(t, err, 404, "HTTPNotFound")
}

func TestTrunks(t *testing.T) {
	b := newBench(t, simulator.Options{})
	parent, sub := b.port(ports.CreateOpts{}), b.port(ports.CreateOpts{})
	id := b.cloud.AddTrunk("trunk", parent.ID, sub.ID)
	got, err := trunks.Get(t.Context(), b.client, id).Extract()
	if err != nil || got.PortID != parent.ID || len(got.Subports) != 1 || got.Subports[0].PortID != sub.ID || got.Subports[0].SegmentationID != 100 {
		t.Fatalf("got trunk %+v, %v", got, err)
	}
	listed, err := trunks.GetSubports(t.Context(), b.client, id).Extract()
	if err != nil || len(listed) != 1 {
		t.Errorf("got subports %+v, %v", listed, err)
	}
	shown := mustCall(b, "GET", "ports/"+parent.ID, nil)
	if mac := at(shown, "port", "trunk_details", "sub_ports", 0, "mac_address"); mac != sub.MACAddress {
		t.Errorf("got trunk details %v", at(shown, "port", "trunk_details"))
	}
	if p := b.cloud.Port(sub.ID); p.DeviceOwner != "trunk:subport" || p.DeviceID != id {
		t.Errorf("got subport %+v", p)
	}
	wantFault(t, ports.Delete(t.Context(), b.client, parent.ID).ExtractErr(), 409, "PortInUseAsTrunkParent")
	wantFault(t, ports.Delete(t.Context(), b.client, sub.ID).ExtractErr(), 409, "PortInUseAsSubPort")
	b.cloud.DeletePort(parent.ID)
	wantFault(t, trunks.Get(t.Context(), b.client, id).Err, 404, "TrunkNotFound")
	if p := b.cloud.Port(sub.ID); p.DeviceOwner != "" {
		t.Errorf("got subport %+v after its trunk has gone", p)
	}
}

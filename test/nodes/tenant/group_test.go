package tenant_test

import (
	"net/netip"
	"slices"
	"testing"

	"underlay/pkg/simulator"
	"underlay/test/nodes/tenant"
)

func TestASecurityGroupIsMadeChangedAndRemoved(t *testing.T) {
	_, client, _ := login(t)
	made, err := client.MakeNetwork(t.Context(), "nodes", netip.MustParsePrefix("192.168.11.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := client.Boot(t.Context(), "node-1", made.ID)
	if err != nil {
		t.Fatal(err)
	}
	id, err := client.MakeGroup(t.Context(), "nodes", "10.100.0.0/30")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetGroups(t.Context(), server.Port.ID, id); err != nil {
		t.Fatal(err)
	}
	if port, err := client.Port(t.Context(), server.Port.ID); err != nil || !slices.Equal(port.Groups, []string{id}) {
		t.Errorf("the port's groups: got %v (%v), want %s", port.Groups, err, id)
	}
	ingress := func() (rules []tenant.Rule) {
		groups, err := client.Groups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range groups {
			for _, rule := range group.Rules {
				if group.ID == id && rule.Direction == "ingress" {
					rules = append(rules, rule)
				}
			}
		}
		return rules
	}
	rules := ingress()
	if len(rules) != 2 || rules[0].RemoteGroup != id || rules[1].RemoteCIDR != "10.100.0.0/30" {
		t.Errorf("rules: got %+v, want one for its own ports and one for a range", rules)
	}
	if err := client.DeleteRule(t.Context(), rules[1].ID); err != nil || len(ingress()) != 1 {
		t.Errorf("rules: got %+v (%v), want one", ingress(), err)
	}
	if err := client.AddRule(t.Context(), rules[1]); err != nil || len(ingress()) != 2 {
		t.Errorf("rules: got %+v (%v), want two again", ingress(), err)
	}
	if err := client.DeleteServer(t.Context(), server.ID); err != nil {
		t.Fatal(err)
	}
	if err := client.DeleteGroup(t.Context(), id); err != nil || len(ingress()) > 0 {
		t.Errorf("the group is still there: %+v (%v)", ingress(), err)
	}
}

func TestARouterWithADoorHasFloatingIPs(t *testing.T) {
	cloud, client, _ := login(t)
	made, err := client.MakeNetwork(t.Context(), "nodes", netip.MustParsePrefix("192.168.11.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := client.OpenDoor(t.Context(), made); err == nil {
		t.Errorf("without an external network: got a door to %s", id)
	}
	external := cloud.AddNetwork(simulator.NetworkSpec{Name: "public", External: true, Subnets: []string{"203.0.113.0/24"}})
	if id, err := client.OpenDoor(t.Context(), made); err != nil || id != external.ID {
		t.Fatalf("door: got %s (%v), want %s", id, err, external.ID)
	}
	server, err := client.Boot(t.Context(), "node-1", made.ID)
	if err != nil {
		t.Fatal(err)
	}
	floating := cloud.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: external.ID, PortID: server.Port.ID})
	got, err := client.FloatingIPs(t.Context(), made.RouterID)
	if err != nil || len(got) != 1 || got[0].ID != floating.ID || got[0].Fixed != server.Address || got[0].PortID != server.Port.ID {
		t.Fatalf("floating IPs: got %+v (%v), want one that leads to %s", got, err, server.Address)
	}
	if err := client.DeleteFloatingIP(t.Context(), got[0].ID); err != nil {
		t.Fatal(err)
	}
	if got, err := client.FloatingIPs(t.Context(), made.RouterID); err != nil || len(got) > 0 {
		t.Errorf("floating IPs: got %+v (%v), want none", got, err)
	}
}

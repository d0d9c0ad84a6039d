package simulator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"underlay/pkg/simulator"
)

func (b *bench) group(name string) *groups.SecGroup {
	b.Helper()
	g, err := groups.Create(b.Context(), b.client, groups.CreateOpts{Name: name, Description: name}).Extract()
	if err != nil {
		b.Fatalf("create group: %v", err)
	}
	return g
}

func TestDefaultGroup(t *testing.T) {
	b := newBench(t, simulator.Options{})
	page, err := groups.List(b.client, groups.ListOpts{}).AllPages(t.Context())
	if err != nil {
		t.Fatalf("list groups: %v", err)
	}
	listed, err := groups.ExtractGroups(page)
	if err != nil || len(listed) != 1 || listed[0].Name != "default" {
		t.Fatalf("got groups %+v, %v", listed, err)
	}
	g := listed[0]
	kinds := map[string]bool{}
	for _, r := range g.Rules {
		kinds[r.Direction+" "+r.EtherType] = true
		if r.Direction == "ingress" && r.RemoteGroupID != g.ID {
			t.Errorf("got rule %+v, want ingress from the group itself", r)
		}
	}
	want := map[string]bool{"egress IPv4": true, "egress IPv6": true, "ingress IPv4": true, "ingress IPv6": true}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if p := b.port(ports.CreateOpts{}); len(p.SecurityGroups) != 1 || p.SecurityGroups[0] != g.ID {
		t.Errorf("got port with groups %v, want the default one", p.SecurityGroups)
	}
	_, err = groups.Create(t.Context(), b.client, groups.CreateOpts{Name: "default"}).Extract()
	wantFault(t, err, 409, "SecurityGroupDefaultAlreadyExists")
	_, err = groups.Update(t.Context(), b.client, g.ID, groups.UpdateOpts{Name: "mine"}).Extract()
	wantFault(t, err, 409, "SecurityGroupCannotUpdateDefault")
	wantFault(t, groups.Delete(t.Context(), b.client, g.ID).ExtractErr(), 409, "SecurityGroupInUse")
	for _, p := range b.cloud.Ports() {
		if p.DeviceOwner == "" {
			b.cloud.DeletePort(p.ID)
		}
	}
	wantFault(t, groups.Delete(t.Context(), b.client, g.ID).ExtractErr(), 409, "SecurityGroupCannotRemoveDefault")
}

func TestSecurityGroups(t *testing.T) {
	b := newBench(t, simulator.Options{})
	g := b.group("nodes")
	if len(g.Rules) != 2 || g.Description != "nodes" || !g.Stateful {
		t.Errorf("got group %+v, want two egress rules", g)
	}
	p := b.port(ports.CreateOpts{SecurityGroups: &[]string{g.ID}})
	wantFault(t, groups.Delete(t.Context(), b.client, g.ID).ExtractErr(), 409, "SecurityGroupInUse")
	_, err := ports.Update(t.Context(), b.client, p.ID, ports.UpdateOpts{SecurityGroups: &[]string{"none"}}).Extract()
	wantFault(t, err, 404, "SecurityGroupNotFound")
	if _, err := ports.Update(t.Context(), b.client, p.ID, ports.UpdateOpts{SecurityGroups: &[]string{}}).Extract(); err != nil {
		t.Fatalf("clear groups: %v", err)
	}
	renamed, err := groups.Update(t.Context(), b.client, g.ID, groups.UpdateOpts{Name: "workers"}).Extract()
	if err != nil || renamed.Name != "workers" {
		t.Errorf("got group %+v, %v", renamed, err)
	}

	// A rule that names the group goes with it.
	other := b.group("other")
	r, err := rules.Create(t.Context(), b.client, rules.CreateOpts{
		SecGroupID: other.ID, Direction: rules.DirIngress, EtherType: rules.EtherType4, RemoteGroupID: g.ID,
	}).Extract()
	if err != nil {
		t.Fatalf("create rule: %v", err)
	}
	if err := groups.Delete(t.Context(), b.client, g.ID).ExtractErr(); err != nil {
		t.Fatalf("delete group: %v", err)
	}
	_, err = rules.Get(t.Context(), b.client, r.ID).Extract()
	wantFault(t, err, 404, "SecurityGroupRuleNotFound")
}

func TestSecurityRules(t *testing.T) {
	b := newBench(t, simulator.Options{})
	g, other := b.group("nodes"), b.group("other")
	rule := func(opts rules.CreateOpts) rules.CreateOpts {
		opts.SecGroupID = g.ID
		if opts.Direction == "" {
			opts.Direction = rules.DirIngress
		}
		if opts.EtherType == "" {
			opts.EtherType = rules.EtherType4
		}
		return opts
	}
	prefix := rule(rules.CreateOpts{RemoteIPPrefix: "10.244.0.0/16", Protocol: "tcp", PortRangeMin: 80, PortRangeMax: 90})
	made, err := rules.Create(t.Context(), b.client, prefix).Extract()
	if err != nil || made.RemoteIPPrefix != "10.244.0.0/16" || made.PortRangeMax != 90 || made.Protocol != "tcp" {
		t.Fatalf("got rule %+v, %v", made, err)
	}
	if shown, err := groups.Get(t.Context(), b.client, g.ID).Extract(); err != nil || len(shown.Rules) != 3 {
		t.Errorf("got group %+v, %v, want the rule in it", shown, err)
	}
	const already = "Security group rule already exists. Rule id is "
	for name, tc := range map[string]struct {
		opts rules.CreateOpts
		want fault
	}{
		"same":             {prefix, fault{409, "SecurityGroupRuleExists", already + made.ID + "."}},
		"same by number":   {rule(rules.CreateOpts{RemoteIPPrefix: "10.244.0.0/16", Protocol: "6", PortRangeMin: 80, PortRangeMax: 90}), fault{409, "SecurityGroupRuleExists", already + made.ID + "."}},
		"both remotes":     {rule(rules.CreateOpts{RemoteIPPrefix: "10.0.0.0/8", RemoteGroupID: other.ID}), fault{400, "SecurityGroupMultipleRemoteEntites", "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided."}},
		"no such remote":   {rule(rules.CreateOpts{RemoteGroupID: "none"}), fault{404, "SecurityGroupNotFound", "Security group none does not exist"}},
		"wrong family":     {rule(rules.CreateOpts{RemoteIPPrefix: "fd00::/64"}), fault{400, "SecurityGroupRuleParameterConflict", "Conflicting value ethertype IPv4 for CIDR fd00::/64"}},
		"no range":         {rule(rules.CreateOpts{RemoteIPPrefix: "pods"}), fault{400, "InvalidCIDR", "Invalid CIDR pods given as IP prefix."}},
		"ports backwards":  {rule(rules.CreateOpts{Protocol: "udp", PortRangeMin: 9, PortRangeMax: 8}), fault{400, "SecurityGroupInvalidPortRange", "For TCP/UDP protocols, port_range_min must be <= port_range_max"}},
		"port too high":    {rule(rules.CreateOpts{Protocol: "udp", PortRangeMin: 9, PortRangeMax: 70000}), fault{400, "SecurityGroupInvalidPortValue", "Invalid value for port 70000"}},
		"ports alone":      {rule(rules.CreateOpts{PortRangeMin: 8, PortRangeMax: 9}), fault{400, "SecurityGroupProtocolRequiredWithPorts", "Must also specify protocol if port range is given."}},
		"ports of GRE":     {rule(rules.CreateOpts{Protocol: "gre", PortRangeMin: 8, PortRangeMax: 9}), fault{400, "SecurityGroupInvalidProtocolForPort", "Ports cannot be specified for protocol 47. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE."}},
		"ICMP code alone":  {rule(rules.CreateOpts{Protocol: "icmp", PortRangeMax: 3}), fault{400, "SecurityGroupMissingIcmpType", "ICMP code (port-range-max) 3 is provided but ICMP type (port-range-min) is missing."}},
		"ICMP type":        {rule(rules.CreateOpts{Protocol: "icmp", PortRangeMin: 300}), fault{400, "SecurityGroupInvalidIcmpValue", "Invalid value for ICMP type or code 300. It must be 0 to 255."}},
		"strange protocol": {rule(rules.CreateOpts{Protocol: "carrier-pigeon"}), fault{400, "SecurityGroupRuleInvalidProtocol", "Security group rule protocol carrier-pigeon not supported. Only protocol values and integer representations [0 to 255] are supported."}},
		"IPv6 protocol":    {rule(rules.CreateOpts{Protocol: "ipv6-icmp"}), fault{400, "SecurityGroupEthertypeConflictWithProtocol", "Invalid ethertype IPv4 for protocol ipv6-icmp."}},
		"direction":        {rule(rules.CreateOpts{Direction: "sideways"}), fault{400, "HTTPBadRequest", "Invalid input for direction. Reason: 'sideways' is not in ['ingress', 'egress']."}},
		"ethertype":        {rule(rules.CreateOpts{EtherType: "IPX"}), fault{400, "SecurityGroupRuleInvalidEtherType", "Security group rule for ethertype 'IPX' not supported. Allowed values are ['IPv4', 'IPv6']."}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rules.Create(t.Context(), b.client, tc.opts).Extract()
			if diff := cmp.Diff(tc.want, faultOf(t, err)); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
	// All addresses are the same as no prefix, and the default egress rule is that.
	_, err = rules.Create(t.Context(), b.client, rule(rules.CreateOpts{Direction: rules.DirEgress, RemoteIPPrefix: "0.0.0.0/0"})).Extract()
	wantFault(t, err, 409, "SecurityGroupRuleExists")
	icmp, err := rules.Create(t.Context(), b.client, rule(rules.CreateOpts{EtherType: rules.EtherType6, Protocol: "icmp"})).Extract()
	if err != nil || icmp.Protocol != "ipv6-icmp" {
		t.Errorf("got rule %+v, %v, want IPv6's own ICMP", icmp, err)
	}
	host, err := rules.Create(t.Context(), b.client, rule(rules.CreateOpts{RemoteIPPrefix: "192.0.2.7"})).Extract()
	if err != nil || host.RemoteIPPrefix != "192.0.2.7/32" {
		t.Errorf("got rule %+v, %v, want a range of one address", host, err)
	}
	if err := rules.Delete(t.Context(), b.client, made.ID).ExtractErr(); err != nil {
		t.Errorf("delete rule: %v", err)
	}
}

func TestBulkSecurityRules(t *testing.T) {
	b := newBench(t, simulator.Options{})
	g, other := b.group("nodes"), b.group("other")
	rule := func(group, prefix string) rules.CreateOpts {
		return rules.CreateOpts{SecGroupID: group, Direction: rules.DirIngress, EtherType: rules.EtherType4, RemoteIPPrefix: prefix}
	}
	made, err := rules.CreateBulk(t.Context(), b.client, []rules.CreateOpts{rule(g.ID, "10.1.0.0/16"), rule(g.ID, "10.2.0.0/16")}).Extract()
	if err != nil || len(made) != 2 {
		t.Fatalf("got rules %+v, %v", made, err)
	}
	_, err = rules.CreateBulk(t.Context(), b.client, []rules.CreateOpts{rule(g.ID, "10.3.0.0/16"), rule(g.ID, "10.3.0.0/16")}).Extract()
	wantFault(t, err, 409, "DuplicateSecurityGroupRuleInPost")
	_, err = rules.CreateBulk(t.Context(), b.client, []rules.CreateOpts{rule(g.ID, "10.3.0.0/16"), rule(other.ID, "10.3.0.0/16")}).Extract()
	wantFault(t, err, 400, "SecurityGroupNotSingleGroupRules")
	_, err = rules.CreateBulk(t.Context(), b.client, []rules.CreateOpts{rule(g.ID, "10.3.0.0/16"), rule(g.ID, "10.2.0.0/16")}).Extract()
	wantFault(t, err, 409, "SecurityGroupRuleExists")
	if shown, err := groups.Get(t.Context(), b.client, g.ID).Extract(); err != nil || len(shown.Rules) != 4 {
		t.Errorf("got %d rules, %v, want 4: what was refused left nothing", len(shown.Rules), err)
	}
}

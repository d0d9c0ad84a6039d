package spec_test

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// TestNeedsOnlyWhatIsUsed: a list that is not needed is not read.
func TestNeedsOnlyWhatIsUsed(t *testing.T) {
	for _, c := range []struct {
		name    string
		arrange func(*spec.Input)
		want    spec.Needs
	}{
		{"everything looked for", func(*spec.Input) {}, spec.Needs{ExternalNetworks: true, Subnets: true, Ports: true}},
		{"everything chosen", func(in *spec.Input) { in.Config.SubnetID, in.Config.FloatingNetworkID = nodesV4, publicNet }, spec.Needs{}},
		{"internal", func(in *spec.Input) { in.Config.InternalLB = true }, spec.Needs{Ports: true}},
		{"floating subnets by name", func(in *spec.Input) {
			in.Config.SubnetID, in.Config.FloatingNetworkID, in.Config.FloatingSubnet = nodesV4, publicNet, "p*"
		}, spec.Needs{Subnets: true}},
		{"floating IP by address", func(in *spec.Input) {
			in.Config.SubnetID, in.Config.FloatingNetworkID, in.Config.FloatingSubnet = nodesV4, publicNet, "p*"
			in.Service.Spec.LoadBalancerIP = "203.0.113.7"
		}, spec.Needs{}},
		{"groups", func(in *spec.Input) {
			in.Config.SubnetID, in.Config.InternalLB, in.Config.ManageSecurityGroups = nodesV4, true, true
		}, spec.Needs{Subnets: true, Ports: true}},
		{"dual-stack", func(in *spec.Input) {
			in.Config.SubnetID, in.Config.InternalLB = nodesV4, true
			in.Service.Spec.IPFamilies = []v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol}
		}, spec.Needs{Subnets: true, Ports: true}},
		{"a port of the user's", func(in *spec.Input) {
			in.Config.SubnetID, in.Config.InternalLB = nodesV4, true
			in.Service.Annotations[spec.Prefix+"port-id"] = id("7")
		}, spec.Needs{Ports: true, Port: id("7")}},
		{"IPv6 in a network", func(in *spec.Input) {
			in.Config.NetworkID, in.Config.MemberSubnetID, in.Config.InternalLB = nodesNet, nodesV6, true
			in.Service.Spec.IPFamilies = []v1.IPFamily{v1.IPv6Protocol}
		}, spec.Needs{Subnets: true, Ports: true}},
	} {
		in := input(web(), worker("n1", "10.0.0.11", "fd00::11"))
		c.arrange(&in)
		w, err := spec.Read(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Needs(); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		full := cloud(in.Nodes...)
		less := full
		if !c.want.Ports {
			less.Ports = nil
		}
		if !c.want.Subnets {
			less.Subnets = nil
		}
		if !c.want.ExternalNetworks {
			less.ExternalNetworks = nil
		}
		if a, b := shown(t, w, full), shown(t, w, less); a != b {
			t.Errorf("%s: what is not needed makes a difference:\n%s\n%s", c.name, a, b)
		}
	}
}

func shown(t *testing.T, w spec.Wish, f spec.Facts) string {
	t.Helper()
	d, _, err := w.Resolve(f)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printDesired(&out, d)
	return out.String()
}

// TestExternalNetwork: the first by id with an IPv4 subnet, as far as subnets of
// external networks can be seen at all.
func TestExternalNetwork(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	f := cloud(n)
	f.ExternalNetworks = []tree.Network{
		{ID: id("9"), External: true, SubnetIDs: []string{"unseen"}}, {ID: publicNet, External: true, SubnetIDs: []string{publicV4}},
		{ID: id("0"), SubnetIDs: []string{publicV4}}, {ID: id("3"), External: true}, {ID: id("8"), External: true, SubnetIDs: []string{"unseen"}},
	}
	network := func() string {
		_, d, notices := resolve(t, input(web(), n), f)
		if d.FloatingIP == nil {
			return reasons(notices)
		}
		return d.FloatingIP.NetworkID
	}
	if got := network(); got != publicNet {
		t.Errorf("seen: got %s, want %s", got, publicNet)
	}
	f.Subnets = f.Subnets[:2]
	if got := network(); got != publicNet {
		t.Errorf("none seen: got %s, want the first that has subnets, %s", got, publicNet)
	}
	f.ExternalNetworks = f.ExternalNetworks[2:4]
	if got := network(); got != spec.NoFloatingNetwork {
		t.Errorf("none: got %s, want a notice", got)
	}
}

// TestWhatCannotBeFoundIsAProblem that says what to write.
func TestWhatCannotBeFoundIsAProblem(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	for _, c := range []struct {
		name, want string
		arrange    func(*spec.Input, *spec.Facts)
	}{
		{"no node's subnet", "subnet-id", func(_ *spec.Input, f *spec.Facts) { f.Ports = nil }},
		{"no floating subnet of that name", "floating-subnet", func(in *spec.Input, _ *spec.Facts) { in.Config.FloatingSubnet = "nowhere" }},
		{"floating subnet of another network", "floating-subnet-id", func(in *spec.Input, _ *spec.Facts) { in.Config.FloatingSubnetID = otherV4 }},
		{"unseen member subnet with groups", "member-subnet-id", func(in *spec.Input, _ *spec.Facts) {
			in.Config.MemberSubnetID, in.Config.ManageSecurityGroups = id("7"), true
		}},
		{"the certificate in cloud.conf", "[LoadBalancer] default-tls-container-ref", func(in *spec.Input, _ *spec.Facts) { in.Config.DefaultTLSContainerRef = "mine" }},
		{"SCTP before its time", "port http", func(in *spec.Input, f *spec.Facts) {
			in.Service.Spec.Ports[0].Protocol, f.Version.Minor = v1.ProtocolSCTP, 22
		}},
		{"PROXY v2 before its time", spec.Prefix + "proxy-protocol", func(in *spec.Input, f *spec.Facts) {
			in.Service.Annotations[spec.Prefix+"proxy-protocol"], f.Version.Minor = "v2", 21
		}},
		{"VIP groups before their time", spec.Prefix + "vip-security-group-ids", func(in *spec.Input, f *spec.Facts) {
			in.Service.Annotations[spec.Prefix+"vip-security-group-ids"], f.Version.Minor = id("7"), 28
		}},
		{"one port twice", "spec.ports", func(in *spec.Input, _ *spec.Facts) { in.Service.Spec.Ports[1].Port = 80 }},
		{"an HTTP port on ovn", "port http", func(in *spec.Input, _ *spec.Facts) {
			in.Config.LBProvider, in.Service.Annotations[spec.Prefix+"port.http.protocol"] = "ovn", "http"
		}},
		{"TLS to members that get none", spec.Prefix + "port.http.tls-to-members", func(in *spec.Input, _ *spec.Facts) {
			in.Service.Annotations[spec.Prefix+"port.http.tls-to-members"] = "true"
		}},
		{"PROXY and headers", spec.Prefix + "x-forwarded-for", func(in *spec.Input, _ *spec.Facts) {
			in.Service.Annotations[spec.Prefix+"x-forwarded-for"], in.Service.Annotations[spec.Prefix+"proxy-protocol"] = "true", "true"
		}},
		{"TLS settings without TLS", spec.Prefix + "tls-versions", func(in *spec.Input, _ *spec.Facts) { in.Service.Annotations[spec.Prefix+"tls-versions"] = "TLSv1.3" }},
		{"a header on a port that reads none", spec.Prefix + "port.http.x-forwarded-for", func(in *spec.Input, _ *spec.Facts) {
			in.Service.Annotations[spec.Prefix+"port.http.x-forwarded-for"], in.Service.Annotations[spec.Prefix+"port.http.protocol"] = "true", "tcp"
		}},
		{"a certificate on a port that passes on", spec.Prefix + "port.http.default-tls-container-ref", func(in *spec.Input, _ *spec.Facts) {
			in.Service.Annotations[spec.Prefix+"port.http.default-tls-container-ref"], in.Service.Annotations[spec.Prefix+"port.http.protocol"] = cert, "https"
		}},
		{"no ports", "spec.ports", func(in *spec.Input, _ *spec.Facts) { in.Service.Spec.Ports = nil }},
		{"metrics for a family that is not there", spec.Prefix + "prometheus-source-ranges", func(in *spec.Input, _ *spec.Facts) {
			in.Service.Annotations[spec.Prefix+"prometheus-port"], in.Service.Annotations[spec.Prefix+"prometheus-source-ranges"] = "9100", "fd00::/8"
		}},
	} {
		in, f := input(web(), n), cloud(n)
		c.arrange(&in, &f)
		got := complaints(in, f)
		if len(got) != 1 || !strings.HasPrefix(got[0], c.want+":") || !strings.Contains(got[0], ";") {
			t.Errorf("%s: got %q, want one problem of %s", c.name, got, c.want)
		}
	}
}

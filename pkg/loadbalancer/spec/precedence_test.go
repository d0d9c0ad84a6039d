package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

var byAnnotation, byClass, byConfig, byMember = id("a"), id("b"), id("c"), id("d")

// TestWhichSubnetWins: the order is that of the peer.
func TestWhichSubnetWins(t *testing.T) {
	type chosen struct{ VIP, Members string }
	for _, c := range []struct {
		name                      string
		internal                  bool
		annotation, class, config string
		want                      chosen
	}{
		{"nothing chosen", false, "", "", "", chosen{nodesV4, nodesV4}},
		{"cloud.conf", false, "", "", byConfig, chosen{byConfig, byConfig}},
		{"class over cloud.conf", false, "", byClass, byConfig, chosen{byClass, byConfig}},
		{"class over annotation when external", false, byAnnotation, byClass, "", chosen{byClass, byClass}},
		{"annotation over class when internal", true, byAnnotation, byClass, "", chosen{byAnnotation, byAnnotation}},
		{"annotation over cloud.conf", false, byAnnotation, "", byConfig, chosen{byAnnotation, byConfig}},
		{"class when internal and nothing else", true, "", byClass, byConfig, chosen{byClass, byConfig}},
	} {
		n := worker("n1", "10.0.0.11")
		in := input(web(), n)
		in.Config.SubnetID = c.config
		in.Classes["gold"] = &config.LoadBalancerClass{SubnetID: c.class}
		in.Service.Annotations[spec.Prefix+"class"] = "gold"
		if c.annotation != "" {
			in.Service.Annotations[spec.Prefix+"subnet-id"] = c.annotation
		}
		if c.internal {
			in.Service.Annotations["service.beta.kubernetes.io/openstack-internal-load-balancer"] = "true"
		}
		_, d, _ := resolve(t, in, cloud(n))
		got := chosen{d.Balancer.VIP.SubnetID, at(d.Balancer.Listeners[0].Pool.Members[0].SubnetID)}
		if got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, names.Replace(got.VIP+" "+got.Members), c.want)
		}
	}
}

func TestWhichMemberSubnetWins(t *testing.T) {
	for _, c := range []struct{ annotation, class, config, subnet, want string }{
		{"", "", "", "", nodesV4},
		{"", "", "", byConfig, byConfig},
		{"", "", byMember, byConfig, byMember},
		{"", byClass, byMember, byConfig, byClass},
		{byAnnotation, byClass, byMember, byConfig, byAnnotation},
	} {
		n := worker("n1", "10.0.0.11")
		in := input(web(), n)
		in.Config.SubnetID, in.Config.MemberSubnetID = c.subnet, c.config
		in.Classes["gold"] = &config.LoadBalancerClass{MemberSubnetID: c.class}
		in.Service.Annotations[spec.Prefix+"class"] = "gold"
		in.Service.Annotations[spec.Prefix+"member-subnet-id"] = c.annotation
		_, d, _ := resolve(t, in, cloud(n))
		if got := at(d.Balancer.Listeners[0].Pool.Members[0].SubnetID); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestWhichFloatingNetworkAndSubnetsWin(t *testing.T) {
	type from struct{ network, id, name, tags string }
	public := []tree.Subnet{
		{ID: id("7"), Name: "pub-a", NetworkID: publicNet, CIDR: "192.0.2.0/25", Tags: []string{"x"}},
		{ID: id("8"), Name: "pub-b", NetworkID: publicNet, CIDR: "192.0.2.128/25", Tags: []string{"y"}},
		{ID: id("9"), Name: "pub-six", NetworkID: publicNet, CIDR: "2001:db8::/64", IPv6: true},
	}
	for _, c := range []struct {
		name                      string
		annotation, class, config from
		wantNetwork               string
		want                      []string
	}{
		{"nothing: the first external network", from{}, from{}, from{}, publicNet, nil},
		{"cloud.conf", from{}, from{}, from{network: byConfig}, byConfig, nil},
		{"annotation", from{network: byAnnotation}, from{}, from{network: byConfig}, byAnnotation, nil},
		{"class", from{network: byAnnotation}, from{network: byClass}, from{network: byConfig}, byClass, nil},
		{"name in cloud.conf, tried in turn", from{}, from{}, from{name: "pub-*"}, publicNet, []string{id("7"), id("8")}},
		{"id over name and tags", from{}, from{}, from{id: id("8"), name: "pub-*", tags: "x"}, publicNet, []string{id("8")}},
		{"annotation replaces all of cloud.conf", from{tags: "y"}, from{}, from{id: id("7"), name: "none"}, publicNet, []string{id("8")}},
		{"class replaces all of the annotation", from{tags: "y"}, from{name: "~pub-a"}, from{}, publicNet, []string{id("7")}},
		{"name and tags together", from{name: "pub-*", tags: "!x"}, from{}, from{}, publicNet, []string{id("8")}},
	} {
		n := worker("n1", "10.0.0.11")
		in := input(web(), n)
		in.Config.FloatingNetworkID, in.Config.FloatingSubnetID, in.Config.FloatingSubnet, in.Config.FloatingSubnetTags = c.config.network, c.config.id, c.config.name, c.config.tags
		in.Classes["gold"] = &config.LoadBalancerClass{
			FloatingNetworkID: c.class.network, FloatingSubnetID: c.class.id, FloatingSubnet: c.class.name, FloatingSubnetTags: c.class.tags,
		}
		in.Service.Annotations[spec.Prefix+"class"] = "gold"
		for name, value := range map[string]string{"network-id": c.annotation.network, "subnet-id": c.annotation.id, "subnet": c.annotation.name, "subnet-tags": c.annotation.tags} {
			if value != "" {
				in.Service.Annotations[spec.Prefix+"floating-"+name] = value
			}
		}
		f := cloud(n)
		f.Subnets = append(f.Subnets[:2:2], public...)
		_, d, _ := resolve(t, in, f)
		if d.FloatingIP.NetworkID != c.wantNetwork {
			t.Errorf("%s: got network %s", c.name, d.FloatingIP.NetworkID)
		}
		if diff := cmp.Diff(c.want, d.FloatingIP.SubnetIDs); diff != "" {
			t.Errorf("%s: subnets (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestWhatClassesChoose beyond networks: the annotation wins, then the class.
func TestWhatClassesChoose(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(web(), n)
	in.Config.LBProvider, in.Config.FlavorID, in.Config.AvailabilityZone, in.Config.Tags = "amphora", byConfig, "az-config", "config"
	in.Classes["gold"] = &config.LoadBalancerClass{LBProvider: "octavia", FlavorID: byClass, AvailabilityZone: "az-class", LBMethod: "SOURCE_IP", Tags: "class"}
	show := func() []string {
		_, d, _ := resolve(t, in, cloud(n))
		b := d.Balancer
		return []string{b.Provider, b.FlavorID, b.AvailabilityZone, at(b.Listeners[0].Pool.Settings.Method), b.Tags[0]}
	}
	if diff := cmp.Diff([]string{"amphora", byConfig, "az-config", "ROUND_ROBIN", "config"}, show()); diff != "" {
		t.Errorf("cloud.conf (-want +got):\n%s", diff)
	}
	in.Service.Annotations[spec.Prefix+"class"] = "gold"
	if diff := cmp.Diff([]string{"octavia", byClass, "az-class", "SOURCE_IP", "class"}, show()); diff != "" {
		t.Errorf("class (-want +got):\n%s", diff)
	}
	for name, value := range map[string]string{"lb-provider": "f5", "flavor-id": byAnnotation, "availability-zone": "az-own", "lb-method": "least_connections", "tags": "again"} {
		in.Service.Annotations[spec.Prefix+name] = value
	}
	if diff := cmp.Diff([]string{"f5", byAnnotation, "az-own", "LEAST_CONNECTIONS", "again"}, show()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	// An empty annotation turns off what cloud.conf says.
	in.Service.Annotations[spec.Prefix+"flavor-id"], in.Service.Annotations[spec.Prefix+"availability-zone"] = "", ""
	if got := show(); got[1] != "" || got[2] != "" {
		t.Errorf("got flavor and zone %v, want none", got[1:3])
	}
}

func TestSourceRangesComeFromTheFieldFirst(t *testing.T) {
	const key = "service.beta.kubernetes.io/load-balancer-source-ranges"
	in := input(web())
	in.Config.SubnetID = nodesV4
	in.Service.Annotations[key] = " 192.0.2.0/24 , 10.1.2.3/8 "
	ranges := func() []string {
		_, d, _ := resolve(t, in, cloud())
		return d.Balancer.Listeners[0].Settings.AllowedCIDRs
	}
	if diff := cmp.Diff([]string{"10.0.0.0/8", "192.0.2.0/24"}, ranges()); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
	in.Service.Spec.LoadBalancerSourceRanges = []string{"198.51.100.0/24"}
	if diff := cmp.Diff([]string{"198.51.100.0/24"}, ranges()); diff != "" {
		t.Errorf("field (-want +got):\n%s", diff)
	}
	// Ranges of a family that nobody can come by must not open the door to all.
	in.Service.Spec.LoadBalancerSourceRanges = []string{"2001:db8::/32"}
	if got := complaints(in, cloud()); len(got) != 1 {
		t.Errorf("got %q, want one problem", got)
	}
	in.Service.Spec.LoadBalancerSourceRanges, in.Service.Annotations[key] = nil, ""
	in.Service.Spec.IPFamilies = []v1.IPFamily{v1.IPv6Protocol}
	if diff := cmp.Diff([]string{"::/0"}, ranges()); diff != "" {
		t.Errorf("IPv6 (-want +got):\n%s", diff)
	}
}

// TestWhichAddressIsWanted: the annotation wins over the field, and the family
// and the Service's being internal say what an address is for.
func TestWhichAddressIsWanted(t *testing.T) {
	type wanted struct{ Floating, VIP, Second string }
	v4, v6 := v1.IPv4Protocol, v1.IPv6Protocol
	for _, c := range []struct {
		name, field, annotation string
		internal                bool
		families                []v1.IPFamily
		want                    wanted
	}{
		{"field, external", "203.0.113.7", "", false, []v1.IPFamily{v4}, wanted{Floating: "203.0.113.7"}},
		{"field, internal", "10.0.0.7", "", true, []v1.IPFamily{v4}, wanted{VIP: "10.0.0.7"}},
		{"field, IPv6", "fd00:0::7", "", false, []v1.IPFamily{v6}, wanted{VIP: "fd00::7"}},
		{"annotation over field", "203.0.113.7", "203.0.113.8", false, []v1.IPFamily{v4}, wanted{Floating: "203.0.113.8"}},
		{"both families", "", "fd00::7, 203.0.113.8", false, []v1.IPFamily{v4, v6}, wanted{Floating: "203.0.113.8", Second: "fd00::7"}},
		{"both families, IPv6 first", "", "fd00::7,203.0.113.8", false, []v1.IPFamily{v6, v4}, wanted{Floating: "203.0.113.8", VIP: "fd00::7"}},
		{"both families, internal", "", "fd00::7,10.0.0.8", true, []v1.IPFamily{v4, v6}, wanted{VIP: "10.0.0.8", Second: "fd00::7"}},
	} {
		n := worker("n1", "10.0.0.11", "fd00::11")
		in := input(web(), n)
		in.Service.Spec.LoadBalancerIP, in.Service.Spec.IPFamilies = c.field, c.families
		in.Config.InternalLB = c.internal
		if c.annotation != "" {
			in.Service.Annotations[spec.Prefix+"load-balancer-ip"] = c.annotation
		}
		_, d, _ := resolve(t, in, cloud(n))
		got := wanted{VIP: d.Balancer.VIP.Address}
		if d.FloatingIP != nil {
			got.Floating = d.FloatingIP.Address
		}
		if len(d.Balancer.AdditionalVIPs) > 0 {
			got.Second = d.Balancer.AdditionalVIPs[0].Address
		}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

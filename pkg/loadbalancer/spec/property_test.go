package spec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// texts are values for annotations: sound ones of all kinds, and others.
func texts() *rapid.Generator[string] {
	sound := []string{"", "true", "false", "v2", "7", "0", "-1", "65535", "gold", "ovn", "amphora", id("7"), publicV4, nodesV4, nodesV6, "10.0.0.0/8", "::/0", "10.0.0.9",
		"fd00::9", "203.0.113.9", "public-*", "!~p.*", "&a,b", "role=x", "www.example.com", "vip", "proxy", "http", "https", "udp", "terminated-https", "TLSv1.3", "h2", "SOURCE_IP", cert, other, "a,b"}
	return rapid.OneOf(rapid.SampledFrom(sound), rapid.SampledFrom(sound), rapid.SampledFrom(sound), rapid.String())
}

// services draws a Service with any annotations.
func services(t *rapid.T, value *rapid.Generator[string]) *v1.Service {
	s := web()
	v4, v6 := v1.IPv4Protocol, v1.IPv6Protocol
	s.Spec.IPFamilies = rapid.SampledFrom([][]v1.IPFamily{nil, {v4}, {v6}, {v4, v6}, {v6, v4}}).Draw(t, "families")
	s.Spec.SessionAffinity = rapid.SampledFrom([]v1.ServiceAffinity{v1.ServiceAffinityNone, v1.ServiceAffinityClientIP}).Draw(t, "affinity")
	if rapid.Bool().Draw(t, "local") {
		s.Spec.ExternalTrafficPolicy, s.Spec.HealthCheckNodePort = v1.ServiceExternalTrafficPolicyLocal, 32000
	}
	s.Spec.LoadBalancerSourceRanges = rapid.SampledFrom([][]string{nil, {"192.0.2.0/24"}, {"::/0"}, {"x"}}).Draw(t, "ranges")
	s.Spec.LoadBalancerIP = rapid.SampledFrom([]string{"", "", "203.0.113.9", "fd00::9", "x"}).Draw(t, "ip")
	for i := range s.Spec.Ports {
		s.Spec.Ports[i].Protocol = rapid.SampledFrom([]v1.Protocol{v1.ProtocolTCP, v1.ProtocolTCP, v1.ProtocolUDP, v1.ProtocolSCTP, ""}).Draw(t, "protocol")
		app := rapid.SampledFrom([]string{"", "http", "https", "kubernetes.io/h2c", "x"}).Draw(t, "app")
		s.Spec.Ports[i].AppProtocol = &app
	}
	for range rapid.IntRange(0, 6).Draw(t, "annotations") {
		a := rapid.SampledFrom(spec.Annotations).Draw(t, "annotation")
		key := a.Key()
		if a.PerPort && rapid.Bool().Draw(t, "for a port") {
			key = spec.Prefix + "port." + rapid.SampledFrom([]string{"http", "443", "", "9"}).Draw(t, "port") + "." + a.Name
		}
		s.Annotations[key] = value.Draw(t, "value")
	}
	return s
}

func worlds(t *rapid.T) (spec.Input, spec.Facts) {
	var nodes []*v1.Node
	for i := range rapid.IntRange(0, 4).Draw(t, "nodes") {
		n := worker(fmt.Sprintf("n%d", i), fmt.Sprintf("10.0.0.%d", 10+i/2), fmt.Sprintf("fd00::%d", 10+i))
		if rapid.IntRange(0, 3).Draw(t, "drain") == 0 {
			n.Spec.Taints = []v1.Taint{{Key: "karpenter.sh/disrupted"}}
		}
		if rapid.IntRange(0, 3).Draw(t, "no provider id") == 0 {
			n.Spec.ProviderID = ""
		}
		nodes = append(nodes, n)
	}
	in := input(services(t, texts()), nodes...)
	in.Classes["gold"] = &config.LoadBalancerClass{SubnetID: otherV4, LBProvider: "octavia"}
	in.Config.ManageSecurityGroups = rapid.Bool().Draw(t, "groups")
	in.Config.LBProvider = rapid.SampledFrom([]string{"amphora", "ovn"}).Draw(t, "provider")
	f := cloud(nodes...)
	f.Version.Minor = rapid.IntRange(0, 30).Draw(t, "minor")
	return in, f
}

// TestAnyAnnotationsAreUnderstoodOrNamed: whatever a Service says, it is resolved
// or there is a problem that names where; nothing panics, nothing is modified.
func TestAnyAnnotationsAreUnderstoodOrNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, f := worlds(t)
		before := in.Service.DeepCopy()
		w, err := spec.Read(in)
		var desired tree.Desired
		if err == nil {
			w.Needs()
			if desired, _, err = w.Resolve(f); err == nil {
				w.Status(desired, *made(desired))
			}
		}
		if gone := spec.Gone(in); !gone.Gone || gone.BalancerName == "" {
			t.Fatalf("got %+v for a Service that goes", gone)
		}
		for _, p := range spec.Problems(err) {
			if p.Key == "" || p.Message == "" || p.Advice == "" {
				t.Fatalf("half a problem: %+v", p)
			}
		}
		if err != nil && (len(spec.Problems(err)) == 0 || desired.BalancerName != "") {
			t.Fatalf("error %v with %+v", err, desired)
		}
		if diff := cmp.Diff(before, in.Service); diff != "" {
			t.Fatalf("the Service was modified:\n%s", diff)
		}
	})
}

// TestOrderDoesNotMatter: neither that of nodes nor that of lists.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, f := worlds(t)
		show := func() string {
			w, err := spec.Read(in)
			if err != nil {
				return err.Error()
			}
			desired, notices, err := w.Resolve(f)
			if err != nil {
				return err.Error()
			}
			var out strings.Builder
			printDesired(&out, desired)
			return fmt.Sprintf("%s%+v", out.String(), notices)
		}
		first := show()
		in.Nodes = rapid.Permutation(in.Nodes).Draw(t, "nodes in another order")
		f.Ports = rapid.Permutation(f.Ports).Draw(t, "ports in another order")
		f.Subnets = rapid.Permutation(f.Subnets).Draw(t, "subnets in another order")
		if diff := cmp.Diff(first, show()); diff != "" {
			t.Fatalf("(-first +second):\n%s", diff)
		}
	})
}

// TestWhatWasMadeIsWantedAgain: once a load balancer is there as it was wanted,
// the same Service wants nothing else of it, whatever the cloud learned since.
func TestWhatWasMadeIsWantedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, f := worlds(t)
		w, err := spec.Read(in)
		if err != nil {
			return
		}
		desired, _, err := w.Resolve(f)
		if err != nil {
			return
		}
		f.Balancer = made(desired).Balancer
		f.Balancer.VIP.Address = map[bool]string{true: "fd00::100", false: "10.0.0.100"}[prefersIPv6(in)]
		again, _, err := w.Resolve(f)
		if err != nil {
			t.Fatalf("a second time: %v", err)
		}
		// The addresses that the cloud chose are known now.
		again.Balancer.VIP, again.Balancer.AdditionalVIPs = desired.Balancer.VIP, desired.Balancer.AdditionalVIPs
		if diff := cmp.Diff(desired, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-first +second):\n%s", diff)
		}
	})
}

// prefersIPv6: the virtual address that the cloud chooses is IPv6.
func prefersIPv6(in spec.Input) bool {
	return len(in.Service.Spec.IPFamilies) > 0 && in.Service.Spec.IPFamilies[0] == v1.IPv6Protocol
}

// TestRangesAreNeverLost: where a Service restricts its clients, a listener or a
// security group does, or the Service waits.
func TestRangesAreNeverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, f := worlds(t)
		in.Service.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
		w, err := spec.Read(in)
		if err != nil {
			return
		}
		desired, _, err := w.Resolve(f)
		if err != nil {
			return
		}
		for _, l := range desired.Balancer.Listeners {
			if l.Protocol == tree.Prometheus || slices.Equal(l.Settings.AllowedCIDRs, []string{"192.0.2.0/24"}) {
				continue
			}
			if desired.SecurityGroup == nil || desired.Capabilities.Provider != tree.OVN {
				t.Fatalf("listener %s lets in %v", l.Name, l.Settings.AllowedCIDRs)
			}
			for _, r := range desired.SecurityGroup.Rules {
				if r.RemotePrefix == "0.0.0.0/0" || r.RemotePrefix == "::/0" {
					t.Fatalf("rule %+v lets everybody in", r)
				}
			}
		}
	})
}

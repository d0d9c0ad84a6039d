package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

func TestStatus(t *testing.T) {
	vip := tree.VIP{Address: "10.0.0.100", PortID: "vip"}
	six := tree.VIP{Address: "fd00::100"}
	public := tree.FloatingIP{Address: "203.0.113.7", PortID: "vip"}
	detached := tree.FloatingIP{Address: "203.0.113.8"}
	for _, c := range []struct {
		name        string
		annotations map[string]string
		families    []v1.IPFamily
		hostnames   bool
		actual      tree.Actual
		want        []string
	}{
		{"nothing yet", nil, nil, false, tree.Actual{Owned: true}, nil},
		{"not public yet", nil, nil, false, tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: vip}, FloatingIPs: []tree.FloatingIP{detached}}, nil},
		{"public", nil, nil, false, tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: vip}, FloatingIPs: []tree.FloatingIP{detached, public}}, []string{"203.0.113.7 VIP"}},
		{"internal", map[string]string{"internal": "true"}, nil, false, tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: vip}, FloatingIPs: []tree.FloatingIP{public}}, []string{"10.0.0.100 VIP"}},
		{"sharing an internal one", nil, nil, false, tree.Actual{Balancer: &tree.Balancer{VIP: vip}}, []string{"10.0.0.100 VIP"}},
		{"both families, IPv6 first", nil, []v1.IPFamily{v1.IPv6Protocol, v1.IPv4Protocol}, false,
			tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: vip, AdditionalVIPs: []tree.VIP{six}}, FloatingIPs: []tree.FloatingIP{public}}, []string{"fd00::100 VIP", "203.0.113.7 VIP"}},
		{"proxied", map[string]string{"port.80.proxy-protocol": "true"}, nil, false, tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: vip}, FloatingIPs: []tree.FloatingIP{public}}, []string{"203.0.113.7 Proxy"}},
		{"proxied, as the user says", map[string]string{"proxy-protocol": "true", "ip-mode": "vip"}, nil, true, tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: vip}, FloatingIPs: []tree.FloatingIP{public}}, []string{"203.0.113.7 VIP"}},
		{"proxied, by name", map[string]string{"proxy-protocol": "true"}, []v1.IPFamily{v1.IPv6Protocol}, true, tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: six}}, []string{"fd00-0000-0000-0000-0000-0000-0000-0100.nip.io -"}},
		{"by the user's name", map[string]string{"hostname": "www.example.com"}, nil, false, tree.Actual{Owned: true, Balancer: &tree.Balancer{VIP: vip}, FloatingIPs: []tree.FloatingIP{public}}, []string{"www.example.com -"}},
	} {
		n := worker("n1", "10.0.0.11", "fd00::11")
		in := input(annotated(c.annotations), n)
		in.Service.Spec.IPFamilies, in.Config.EnableIngressHostname = c.families, c.hostnames
		if c.annotations["internal"] != "" {
			in.Service.Annotations = map[string]string{"service.beta.kubernetes.io/openstack-internal-load-balancer": "true"}
		}
		w, d, _ := resolve(t, in, cloud(n))
		var got []string
		for _, i := range w.Status(d, c.actual).Ingress {
			got = append(got, i.IP+i.Hostname+" "+at(i.IPMode))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestWhatGoesIsNeverInTheWay: a Service that goes is not read closely, and keeps
// what may be lost for ever.
func TestWhatGoesIsNeverInTheWay(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "false": false, " false": false, "yes": true} {
		in := input(annotated(map[string]string{"keep-floatingip": value, "connection-limit": "x", "port-id": id("7")}))
		got := spec.Gone(in)
		wanted := tree.Desired{
			Cluster: in.Cluster, Service: owner.Service{Namespace: "shop", Name: "web", UID: string(in.Service.UID)}, BalancerName: "kube_service_blue_shop_web",
			Gone: true, KeepFloatingIP: want, CascadeDelete: true, MaxShared: 2, Balancer: tree.Balancer{VIP: tree.VIP{PortID: id("7")}},
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("keep-floatingip %q (-want +got):\n%s", value, diff)
		}
	}
	if spec.Gone(input(web())).KeepFloatingIP {
		t.Error("a floating IP is kept that nobody asked to keep")
	}
}

// TestTakenOver: a load balancer that the peer made is wanted as it is.
func TestTakenOver(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(web(), n)
	_, d, _ := resolve(t, in, cloud(n))
	f := cloud(n)
	theirs := *made(d).Balancer
	theirs.Description = "Kubernetes external service shop/web from cluster blue"
	theirs.Name = owner.LegacyBalancerName(owner.Service{UID: string(in.Service.UID)})
	theirs.Provider = "octavia"
	theirs.Listeners = []tree.Listener{d.Balancer.Listeners[0], d.Balancer.Listeners[1]}
	for i, tags := range [][]string{{"kube_service_blue_shop_web"}, {}} {
		pool := *theirs.Listeners[i].Pool
		pool.Tags, pool.Name = nil, "TCP_80_pool"
		theirs.Listeners[i].Pool, theirs.Listeners[i].Tags = &pool, tags
	}
	theirs.Listeners[1].Name = "somebody else's"
	f.Balancer = &theirs
	_, d, _ = resolve(t, in, f)
	b := d.Balancer
	if b.Name != theirs.Name || b.Description != theirs.Description || b.Provider != "octavia" {
		t.Errorf("got %s (%s) of %s", b.Name, b.Description, b.Provider)
	}
	if p := b.Listeners[0].Pool; p.Name != "TCP_80_pool" || p.Tags != nil {
		t.Errorf("our pool: got %s with tags %v", p.Name, p.Tags)
	}
	if l := b.Listeners[1]; l.Name != "listener_1_kube_service_blue_shop_web" || l.Pool.Tags == nil {
		t.Errorf("a listener that is not ours: got %s, pool tags %v", l.Name, l.Pool.Tags)
	}
}

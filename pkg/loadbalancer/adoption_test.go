package loadbalancer_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// peers makes the load balancer that openstack-cloud-controller-manager makes for
// the Service web of two ports, with its floating IP.
func (w *world) peers(annotated bool) (id, address string) {
	w.t.Helper()
	name := "kube_service_" + clusterName + "_shop_web"
	var listeners []any
	for i, port := range []int{80, 443} {
		var members []any
		for _, node := range w.nodes() {
			members = append(members, map[string]any{
				"name": node.Name, "address": node.Status.Addresses[0].Address, "protocol_port": 30000 + port, "subnet_id": w.net.SubnetIDs[0],
			})
		}
		listeners = append(listeners, map[string]any{
			"name": fmt.Sprintf("listener_%d_%s", i, name), "protocol": "TCP", "protocol_port": port, "connection_limit": -1, "tags": []string{name},
			"timeout_client_data": 50000, "timeout_member_connect": 5000, "timeout_member_data": 50000, "timeout_tcp_inspect": 0,
			"allowed_cidrs": []string{"0.0.0.0/0"},
			"default_pool": map[string]any{
				"name": fmt.Sprintf("pool_%d_%s", i, name), "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": members,
			},
		})
	}
	b := w.cloud.AddLoadBalancer(simulator.Attributes{
		"name": name, "description": "Kubernetes external service shop/web from cluster " + clusterName, "provider": "amphora",
		"vip_subnet_id": w.net.SubnetIDs[0], "tags": []string{name}, "listeners": listeners,
	})
	ip := w.cloud.AddFloatingIP(simulator.FloatingIPSpec{
		NetworkID: w.external.ID, PortID: b.VIPPortID, Description: "Floating IP for Kubernetes external service shop/web from cluster " + clusterName,
	})
	w.service("web", func(s *v1.Service) {
		s.Finalizers = []string{"service.kubernetes.io/load-balancer-cleanup"}
		s.Status.LoadBalancer.Ingress = []v1.LoadBalancerIngress{{IP: ip.Address, IPMode: new(v1.LoadBalancerIPModeVIP)}}
		if annotated {
			s.Annotations[idKey], s.Annotations[addressKey] = b.ID, ip.Address
		}
	}, tcp(80), tcp(443))
	return b.ID, ip.Address
}

// A cluster comes from openstack-cloud-controller-manager: its load balancer is
// taken over where it is, and nothing but tags is written.
func TestAdoptionWritesTagsOnly(t *testing.T) {
	for name, annotated := range map[string]bool{"by the annotation": true, "by name and members": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 3)
				id, address := w.peers(annotated)
				before := w.cloud.LoadBalancer(id)
				p := w.start()
				pass(10 * time.Minute)
				if got := w.writes(); len(got) != 1 || !strings.HasPrefix(got[0], "PUT /v2/lbaas/loadbalancers/"+id) {
					t.Errorf("got writes:\n%s", strings.Join(got, "\n"))
				}
				after := w.cloud.LoadBalancer(id)
				wantTags := append(before.Tags, "underlay_cluster_"+clusterUID)
				if diff := cmp.Diff(wantTags, after.Tags); diff != "" {
					t.Errorf("tags (-want +got):\n%s", diff)
				}
				before.Tags, after.Tags = nil, nil
				before.Updated, after.Updated = time.Time{}, time.Time{}
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("-before +after:\n%s", diff)
				}
				if s := w.get("web"); s.Annotations[idKey] != id || s.Status.LoadBalancer.Ingress[0].IP != address {
					t.Errorf("got %v and %+v", s.Annotations, s.Status)
				}
				w.delete("web")
				w.settle(time.Minute)
				if got := len(w.cloud.LoadBalancers()) + len(w.cloud.FloatingIPs()); got > 0 {
					t.Errorf("%d things are left over", got)
				}
				p.end()
			})
		})
	}
}

// One of the same name that leads to other nodes is not taken.
func TestNoAdoptionWithoutProof(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		id, _ := w.peers(false)
		for _, pool := range w.cloud.LoadBalancer(id).Pools {
			w.cloud.SetMembers(pool.ID, simulator.Attributes{"address": "10.0.200.1", "protocol_port": 30080})
		}
		before := w.cloud.LoadBalancer(id)
		p := w.start()
		pass(10 * time.Minute)
		if diff := cmp.Diff(before, w.cloud.LoadBalancer(id)); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
		if got := w.get("web").Annotations[idKey]; got == id || got == "" {
			t.Errorf("the Service has load balancer %q", got)
		}
		if !p.heard("LoadBalancerNameTaken") {
			t.Error("nobody was told")
		}
		p.end()
	})
}

// A cluster restored from a backup has the annotations of another: each gets its own.
func TestCopiedServiceGetsItsOwn(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		first := w.balancer("web")
		w2 := w.second("99999999-5f0a-4f0b-9f52-3f4a6f6f2f11")
		w2.join(5)
		annotations := maps.Clone(w.get("web").Annotations)
		p2 := w2.start()
		w2.service("web", func(s *v1.Service) { s.Annotations, s.UID = annotations, "77777777-8f1e-4a39-9a56-000000000001" })
		w2.settle(2 * time.Minute)
		if diff := cmp.Diff(first, w.cloud.LoadBalancer(first.ID)); diff != "" {
			t.Errorf("the first cluster's changed:\n%s", diff)
		}
		if got := w2.get("web").Annotations[idKey]; got == first.ID {
			t.Error("the copy has the first cluster's load balancer")
		}
		p2.end()
	})
}

// Two controllers in overlap, a leader that does not know that it lost among
// them, make one load balancer, or tidy up what they made twice.
func TestTwoLeadersDoNoHarm(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2, configured("manage-security-groups=true"))
		w.addForeign()
		before := w.foreign()
		one, two := w.start(), w.start()
		w.service("web", nil, tcp(80), tcp(443))
		pass(2 * time.Minute)
		w.join(2)
		pass(2 * time.Minute)
		w.change("web", func(s *v1.Service) { s.Spec.Ports = []v1.ServicePort{tcp(443)} })
		pass(2 * time.Minute)
		one.end()
		if wrong := w.until("web", nil); wrong != "" {
			t.Error(wrong)
		}
		pass(10 * time.Minute)
		if wrong := w.groupFlaw("web"); wrong != "" {
			t.Error(wrong)
		}
		w.delete("web")
		if wrong := w.until("web", nil) + w.groupFlaw("web"); wrong != "" {
			t.Error(wrong)
		}
		if diff := cmp.Diff(before, w.foreign()); diff != "" {
			t.Errorf("things of others changed:\n%s", diff)
		}
		two.end()
	})
}

// A node that is about to go takes no new connections, and stays a member.
func TestDrainingNodesHaveNoWeight(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		for _, key := range []string{"ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "node.kubernetes.io/out-of-service"} {
			w.changeNode(0, func(n *v1.Node) { n.Spec.Taints = []v1.Taint{{Key: key, Effect: v1.TaintEffectNoSchedule}} })
			pass(20 * time.Second)
			w.wantWeights(key, 0, 1)
			w.change("web", touch)
			pass(20 * time.Second)
			w.wantWeights(key+", after the framework asked", 0, 1)
			w.changeNode(0, func(n *v1.Node) { n.Spec.Taints = nil })
			pass(20 * time.Second)
			w.wantWeights(key+" gone", 1, 1)
		}
	})
}

func (w *world) wantWeights(when string, want ...int) {
	w.t.Helper()
	got := map[string]int{}
	for _, m := range w.balancer("web").Pools[0].Members {
		got[m.Name] = m.Weight
	}
	for i, weight := range want {
		if g, ok := got[nodeName(i)]; !ok || g != weight {
			w.t.Errorf("%s: weights %v, want %v", when, got, want)
		}
	}
}

// The dry run says what would be done, and does nothing.
func TestPlanIsADryRun(t *testing.T) {
	life(t, 2, nil, annotate("no-such-thing", "x"), func(t *testing.T, w *world, p *process) {
		plan := func() string {
			previews, err := p.controller.Plan(t.Context())
			if err != nil || len(previews) != 1 || previews[0].Err != nil || len(previews[0].Notices) != 1 {
				t.Fatalf("got %+v, %v", previews, err)
			}
			var steps []string
			for _, s := range previews[0].Steps {
				steps = append(steps, s.String())
			}
			return strings.Join(steps, "; ")
		}
		if got := plan(); got != "" {
			t.Errorf("got %q, want nothing to do", got)
		}
		w.cloud.DeleteLoadBalancerPart(w.balancer("web").Pools[0].Members[0].ID)
		pass(10 * time.Second)
		if got := plan(); !strings.HasPrefix(got, "set 2 members") {
			t.Errorf("got %q", got)
		}
		w.readOnly()
	})
}

package loadbalancer_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// A Service that was copied with its annotations out of a cluster of
// openstack-cloud-controller-manager, which marks nothing, does not take its load
// balancer: the other cluster lives on.
func TestACopyTakesNothingOfThePeers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		id, _ := w.peers(true)
		before := w.cloud.LoadBalancer(id)
		w2 := w.second("99999999-5f0a-4f0b-9f52-3f4a6f6f2f11")
		w2.join(5)
		p := w2.start()
		annotations := maps.Clone(w.get("web").Annotations)
		w2.service("web", func(s *v1.Service) { s.Annotations, s.UID = annotations, "77777777-8f1e-4a39-9a56-000000000001" }, tcp(80), tcp(443))
		w2.settle(2 * time.Minute)
		pass(10 * time.Minute)
		if got := w2.get("web").Annotations[idKey]; got == id || got == "" {
			t.Errorf("the copy has load balancer %q, the other cluster's is %s", got, id)
		}
		if !p.heard("LoadBalancerNameTaken") {
			t.Error("nobody was told")
		}
		w2.delete("web")
		w2.settle(time.Minute)
		if diff := cmp.Diff(before, w.cloud.LoadBalancer(id)); diff != "" {
			t.Errorf("the load balancer of the other cluster (-before +after):\n%s", diff)
		}
		p.end()
	})
}

// The same before anything was made: a copy that is deleted takes nothing along.
func TestADeletedCopyTakesNothingAlong(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		id, _ := w.peers(true)
		w2 := w.second("99999999-5f0a-4f0b-9f52-3f4a6f6f2f11")
		annotations := maps.Clone(w.get("web").Annotations)
		w2.service("web", func(s *v1.Service) {
			now := s.CreationTimestamp
			s.Annotations, s.UID, s.DeletionTimestamp = annotations, "77777777-8f1e-4a39-9a56-000000000001", &now
			s.Finalizers = []string{"service.kubernetes.io/load-balancer-cleanup"}
		})
		p := w2.start()
		w2.settle(time.Minute)
		if w.cloud.LoadBalancer(id).ID == "" {
			t.Error("the load balancer of the other cluster is gone")
		}
		p.end()
	})
}

// A cluster comes from the peer after all its nodes were replaced: its Services
// tell their addresses, and keep them.
func TestAdoptionWithOtherNodes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		id, address := w.peers(true)
		w.leave(0)
		w.leave(1)
		w.join(7)
		p := w.start()
		pass(10 * time.Minute)
		if s := w.get("web"); s.Annotations[idKey] != id || s.Status.LoadBalancer.Ingress[0].IP != address {
			t.Errorf("got %v and %+v, want load balancer %s at %s", s.Annotations, s.Status, id, address)
		}
		p.end()
	})
}

// What the event LoadBalancerNameTaken advises: with the mark and the annotation
// the Service has the load balancer that was left alone, and the other one goes.
func TestOneThatWasLeftAloneIsTakenWithTheMark(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		id, address := w.peers(true)
		w.change("web", func(s *v1.Service) { s.Annotations = nil })
		w.leave(0)
		p := w.start()
		pass(10 * time.Minute)
		if !p.heard("LoadBalancerNameTaken") || w.get("web").Annotations[idKey] == id {
			t.Fatalf("it was taken without proof: %v", w.get("web").Annotations)
		}
		p.end()
		w.cloud.EditLoadBalancer(id, simulator.Attributes{"tags": []string{"kube_service_blue_shop_web", "underlay_cluster_" + clusterUID}})
		w.change("web", func(s *v1.Service) { s.Annotations[idKey] = id })
		p = w.start()
		pass(10 * time.Minute)
		if s := w.get("web"); s.Annotations[idKey] != id || s.Status.LoadBalancer.Ingress[0].IP != address {
			t.Errorf("got %v and %+v, want load balancer %s at %s", s.Annotations, s.Status, id, address)
		}
		if got := w.balancer("web").ID; got != id || len(w.cloud.FloatingIPs()) != 1 {
			t.Errorf("got load balancer %s and floating IPs %+v", got, w.cloud.FloatingIPs())
		}
		p.end()
	})
}

// Two clusters were made alike, in networks with the same addresses, and neither
// has a --cluster-name: the members have the addresses of our nodes, and are not.
func TestAddressesOfAnotherNetworkAreNotOurs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		id, _ := w.peers(false)
		before := w.cloud.LoadBalancer(id)
		w2 := w.second("99999999-5f0a-4f0b-9f52-3f4a6f6f2f11")
		w2.net = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "alike", Subnets: []string{"10.0.0.0/16"}})
		w.cloud.AddRouter(simulator.RouterSpec{Name: "alike", SubnetIDs: w2.net.SubnetIDs, ExternalNetworkID: w.external.ID})
		w2.join(5)
		w2.join(6)
		if w2.nodes()[0].Status.Addresses[0].Address != w.nodes()[0].Status.Addresses[0].Address {
			t.Fatal("the nodes have other addresses")
		}
		p := w2.start()
		w2.service("web", nil, tcp(80), tcp(443))
		w2.settle(2 * time.Minute)
		pass(10 * time.Minute)
		w2.delete("web")
		w2.settle(time.Minute)
		if diff := cmp.Diff(before, w.cloud.LoadBalancer(id)); diff != "" {
			t.Errorf("the load balancer of the other cluster (-before +after):\n%s", diff)
		}
		p.end()
	})
}

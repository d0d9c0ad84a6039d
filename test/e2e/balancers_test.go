package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/playground"
	"underlay/pkg/simulator"
	shared "underlay/test/world"
)

// TestAServiceOfTypeLoadBalancerFromItsFirstDayToItsLast goes through what
// happens to one in its life. What each step costs is counted.
func TestAServiceOfTypeLoadBalancerFromItsFirstDayToItsLast(t *testing.T) {
	w := newWorld(t, playground.Options{})
	first := w.Lead(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	w.Untainted("node-1", "node-2")

	w.Cloud.ResetCalls()
	w.Serve("web", nil, shared.TCP(80))
	address := w.Address("web")
	b := w.balancer("web")
	w.checkFirstDay(b, address)
	w.UntilEnsured("web", 1) // because of our own annotations, which cost nothing
	w.spent(6, 2)            // the load balancer and the floating IP; what Octavia can do is asked once

	if err := first.Stop(playground.StopGrace); err != nil {
		t.Fatal(err)
	}
	before := w.Ensured("web")
	w.Cloud.ResetCalls()
	w.Lead(quick...)
	w.UntilEnsured("web", before)
	w.spent(11, 0)

	w.Cloud.ResetCalls()
	w.Edit("web", func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, shared.TCP(443)) })
	w.Until(time.Minute, "the new port has two members", func(context.Context) bool { return w.members("web", 2, 2) })
	w.spent(8, 3)

	w.Cloud.ResetCalls()
	w.JoinAll(3, 3)
	w.Until(time.Minute, "node-3 is a member for both ports", func(context.Context) bool { return w.members("web", 2, 3) })
	w.spent(40, 2) // it is looked at each time that the new node is a little more ready

	w.Untainted("node-3")
	w.Cloud.DeleteLoadBalancer(b.ID)
	w.drain("node-3") // brings the pass, which comes every five minutes, at once
	w.Until(time.Minute, "it is there again", func(context.Context) bool { return w.members("web", 2, 3) })
	if made := w.balancer("web"); made.ID == b.ID || w.Address("web") != address {
		t.Errorf("load balancer %s at %s: want a new one at %s", made.ID, w.Address("web"), address)
	}
	w.Until(time.Minute, "node-3, which is about to go, has weight 0", func(context.Context) bool {
		return w.weight("web", "node-3") == 0 && w.weight("web", "node-1") == 1
	})

	w.Forget("web")
	w.nothingLeft()
}

// checkFirstDay looks at a load balancer that has just been made for the port 80.
func (w *world) checkFirstDay(b simulator.LoadBalancerState, address string) {
	w.t.Helper()
	s := w.Service("web")
	ips := w.Cloud.FloatingIPs()
	if len(ips) != 1 || ips[0].Address != address || ips[0].PortID != b.VIPPortID {
		w.t.Errorf("floating IPs: got %+v, want %s on port %s", ips, address, b.VIPPortID)
	}
	if s.Annotations[shared.Annotation+"load-balancer-id"] != b.ID || s.Annotations[shared.Annotation+"load-balancer-address"] != address {
		w.t.Errorf("annotations: got %v", s.Annotations)
	}
	if b.ProvisioningStatus != "ACTIVE" || len(b.Listeners) != 1 || b.Listeners[0].Port != 80 || len(b.Pools) != 1 {
		w.t.Fatalf("load balancer: got %+v", b)
	}
	for _, m := range b.Pools[0].Members {
		if m.Port != int(s.Spec.Ports[0].NodePort) {
			w.t.Errorf("member %s: got port %d, want the NodePort %d", m.Name, m.Port, s.Spec.Ports[0].NodePort)
		}
	}
	if !w.members("web", 1, 2) {
		w.t.Errorf("members: got %+v, want two", b.Pools[0].Members)
	}
}

func TestTwoServicesShareALoadBalancerAndItGoesWithTheLast(t *testing.T) {
	w := newWorld(t, playground.Options{})
	if err := w.WriteCloudConf(w.CloudConf() + "\n[LoadBalancer]\nmanage-security-groups=true\n"); err != nil {
		t.Fatal(err)
	}
	w.Lead(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	groups := w.nodeGroups()
	w.Serve("web", nil, shared.TCP(80))
	address := w.Address("web")
	b := w.balancer("web")
	w.Serve("api", map[string]string{shared.Annotation + "load-balancer-id": b.ID}, shared.TCP(8080))
	if got := w.Address("api"); got != address {
		t.Errorf("api: got the address %s, want that of web, %s", got, address)
	}
	if got := w.Cloud.LoadBalancer(b.ID); len(got.Listeners) != 2 || len(w.Cloud.LoadBalancers()) != 1 {
		t.Errorf("got %+v, want one load balancer with two listeners", got)
	}
	if got := w.nodeGroups(); got != groups+4 {
		t.Errorf("got %d security groups on two nodes, want two more on each than %d", got, groups)
	}

	w.Forget("web") // after which it is named after
	if got := w.Cloud.LoadBalancer(b.ID); len(got.Listeners) != 1 || got.Listeners[0].Port != 8080 || w.Address("api") != address {
		t.Errorf("got %+v, want the listener of api alone", got)
	}
	w.Forget("api")
	w.nothingLeft()
	if got := w.nodeGroups(); got != groups {
		t.Errorf("got %d security groups on the nodes, want %d as before", got, groups)
	}
}

// TestALoadBalancerThatThePeerMadeIsTakenOverAsItIs: in the peer's layout, with
// nothing changed but the tag that says whose it is.
func TestALoadBalancerThatThePeerMadeIsTakenOverAsItIs(t *testing.T) {
	w := newWorld(t, playground.Options{})
	if err := w.WriteCloudConf(w.CloudConf() + "\n[LoadBalancer]\nenabled=false\n"); err != nil {
		t.Fatal(err)
	}
	nodesOnly := w.Lead(quick...) // the peer made nodes of them before
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	if err := nodesOnly.Stop(playground.StopGrace); err != nil {
		t.Fatal(err)
	}
	w.Serve("web", nil, shared.TCP(80))
	before := w.asThePeerMakesIt("web")
	w.Cloud.ResetCalls()
	if err := w.WriteCloudConf(w.CloudConf()); err != nil {
		t.Fatal(err)
	}
	w.Lead(quick...)
	w.UntilEnsured("web", 0)
	if got, want := w.balancerWrites(), []string{"PUT /v2/lbaas/loadbalancers/" + before.ID}; !slices.Equal(got, want) {
		t.Errorf("writes: got %v, want %v", got, want)
	}
	after := w.Cloud.LoadBalancer(before.ID)
	if !slices.ContainsFunc(after.Tags, func(tag string) bool { return strings.HasPrefix(tag, "underlay_cluster_") }) {
		t.Errorf("tags: got %v, want the cluster's among them", after.Tags)
	}
	if len(after.Listeners) != 1 || after.Listeners[0].ID != before.Listeners[0].ID || len(w.Cloud.LoadBalancers()) != 1 {
		t.Errorf("got %+v, want what was there: %+v", after, before)
	}
	w.Forget("web")
	w.nothingLeft()
}

// asThePeerMakesIt makes what the peer has made for a Service of one port: load
// balancer, floating IP, annotations, status and finalizer.
func (w *world) asThePeerMakesIt(name string) simulator.LoadBalancerState {
	w.t.Helper()
	const generated = "kube_service_kubernetes_default_"
	s := w.Service(name)
	full := generated + name
	var members []simulator.Attributes
	for _, node := range []string{"node-1", "node-2"} {
		for _, ip := range w.Cloud.Port(w.Member(node).PortID).FixedIPs {
			members = append(members, simulator.Attributes{
				"name": node, "address": ip.Address, "subnet_id": ip.SubnetID, "protocol_port": s.Spec.Ports[0].NodePort,
			})
		}
	}
	b := w.Cloud.AddLoadBalancer(simulator.Attributes{
		"name": full, "description": "Kubernetes external service default/" + name + " from cluster kubernetes", "tags": []string{full},
		"provider": "amphora", "vip_subnet_id": w.SubnetIDs[0],
		"listeners": []simulator.Attributes{{
			"name": "listener_0_" + full, "protocol": "TCP", "protocol_port": 80, "allowed_cidrs": []string{"0.0.0.0/0"}, "tags": []string{full},
			"default_pool": simulator.Attributes{
				"name": "pool_0_" + full, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": members,
			},
		}},
	})
	var external string
	for _, network := range w.Cloud.Networks() {
		if network.External {
			external = network.ID
		}
	}
	ip := w.Cloud.AddFloatingIP(simulator.FloatingIPSpec{
		NetworkID: external, PortID: b.VIPPortID,
		Description: "Floating IP for Kubernetes external service default/" + name + " from cluster kubernetes",
	})
	w.Edit(name, func(s *corev1.Service) {
		s.Annotations = map[string]string{shared.Annotation + "load-balancer-id": b.ID, shared.Annotation + "load-balancer-address": ip.Address}
		s.Finalizers = []string{"service.kubernetes.io/load-balancer-cleanup"}
	})
	s = w.Service(name)
	s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: ip.Address}}
	if _, err := w.Client.CoreV1().Services(s.Namespace).UpdateStatus(w.t.Context(), s, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	return b
}

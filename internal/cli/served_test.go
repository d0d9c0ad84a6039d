package cli

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/simulator"
)

// What can only be chosen for a new load balancer keeps no Service from being served.
func TestPlanCallsAServiceServedThatIs(t *testing.T) {
	w := newLiving(t)
	w.cloud.SetRoutes(w.stack.router, []simulator.RouteState{
		{Destination: "10.244.0.0/24", NextHop: w.stack.servers[0].Addresses[0]},
		{Destination: "10.244.1.0/24", NextHop: w.stack.servers[1].Addresses[0]},
	})
	w.serve()
	w.edit(func(s *v1.Service) {
		s.Annotations["loadbalancer.openstack.org/port-id"] = "5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2"
	})
	code, out := w.plan()
	if code != 0 || strings.Contains(out, "cannot be served") || !strings.Contains(out, "Note: ") {
		t.Errorf("got exit code %d and\n%s", code, out)
	}
}

// edit changes the Service as a user does.
func (w *living) edit(change func(*v1.Service)) {
	w.t.Helper()
	services := w.kube.CoreV1().Services("shop")
	service, err := services.Get(w.t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	change(service)
	if _, err := services.Update(w.t.Context(), service, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

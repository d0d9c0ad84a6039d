package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/internal/owner"
	"underlay/pkg/simulator"
)

// A Service has the listeners that carry its name; those of others on its load
// balancer are theirs.
func TestStatusTellsTheListenersOfSharingServicesApart(t *testing.T) {
	w := newLiving(t)
	w.serve()
	theirs := "kube_service_blue_shop_api"
	id := w.cloud.LoadBalancers()[0].ID
	w.cloud.AddListener(id, simulator.Attributes{"name": owner.PartName("listener", 0, theirs), "protocol": "TCP", "protocol_port": 81, "tags": []string{theirs}})
	w.cloud.AddListener(id, simulator.Attributes{"name": owner.PartName("listener", 1, theirs), "protocol": "TCP", "protocol_port": 82})
	w.cloud.AddListener(id, simulator.Attributes{"name": "by hand", "protocol": "TCP", "protocol_port": 83})
	s, err := w.options().openScene(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.options().serviceStatuses(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"TCP/80", "TCP/83", "TCP/443"}, got[0].Listeners); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

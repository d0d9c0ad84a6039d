package scenario_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/playground"
	"underlay/test/world"
)

// layout makes on Octavia what kubernetes/cloud-provider-openstack makes for a
// Service, by its names, with its floating IP. It gives the load balancer's id.
func (s *balancerStory) layout(t *testing.T, service *corev1.Service) string {
	t.Helper()
	name := "kube_service_kubernetes_default_" + service.Name
	var listeners []object
	for i, p := range service.Spec.Ports {
		var members []object
		for _, node := range s.addresses(t) {
			members = append(members, object{"name": node[0], "address": node[1], "protocol_port": p.NodePort, "subnet_id": s.on.subnet})
		}
		listeners = append(listeners, object{
			"name": fmt.Sprintf("listener_%d_%s", i, name), "protocol": "TCP", "protocol_port": p.Port, "connection_limit": -1, "tags": []string{name},
			"timeout_client_data": 50000, "timeout_member_connect": 5000, "timeout_member_data": 50000, "timeout_tcp_inspect": 0,
			"allowed_cidrs": []string{"0.0.0.0/0"},
			"default_pool": object{
				"name": fmt.Sprintf("pool_%d_%s", i, name), "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": members,
			},
		})
	}
	var made struct {
		LoadBalancer struct {
			ID     string
			PortID string `json:"vip_port_id"`
		}
	}
	s.on.must(t, http.MethodPost, balancing, "/v2/lbaas/loadbalancers", object{"loadbalancer": object{
		"name": name, "description": "Kubernetes external service default/" + service.Name + " from cluster kubernetes", "provider": "amphora",
		"vip_subnet_id": s.on.subnet, "tags": []string{name}, "listeners": listeners,
	}}, &made)
	var outside struct{ Networks []struct{ ID string } }
	s.on.must(t, http.MethodGet, "network", "/v2.0/networks?router%3Aexternal=true&fields=id", nil, &outside)
	s.on.make(t, "floatingip", object{
		"floating_network_id": outside.Networks[0].ID, "port_id": made.LoadBalancer.PortID,
		"description": "Floating IP for Kubernetes external service default/" + service.Name + " from cluster kubernetes",
	})
	s.Until(octaviaTime, "it is ACTIVE", func(context.Context) bool { return s.on.only(t).Status == "ACTIVE" })
	return made.LoadBalancer.ID
}

// addresses are names and IPv4 addresses of the nodes.
func (s *balancerStory) addresses(t *testing.T) [][2]string {
	t.Helper()
	list, err := s.Client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all [][2]string
	for _, node := range list.Items {
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP && !strings.Contains(address.Address, ":") {
				all = append(all, [2]string{node.Name, address.Address})
			}
		}
	}
	return all
}

// parts are a load balancer with all that hangs on it, as Octavia shows it, but
// for tags and times.
func (on *tenant) parts(t *testing.T, id string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for kind, path := range map[string]string{
		"itself": "loadbalancers/" + id, "listeners": "listeners?" + url.Values{"loadbalancer_id": {id}}.Encode(),
		"pools": "pools?" + url.Values{"loadbalancer_id": {id}}.Encode(), "status": "loadbalancers/" + id + "/status",
	} {
		var answer map[string]any
		on.must(t, http.MethodGet, balancing, "/v2/lbaas/"+path, nil, &answer)
		all[kind] = answer
	}
	return lacking(all, "tags", "updated_at", "operating_status").(map[string]any)
}

// lacking is JSON less some keys.
func lacking(value any, keys ...string) any {
	switch value := value.(type) {
	case map[string]any:
		rest := maps.Clone(value)
		for _, key := range keys {
			delete(rest, key)
		}
		for key := range rest {
			rest[key] = lacking(rest[key], keys...)
		}
		return rest
	case []any:
		var rest []any
		for _, item := range value {
			rest = append(rest, lacking(item, keys...))
		}
		return rest
	}
	return value
}

// takeOver: a cluster comes from the peer, whose load balancer serves on. It gets
// a tag, and is otherwise left as it is.
func takeOver(t *testing.T, s *balancerStory, annotated bool) {
	for _, c := range s.Controllers() {
		if c.Running() {
			if err := c.Stop(playground.StopGrace); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Serve("peer", nil, world.TCP(80), world.TCP(443))
	id := s.layout(t, s.Service("peer"))
	if annotated {
		s.Edit("peer", func(v *corev1.Service) {
			v.Annotations = map[string]string{world.Annotation + "load-balancer-id": id}
		})
	}
	before := s.on.parts(t, id)
	s.on.proxy.Reset()
	s.Lead(production.flags()...)
	address := s.Address("peer")
	s.UntilEnsured("peer", 0)
	if diff := cmp.Diff(before, s.on.parts(t, id)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	var writes []string
	for _, call := range s.on.proxy.Calls() {
		if strings.Contains(call.Pattern, "/lbaas/") && call.Method != http.MethodGet {
			writes = append(writes, call.Pattern)
		}
	}
	if len(writes) != 1 || !strings.HasPrefix(writes[0], "PUT ") || !strings.HasSuffix(writes[0], "/lbaas/loadbalancers/{id}") {
		t.Errorf("got writes to Octavia %q, want one of the load balancer's tags", writes)
	}
	ips, err := s.on.floatingIPs(t.Context())
	if b := s.on.only(t); err != nil || len(ips) != 1 || ips[0] != (floatingIP{address, b.PortID}) || b.ID != id {
		t.Errorf("got %v (%v) on %+v, want %s on the peer's", ips, err, b, address)
	}
	s.Forget("peer")
	s.nothingLeft(t)
}

package e2e

import (
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"underlay/pkg/simulator"
	"underlay/test/openstack/api"
)

// balancer is the only one that has the name of a Service; the zero value when there is none.
func (w *world) balancer(name string) simulator.LoadBalancerState {
	w.t.Helper()
	var found []simulator.LoadBalancerState
	for _, b := range w.Cloud.LoadBalancers() {
		if b.Name == "kube_service_kubernetes_default_"+name {
			found = append(found, b)
		}
	}
	switch len(found) {
	case 0:
		return simulator.LoadBalancerState{}
	case 1:
		return found[0]
	}
	w.t.Fatalf("%s has %d load balancers", name, len(found))
	return simulator.LoadBalancerState{}
}

// members says whether the load balancer of a Service is done and has so many
// listeners, each with a pool of so many members.
func (w *world) members(name string, listeners, each int) bool {
	b := w.balancer(name)
	if b.ProvisioningStatus != "ACTIVE" || len(b.Listeners) != listeners || len(b.Pools) != listeners {
		return false
	}
	return !slices.ContainsFunc(b.Pools, func(p simulator.PoolState) bool { return len(p.Members) != each })
}

// weight is that of a node in the first pool of a Service; -1 for none.
func (w *world) weight(name, node string) int {
	ips := w.Cloud.Port(w.Member(node).PortID).FixedIPs
	for _, p := range w.balancer(name).Pools {
		for _, m := range p.Members {
			if m.Address == ips[0].Address {
				return m.Weight
			}
		}
	}
	return -1
}

// drain taints a node as the cluster autoscaler does before it takes it away.
func (w *world) drain(name string) {
	w.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		node := w.node(name)
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: "ToBeDeletedByClusterAutoscaler", Effect: corev1.TaintEffectNoSchedule})
		_, err := w.Client.CoreV1().Nodes().Update(w.t.Context(), node, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// balancerCalls are those that load balancers have cost since the last reset, but
// for the polls of the one waiter.
func (w *world) balancerCalls() []string {
	var all []string
	for _, call := range w.Cloud.Calls() {
		about := call.Service == "load-balancer" || strings.Contains(call.Path, "/floatingips") || strings.Contains(call.Path, "/security-group")
		poll := strings.HasPrefix(call.Path, "/v2/lbaas/loadbalancers") && call.Query.Has("fields")
		if about && !poll {
			all = append(all, call.Method+" "+call.Path)
		}
	}
	return all
}

// balancerWrites are those of the balancerCalls that change something.
func (w *world) balancerWrites() []string {
	return slices.DeleteFunc(w.balancerCalls(), func(call string) bool { return strings.HasPrefix(call, http.MethodGet+" ") })
}

// spent holds what load balancers have cost since the last reset to a number of
// calls, and the writes among them to another.
func (w *world) spent(calls, writes int) {
	w.t.Helper()
	all, changes := w.balancerCalls(), w.balancerWrites()
	w.t.Logf("%d calls, %d writes", len(all), len(changes))
	if len(all) > calls || len(changes) > writes {
		w.t.Errorf("got %d calls and %d writes, want at most %d and %d:\n%s", len(all), len(changes), calls, writes, strings.Join(all, "\n"))
	}
}

// nodeGroups counts the security groups on the ports of all nodes.
func (w *world) nodeGroups() int {
	count := 0
	for _, p := range w.Cloud.Ports() {
		if strings.HasPrefix(p.DeviceOwner, "compute:") {
			count += len(p.SecurityGroups)
		}
	}
	return count
}

// nothingLeft looks for what load balancers have left in the project.
func (w *world) nothingLeft() {
	w.t.Helper()
	if got := w.Cloud.LoadBalancers(); len(got) > 0 {
		w.t.Errorf("left load balancers: %+v", got)
	}
	if got := w.Cloud.FloatingIPs(); len(got) > 0 {
		w.t.Errorf("left floating IPs: %+v", got)
	}
	for _, p := range w.Cloud.Ports() {
		if p.DeviceOwner == "Octavia" {
			w.t.Errorf("left port %s", p.Name)
		}
	}
	client, err := api.Login(w.t.Context(), http.DefaultClient, api.Account{
		AuthURL: simulator.IdentityURL(w.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var groups struct {
		SecurityGroups []struct{ Name string } `json:"security_groups"`
	}
	if err := client.Do(w.t.Context(), http.MethodGet, "network", "/v2.0/security-groups", nil, &groups); err != nil {
		w.t.Fatal(err)
	}
	for _, group := range groups.SecurityGroups {
		if strings.HasPrefix(group.Name, "lb-sg-") {
			w.t.Errorf("left security group %s", group.Name)
		}
	}
}

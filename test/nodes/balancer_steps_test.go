package nodes

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"underlay/test/nodes/lab"
	"underlay/test/nodes/tenant"
)

// everyNodeAnswers: kube-proxy of any node leads to the pod, in its own name.
func everyNodeAnswers(w *world) {
	gateway := netip.MustParsePrefix(w.podCIDR("node-2")).Addr().Next() // node-2, as its own pods see it
	want := []string{w.machine("node-1").Address, gateway.String(), w.machine("node-3").Address}
	slices.Sort(want)
	w.always("get", pageAt(w.address(everyNode)), func(all []asked) bool { return slices.Equal(want, sourcesOf(all)) })
}

// sourcesOf are those that pages have seen, each once.
func sourcesOf(all []asked) []string {
	var sources []string
	for _, a := range all {
		sources = append(sources, a.source)
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}

func throughUDP(w *world) {
	w.always("udp", w.address(everyNode)+":53", by("page-1"))
}

// onlyThePodsNode: the other nodes fail their health checks. The page sees the
// amphora: a load balancer that is a proxy hides the client, and no node does.
func onlyThePodsNode(w *world) {
	address := w.address(podsNode)
	want := []string{w.amphora(address).FixedIPs[0].Address}
	w.always("get", pageAt(address), func(all []asked) bool { return slices.Equal(want, sourcesOf(all)) && by("page-1")(all) })
}

// amphora is the port of the one behind a floating IP.
func (w *world) amphora(floating string) tenant.Port {
	w.t.Helper()
	virtual := w.behind(floating)
	ports, err := w.Cloud.Ports(w.t.Context(), w.Network.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	at := slices.IndexFunc(ports, func(p tenant.Port) bool {
		return slices.ContainsFunc(p.Pairs, func(pair tenant.Pair) bool { return strings.TrimSuffix(pair.Address, "/32") == virtual })
	})
	if at < 0 {
		w.t.Fatalf("no port may send from %s: %v", virtual, ports)
	}
	return ports[at]
}

// behind is the virtual address that a floating IP leads to.
func (w *world) behind(floating string) string {
	w.t.Helper()
	all, err := w.Cloud.FloatingIPs(w.t.Context(), w.Network.RouterID)
	if err != nil {
		w.t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(ip tenant.FloatingIP) bool { return ip.Address == floating })
	if at < 0 {
		w.t.Fatalf("no floating IP %s: %v", floating, all)
	}
	return all[at].Fixed
}

// namesTheClient: a page that understands the PROXY protocol, in either version, or
// X-Forwarded-For sees the client's own address, and always by way of the same node.
func namesTheClient(w *world) {
	address, client := w.address(proxied), lab.OutsideAddress.Addr().String()
	for at, version := range map[string]string{pageAt(address): "v1 ", pageAt(address + ":81"): "v2 ", pageAt(address + ":82"): ""} {
		w.always("get", at, func(all []asked) bool {
			sources := sourcesOf(all)
			return len(sources) == 1 && strings.HasPrefix(sources[0], version+client+" by way of ") && by("page-1")(all)
		})
	}
}

// edit changes a Service as kubectl edit does.
func (w *world) edit(name string, change func(*corev1.ServiceSpec)) {
	w.t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		service := w.service(name)
		change(&service.Spec)
		_, err := w.Client.CoreV1().Services("default").Update(w.t.Context(), service, metav1.UpdateOptions{})
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

func onlyFromRanges(w *world) {
	at := pageAt(w.address(everyNode))
	w.edit(everyNode, func(s *corev1.ServiceSpec) { s.LoadBalancerSourceRanges = []string{"192.0.2.0/24"} })
	w.never("get", at)
	w.edit(everyNode, func(s *corev1.ServiceSpec) {
		s.LoadBalancerSourceRanges = []string{"192.0.2.0/24", lab.OutsideAddress.Masked().String()}
	})
	w.always("get", at, by("page-1"))
}

// groupIsTheWay: the nodes let the load balancer in at the Service's NodePort, by
// one rule, and without it nothing arrives.
func groupIsTheWay(w *world) {
	at, port := pageAt(w.address(everyNode)), int(w.service(everyNode).Spec.Ports[0].NodePort)
	rule := w.ruleFor(port)
	if rule.RemoteCIDR != w.Network.Subnet.String() || rule.Protocol != "tcp" {
		w.t.Errorf("rule %+v: want one for TCP from the load balancers' subnet", rule)
	}
	if err := w.Cloud.DeleteRule(w.t.Context(), rule.ID); err != nil {
		w.t.Fatal(err)
	}
	w.never("get", at)
	if err := w.Cloud.AddRule(w.t.Context(), rule); err != nil {
		w.t.Fatal(err)
	}
	w.always("get", at, by("page-1"))
	w.never("get", pageAt(fmt.Sprint(w.machine("node-1").Address, ":", port))) // the client does not come that way
}

// ruleFor is the one rule of all security groups that names a NodePort.
func (w *world) ruleFor(port int) tenant.Rule {
	w.t.Helper()
	groups, err := w.Cloud.Groups(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var found []tenant.Rule
	for _, group := range groups {
		carried, err := w.carried(w.t.Context(), group.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, rule := range group.Rules {
			if carried && rule.PortMin == port {
				found = append(found, rule)
			}
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("got rules %v, want one for port %d", found, port)
	}
	return found[0]
}

// carried says that a port of the tenant network has a security group.
func (w *world) carried(ctx context.Context, group string) (bool, error) {
	ports, err := w.Cloud.Ports(ctx, w.Network.ID)
	return slices.ContainsFunc(ports, func(p tenant.Port) bool { return slices.Contains(p.Groups, group) }), err
}

// podMoves: with the Local policy, traffic follows the pod as soon as the health
// checks have seen it.
func podMoves(w *world) {
	at := pageAt(w.address(podsNode))
	if err := w.Client.CoreV1().Pods("default").Delete(w.t.Context(), "page-1", metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
	w.never("get", at)
	w.addPod("page-2", "page", "node-3")
	moved := time.Now()
	w.always("get", at, by("page-2"))
	w.log(fmt.Sprintf("%.1f s after the pod runs elsewhere, all answers come from there", time.Since(moved).Seconds()))
	w.always("get", pageAt(w.address(everyNode)), by("page-2"))
}

// memberLeaves: a node whose server is deleted leaves all load balancers.
func memberLeaves(w *world) {
	gone := w.machine("node-2").Address
	if err := w.Remove(w.t.Context(), w.machine("node-2")); err != nil {
		w.t.Fatal(err)
	}
	w.until(balancerTime, func(ctx context.Context) string {
		members, err := w.members(ctx)
		if err != nil || len(members) == 0 || slices.Contains(members, gone) {
			return fmt.Sprintf("members %v (%v), want %s to be gone", members, err, gone)
		}
		return ""
	})
	w.log("the node that left is no member")
	for _, name := range []string{everyNode, podsNode} {
		w.always("get", pageAt(w.address(name)), by("page-2"))
	}
}

// members are the addresses of all members of all load balancers.
func (w *world) members(ctx context.Context) ([]string, error) {
	balancers, err := w.Cloud.Balancers(ctx, w.Network.ID)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, b := range balancers {
		if err := w.Cloud.ReadBalancer(ctx, &b); err != nil {
			return nil, err
		}
		for _, pool := range b.Pools {
			for _, member := range pool.Serving {
				all = append(all, member.Address)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// nothingOfServices: Services that are deleted answer no more, and the cloud has
// nothing of them.
func nothingOfServices(w *world) {
	names := []string{everyNode, podsNode, proxied}
	addresses := map[string]string{}
	var groups []string
	for _, name := range names {
		addresses[name] = w.address(name)
		groups = append(groups, w.ruleFor(int(w.service(name).Spec.Ports[0].NodePort)).GroupID)
	}
	for _, name := range names {
		if err := w.Client.CoreV1().Services("default").Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.until(balancerTime, func(ctx context.Context) string {
		for _, name := range names {
			if _, err := w.Client.CoreV1().Services("default").Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				return fmt.Sprintf("%s is still there (%v)", name, err)
			}
		}
		return ""
	})
	w.log("the Services are gone")
	for _, name := range names {
		w.never("get", pageAt(addresses[name]))
	}
	balancers, errBalancers := w.Cloud.Balancers(w.t.Context(), w.Network.ID)
	floating, errFloating := w.Cloud.FloatingIPs(w.t.Context(), w.Network.RouterID)
	left, errGroups := w.Cloud.Groups(w.t.Context())
	left = slices.DeleteFunc(left, func(g tenant.Group) bool { return !slices.Contains(groups, g.ID) })
	if len(balancers)+len(floating)+len(left) > 0 || errBalancers != nil || errFloating != nil || errGroups != nil {
		w.t.Errorf("left: load balancers %v (%v), floating IPs %v (%v), security groups %v (%v)", balancers, errBalancers, floating, errFloating, left, errGroups)
	}
}

package plan_test

import (
	"encoding/json"
	"slices"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// copied is a deep copy: nil stays nil, empty stays empty.
func copied[T any](value T) T {
	var to T
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &to)
	}
	if err != nil {
		panic(err)
	}
	return to
}

func (w *world) copied() *world {
	return &world{balancers: copied(w.balancers), addresses: copied(w.addresses), groups: copied(w.groups), ports: copied(w.ports), serial: w.serial}
}

// observe finds what the Service has, by the marks alone, as one that knows
// nothing of what was done before.
func (w *world) observe(d tree.Desired) tree.Actual {
	var a tree.Actual
	now := w.copied()
	for i := range now.balancers {
		b := &now.balancers[i]
		switch uid := markOf(b); {
		case d.Shared != "" && b.ID == d.Shared:
			a.Balancer, a.Owned = b, b.Name == d.BalancerName && uid == d.Cluster.UID
		case uid != "" && uid != d.Cluster.UID:
		case d.Shared == "" && a.Balancer == nil && b.Name == d.BalancerName:
			a.Balancer, a.Owned = b, true
		case b.Name == d.BalancerName || slices.Contains(b.Tags, d.BalancerName):
			a.Former = append(a.Former, *b)
		}
	}
	port := d.Balancer.VIP.PortID
	if a.Balancer != nil {
		port = a.Balancer.VIP.PortID
	}
	for _, f := range now.addresses {
		own := d.Cluster.MadeFloatingIP(d.Service, f.Description) || d.Cluster.KeptFloatingIP(d.Service, f.Description)
		wanted := d.FloatingIP != nil && d.FloatingIP.Address == f.Address
		if own || wanted || port != "" && f.PortID == port {
			a.FloatingIPs = append(a.FloatingIPs, f)
		}
	}
	for _, g := range now.groups {
		if g.Name == owner.SecurityGroupName(d.Service) {
			a.SecurityGroups = append(a.SecurityGroups, g)
		}
	}
	a.Ports = now.ports
	return a
}

func markOf(b *tree.Balancer) string {
	if uid := owner.TaggedCluster(b.Tags); uid != "" {
		return uid
	}
	return owner.DescribedCluster(b.Description)
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// reach observes, plans and applies once, and is fatal on a refused step.
func (w *world) reach(t tester, d tree.Desired) []step.Step {
	t.Helper()
	actual := w.observe(d)
	steps := plan.Plan(d, actual)
	if err := w.run(actual, steps, len(steps), nil); err != nil {
		t.Fatalf("apply: %v", err)
	}
	return steps
}

// settled is fatal unless nothing is left to do.
func (w *world) settled(t tester, d tree.Desired) {
	t.Helper()
	if steps := plan.Plan(d, w.observe(d)); len(steps) > 0 {
		t.Fatalf("still to do: %v", steps)
	}
}

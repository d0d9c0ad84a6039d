package routes

// claim says whose a route is.
type claim int

const (
	// others: not ours, or not ours to judge. Never listed, never removed.
	others claim = iota
	// ours: a route that this cluster wrote or that leads to one of its nodes.
	ours
	// contested: a route for a pod CIDR of ours whose next hop is a live port
	// that is not a node's. Somebody else's mistake or intent: it is said, not removed.
	contested
)

// judge decides whose a route is. On a router that others use too, only this
// keeps their routes alive (the framework deletes every listed route that no
// node wants), so it asks for evidence: the destination inside a cluster CIDR,
// and the first of these that holds
//
//	the destination is a pod CIDR of a node without a next hop    → others
//	the exact pair stands in the ledger, or                       → ours
//	the next hop is an address of a current node of this cluster  → ours
//	the destination is exactly a pod CIDR of one of our nodes,
//	  the next hop lies on a subnet of the router,
//	  and no port that we can see holds it                        → ours
//	  and a port that we can see holds it                         → contested
//	anything else                                                 → others
func (a *Actual) judge(p pair, desired *Desired) claim {
	if !inside(p.prefix, desired.ClusterCIDRs) || desired.Unroutable[p.prefix] {
		return others
	}
	if a.Written[p] {
		return ours
	}
	if _, node := desired.Addresses[p.hop]; node {
		return ours
	}
	if _, podCIDR := desired.PodCIDRs[p.prefix]; !podCIDR || !a.attached.reaches(p.hop) {
		return others
	}
	if len(a.holders(p)) > 0 {
		return contested
	}
	return ours
}

// holders are the visible ports that hold the next hop on a subnet of the router.
func (a *Actual) holders(p pair) []*Port {
	var held []*Port
	for _, port := range a.ports.byAddress[p.hop] {
		if a.attached.holds(port, p.hop) {
			held = append(held, port)
		}
	}
	return held
}

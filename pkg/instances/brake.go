package instances

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
)

// smallLoss is how many servers may always be missing, however few Nodes
// there are: a small cluster must be able to lose nodes.
const smallLoss = 3

// sweepPeriod is how often what belongs to deleted Nodes is forgotten.
const sweepPeriod = 30 * time.Second

// survey compares the known Nodes with one list of servers. It is the brake's
// measure, and deliberately not that of suspects: when many servers vanish
// their Nodes turn NotReady one after another, and the first few would be
// removed before the others are noticed. A list may lack servers that exist
// (an unreachable cell), but for holding back that is just as good a reason.
type survey struct {
	of             *serverIndex
	at             time.Time
	known, missing int
	// reporting counts the missing whose kubelets report: they do run somewhere.
	reporting int
	percent   int
}

// limit is how many servers may be missing before the brake holds.
func (s survey) limit() int { return max(smallLoss, s.known*s.percent/100) }

// held says whether the brake holds: no Node is to be removed.
func (s survey) held() bool { return s.percent > 0 && (s.missing > s.limit() || s.elsewhere()) }

// elsewhere says that the list is not that of the cluster's servers: it has none of
// them, and some of them run. Credentials of another project read that project
// well, and a cluster of a few nodes is too small for the limit.
func (s survey) elsewhere() bool { return s.missing == s.known && s.reporting > 0 }

// count surveys the list, at most once in sightAge for the same one.
func (i *Instances) count(listed *serverIndex) survey {
	i.mu.Lock()
	last := i.survey
	i.mu.Unlock()
	if last.of == listed && time.Since(last.at) <= sightAge {
		return last
	}
	now := survey{of: listed, at: time.Now(), percent: i.BrakePercent}
	nodes := i.Nodes()
	evidence := i.weigh(nodes)
	for _, node := range nodes {
		ids := i.serverIDs(node, evidence)
		if len(ids) == 0 {
			continue
		}
		now.known++
		if listed.hasAny(ids) {
			continue
		}
		now.missing++
		if readiness(node) == v1.ConditionTrue {
			now.reporting++
		}
	}
	meters.missing.Set(float64(now.missing))
	if now.percent > 0 {
		meters.limit.Set(float64(now.limit()))
	} else {
		meters.limit.Set(-1)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.survey = now
	return now
}

// sayHeld tells that the brake keeps this Node, with the numbers.
func (i *Instances) sayHeld(ctx context.Context, node *v1.Node, s survey) {
	if s.elsewhere() {
		i.event(ctx, node, reasonHeld,
			"The project has none of the servers of %d nodes, and %d of these nodes are Ready: no node is removed. "+
				"Are the project and region in cloud.conf those of the cluster? If the server is really gone, run kubectl delete node %s.",
			s.known, s.reporting, node.Name)
		return
	}
	i.event(ctx, node, reasonHeld,
		"The servers of %d of %d nodes are missing at once, more than %d: no node is removed. "+
			"If they are really gone, run kubectl delete node %s, or raise --node-deletion-brake (now %d%%).",
		s.missing, s.known, s.limit(), node.Name, s.percent)
}

// sweep forgets deleted Nodes and old sightings, now and then. No Nodes at all
// means that the informer has not listed them yet.
func (i *Instances) sweep() {
	i.mu.Lock()
	due := time.Since(i.swept) >= sweepPeriod
	if due {
		i.swept = time.Now()
	}
	i.mu.Unlock()
	nodes := i.Nodes()
	if !due || len(nodes) == 0 {
		return
	}
	living := make(map[string]bool, len(nodes))
	for _, node := range nodes {
		living[nodeKey(node)] = true
	}
	i.notices.keep(living)
	i.mu.Lock()
	defer i.mu.Unlock()
	for key := range i.matched {
		if !living[key] {
			delete(i.matched, key)
		}
	}
	for key := range i.suspects {
		if !living[key] {
			delete(i.suspects, key)
		}
	}
	for id, seen := range i.sightings {
		if time.Since(seen.at) > sightAge {
			delete(i.sightings, id)
		}
	}
}

package routes

import (
	"fmt"
	"slices"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

// initialiseTime is how long a node may take to be initialised before others
// no longer wait for it.
const initialiseTime = 30 * time.Second

// newcomers remembers since when nodes have been seen uninitialised. Its zero
// value has seen none.
type newcomers struct {
	mu    sync.Mutex
	since map[types.UID]time.Time
}

// any says whether a node that has pod CIDRs is being initialised: it is not
// yet, and has not been seen so for too long.
func (n *newcomers) any(nodes []*v1.Node) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	seen := map[types.UID]time.Time{}
	found := false
	for _, node := range nodes {
		if len(node.Spec.PodCIDRs) == 0 || !uninitialised(node) {
			continue
		}
		since, known := n.since[node.UID]
		if !known {
			since = now
		}
		seen[node.UID] = since
		found = found || now.Sub(since) < initialiseTime
	}
	n.since = seen
	return found
}

// uninitialised says whether the framework has yet to ask what the node is.
func uninitialised(node *v1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(t v1.Taint) bool { return t.Key == cloudproviderapi.TaintExternalCloudProvider })
}

// identity is what of a node decides about its routes.
func identity(node *v1.Node) string {
	return fmt.Sprint(node.UID, node.Spec.ProviderID, node.Spec.PodCIDRs, node.Status.NodeInfo.SystemUUID, internalIPs(node), uninitialised(node))
}

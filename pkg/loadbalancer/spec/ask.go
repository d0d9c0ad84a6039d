package spec

import (
	"strconv"

	v1 "k8s.io/api/core/v1"
)

// Draining says whether a node is about to go: it takes no new connections, and
// stays a member until it is gone.
func Draining(n *v1.Node) bool { return newNode(n).draining }

// Excluded says whether a label keeps the node out of all load balancers, as the
// framework reads it (cloud-provider, controllers/service, nodeIncludedPredicate):
// "false" does not.
func Excluded(n *v1.Node) bool {
	value, labelled := n.Labels[v1.LabelNodeExcludeBalancers]
	if !labelled {
		return false
	}
	no, err := strconv.ParseBool(value)
	return err != nil || no
}

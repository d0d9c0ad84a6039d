package spec

import (
	"strconv"
	"strings"

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

// BalancerID is the id of the load balancer that the Service names, as the APIs
// write ids; what is no id is returned as it stands, and "" where there is none.
func BalancerID(service *v1.Service) string {
	text := strings.TrimSpace(service.Annotations[LoadBalancerID])
	if id, ok := parseUUID(text); ok {
		return id
	}
	return text
}

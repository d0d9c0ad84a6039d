package spec

import v1 "k8s.io/api/core/v1"

// Draining says whether a node is about to go: it takes no new connections, and
// stays a member until it is gone.
func Draining(n *v1.Node) bool { return newNode(n).draining }

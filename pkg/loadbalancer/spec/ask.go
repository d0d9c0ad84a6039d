package spec

import v1 "k8s.io/api/core/v1"

// Draining says whether a node is about to go: it takes no new connections, and
// stays a member until it is gone.
func Draining(n *v1.Node) bool { return newNode(n).draining }

// KeepsFloatingIP says whether the floating IP stays when the Service goes. It
// can be asked where the rest of the Service is not understood; a value that is
// not understood itself keeps it.
func KeepsFloatingIP(service *v1.Service) bool {
	r := &reader{texts: service.Annotations, asked: map[string]bool{}}
	keep := r.service().boolean(keepFloatingIP, false).value
	return keep || len(r.problems) > 0
}

// Package instances answers, for a Node, what Nova and Neutron know of its server.
package instances

// Package volumes serves the Container Storage Interface: it puts the controller
// and the node service on a socket, says what they can, registers with the kubelet
// and answers whether it lives. What the services do is theirs.
package volumes

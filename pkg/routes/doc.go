// Package routes keeps one route a node and address family on the tenant
// router: pod CIDR → node address, and lets the node's port carry pod traffic.
package routes

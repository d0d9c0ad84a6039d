// Package routes keeps one route a node and address family on the tenant
// router: pod CIDR → node address, and lets the node's port carry pod traffic.
//
// The framework's route controller asks every ten seconds what is there
// (ListRoutes) and has what is missing or left over put right, one route at a
// time, from up to 200 goroutines (CreateRoute, DeleteRoute). In between:
//
//	spec.go      nodes and ports → what is needed (pure)
//	owner.go     whose a route is
//	assess.go    what is needed, compared with what is there (pure)
//	plan.go      the comparison as steps (pure)
//	observe.go   what is there, in as few calls as Neutron allows
//	table.go     writes to the router: group commit, a ledger ahead of it
//	divide.go    what Neutron refuses, found in few calls
//	pairs.go     writes to ports: group commit port by port
//	guard.go     a look at all ports once a minute
//	gate.go      keeps pods off a node whose routes do not exist yet
package routes

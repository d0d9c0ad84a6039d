// Package leftovers finds what a cluster left in a project, load balancers and
// what belongs to them, and removes it: when the cluster is gone, nobody else does.
//
// Only what carries the identity of the cluster is found. What carries but its
// name, as kubernetes/cloud-provider-openstack leaves it, is found on request;
// what carries the identity of another cluster, never.
package leftovers

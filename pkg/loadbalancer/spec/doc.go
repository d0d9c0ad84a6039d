// Package spec says what a Service of type LoadBalancer wants of the cloud.
//
// Read turns the Service, its annotations and the configuration into a Wish, and
// names everything in them that cannot be understood, all at once. Wish.Resolve
// brings in the few facts of the cloud that a wish depends on, and gives the
// desired tree. Both are pure: the same input gives the same result, whatever
// the order of the nodes and of the lists.
//
// A Service that asks for nothing beyond what
// kubernetes/cloud-provider-openstack knows gets the names, settings and
// defaults that it would get there, so that load balancers can be taken over
// without changing them.
package spec

// Package loadbalancer serves Services of type LoadBalancer with Octavia.
//
// spec turns a Service, its annotations and cloud.conf into what is wanted;
// observing gives what is there, for many Services in few calls; plan compares
// the two, without a cloud, and gives steps; each step is one API call. All
// waiting for Octavia is done by one poller. Everything that the cloud and
// Kubernetes say is kept in the words of package tree.
package loadbalancer

// Package cloudprovider is OpenStack as k8s.io/cloud-provider sees it. It wires
// the features together and holds no logic of theirs: what a Node is stands in
// pkg/instances, what a route is in pkg/routes, what a load balancer is in
// pkg/loadbalancer.
package cloudprovider

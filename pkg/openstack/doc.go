// Package openstack is the cloud as the controller manager and the operator's tool
// see it: one file a service, in the words of the features. The connection itself
// is pkg/openstack/session; the Block Storage service, which the controller manager
// does not use, is pkg/openstack/storage. Only these packages import gophercloud.
package openstack

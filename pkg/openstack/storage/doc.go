// Package storage is the cloud as the CSI driver sees it: the Block Storage
// service (https://docs.openstack.org/api-ref/block-storage/v3/) and the Compute
// service's volume attachments (https://docs.openstack.org/api-ref/compute/), in
// the words of pkg/volumes/block. It satisfies pkg/volumes/controller.Cloud.
//
// Each method is one call unless its contract says otherwise. A write is sent
// again after a lost answer only where the object's id, which the services never
// use twice, makes that harmless; every other one gives cloud.ErrAmbiguous.
package storage

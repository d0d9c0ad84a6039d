// Package block holds what Cinder and Nova say of block storage, as plain values:
// volumes, their attachments, snapshots, backups, groups and the servers that use
// them. It knows neither CSI nor HTTP.
//
// Statuses are those of the Block Storage API v3
// (https://docs.openstack.org/api-ref/block-storage/v3/) and of the Compute API
// (https://docs.openstack.org/api-ref/compute/). One that is unknown here is kept
// as it came.
package block

// Package session is the connection to a cloud, whatever is asked of it:
// authentication, the catalog, the way a request goes, minor versions, lists and
// the classes of error. What the services are asked is in pkg/openstack (for the
// controller manager) and pkg/openstack/storage (for the CSI driver).
//
// It imports neither a feature nor Kubernetes' clients, because it runs where
// memory is small. It and the packages beside it are the only ones that import
// gophercloud.
//
// A request passes these layers, outermost first:
//
//	token    adds the token, renews it ahead of its end, and once after a 401
//	retry    tries again what is safe to try again, with jitter and Retry-After
//	pace     keeps the process below a rate, and quiet while the cloud says so
//	observe  counts, measures and logs every single attempt
//	deadline bounds an attempt, its body included, and knows whether it was sent
//
// What comes back is classified once, into *cloud.Error (internal/cloud).
package session

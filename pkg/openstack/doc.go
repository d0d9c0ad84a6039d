// Package openstack is the cloud as Underlay sees it: authentication, the way a
// request goes, the classes of error, and one file a service. It is the only
// package that imports gophercloud.
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
package openstack

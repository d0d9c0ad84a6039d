package instances

// Nova's statuses that matter here. Source: Nova, nova/api/openstack/common.py
// and the API guide, "Server concepts".
const (
	statusActive           = "ACTIVE"
	statusBuild            = "BUILD"
	statusShutoff          = "SHUTOFF"
	statusShelved          = "SHELVED"
	statusShelvedOffloaded = "SHELVED_OFFLOADED"
	statusSoftDeleted      = "SOFT_DELETED"
	// statusUnknown is all that Nova can say of a server in a cell that it
	// cannot reach (microversion 2.69 and later); names and addresses are missing.
	statusUnknown = "UNKNOWN"
)

// isShutdown says whether the machine has stopped for good: nothing runs, no
// memory is kept, and no write can come from it any more. The taint
// node.cloudprovider.kubernetes.io/shutdown is what people and programs take
// for leave to detach the Node's volumes by force and to start its pods
// elsewhere, so a wrong "yes" costs data and a wrong "no" only time.
//
//	SHUTOFF            yes: the domain is off.
//	SHELVED            yes: off, with an image taken; unshelving boots it.
//	SHELVED_OFFLOADED  yes: as SHELVED, and it is on no host.
//	SOFT_DELETED       yes: off, waiting to be reclaimed; may be restored, so not gone.
//	PAUSED, SUSPENDED  no: the memory lives on, with dirty pages and writes
//	                   under way; a resumed guest goes on writing to its volumes.
//	RESCUE, ERROR,     no: something runs, or nobody knows what does.
//	UNKNOWN, others
func isShutdown(status string) bool {
	switch status {
	case statusShutoff, statusShelved, statusShelvedOffloaded, statusSoftDeleted:
		return true
	}
	return false
}

// settled says whether a listed server is ready to be described: before that
// (just being built, its cell unreachable) a newer list may know more.
func settled(s *Server) bool {
	return s.Status != statusBuild && s.Status != statusUnknown && len(s.Addresses) > 0
}

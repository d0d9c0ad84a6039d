package loadbalancer

// What the tests of the waiter use.

type (
	Waiter = waiter
	Work   = work
)

const (
	WorkCreate = workCreate
	WorkDelete = workDelete
)

var (
	NewWaiter = newWaiter
	NewLocks  = newLocks
)

// AddressRoom is for how many floating IPs the memory of a Service has room, and
// how many it holds, over all Services.
func (c *Controller) AddressRoom() (room, held int) {
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	for _, r := range c.memory.byKey {
		room, held = room+cap(r.actual.FloatingIPs), held+len(r.actual.FloatingIPs)
	}
	return room, held
}

var Await = (*waiter).await

var Take = (*locks).take

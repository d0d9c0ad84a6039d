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

func (w *waiter) Close(cause error) { w.close(cause) }

var Await = (*waiter).await

var Take = (*locks).take

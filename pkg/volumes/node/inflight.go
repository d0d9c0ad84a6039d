package node

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// inFlight lets one call at a time work on a volume. The kubelet asks again for
// what was cut off while the first is still at work.
type inFlight struct {
	mu   sync.Mutex
	held map[string]bool
}

func newInFlight() *inFlight { return &inFlight{held: map[string]bool{}} }

// hold takes a volume, or says Aborted. The release must be called.
func (f *inFlight) hold(volumeID string) (release func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held[volumeID] {
		return nil, status.Errorf(codes.Aborted, "another call is at work on volume %s", volumeID)
	}
	f.held[volumeID] = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.held, volumeID)
	}, nil
}

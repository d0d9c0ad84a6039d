package controller

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// inflight holds what RPCs are working on. A second RPC on the same thing is
// answered Aborted at once: the first one's outcome is not known yet, and the
// sidecar asks again.
type inflight struct {
	mu   sync.Mutex
	keys map[string]bool
}

func newInflight() *inflight { return &inflight{keys: map[string]bool{}} }

// take takes all keys or none; release gives them back.
func (f *inflight) take(keys ...string) (release func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range keys {
		if f.keys[key] {
			return nil, status.Errorf(codes.Aborted, "another request for %s is in progress", key)
		}
	}
	for _, key := range keys {
		f.keys[key] = true
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, key := range keys {
			delete(f.keys, key)
		}
	}, nil
}

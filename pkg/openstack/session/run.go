package session

import (
	"context"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

// Run keeps the session fit until ctx ends: it renews the token before any call
// must wait for that, notices changed credential and certificate files, and asks
// a cloud that nobody has asked for a while, by check, whether it still answers.
// All of the session's background work is here, and done when Run returns. Calls
// work without Run too.
func (s *Session) Run(ctx context.Context, check func(context.Context) error) {
	var all sync.WaitGroup
	all.Go(func() { s.renew(ctx) })
	all.Go(func() { s.watchFiles(ctx) })
	all.Go(func() { s.probe(ctx, check) })
	all.Wait()
}

// renew gets the next token at twice the distance from the end at which a call would.
func (s *Session) renew(ctx context.Context) {
	for {
		pause := holdOff
		if _, grant := s.keys.state(); grant != nil && grant.wire.credentials.renewable {
			due := grant.renewAt.Add(grant.renewAt.Sub(grant.expires))
			if pause = time.Until(due); pause <= 0 {
				pause = holdOff
				if _, err := s.keys.after(ctx, grant); err != nil && ctx.Err() == nil {
					klog.FromContext(ctx).Info("Token renewal failed, it will be tried again", "expires", grant.expires, "err", err)
				}
			}
		}
		// A new grant can come at any time: look at least every half minute.
		if sleep(ctx, min(pause, holdOff)) != nil {
			return
		}
	}
}

// probe keeps the reachability metrics true when nothing else calls.
func (s *Session) probe(ctx context.Context, check func(context.Context) error) {
	s.reach.begin()
	pause := s.options.ProbeInterval
	for sleep(ctx, pause) == nil {
		if pause = s.options.ProbeInterval - s.reach.silence(); pause > 0 {
			continue
		}
		pause = holdOff
		if err := check(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Info("The cloud does not answer as it should", "err", err)
		}
	}
}

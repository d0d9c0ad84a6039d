package openstack

import (
	"context"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

// Run keeps the client fit until ctx ends: it renews the token before any call
// must wait for that, notices changed credential and certificate files, and asks
// a cloud that nobody has asked for a while whether it still answers. All of the
// client's background work is here, and done when Run returns. Calls work
// without Run too.
func (c *Client) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { c.renew(ctx) })
	all.Go(func() { c.watchFiles(ctx) })
	all.Go(func() { c.probe(ctx) })
	all.Wait()
}

// renew gets the next token at twice the distance from the end at which a call would.
func (c *Client) renew(ctx context.Context) {
	for {
		pause := holdOff
		if _, session := c.keys.state(); session != nil && session.wire.credentials.renewable {
			due := session.renewAt.Add(session.renewAt.Sub(session.expires))
			if pause = time.Until(due); pause <= 0 {
				pause = holdOff
				if _, err := c.keys.after(ctx, session); err != nil && ctx.Err() == nil {
					klog.FromContext(ctx).Info("Token renewal failed, it will be tried again", "expires", session.expires, "err", err)
				}
			}
		}
		// A new session can come at any time: look at least every half minute.
		if sleep(ctx, min(pause, holdOff)) != nil {
			return
		}
	}
}

// probe keeps the reachability metrics true when nothing else calls.
func (c *Client) probe(ctx context.Context) {
	c.reach.begin()
	pause := c.options.ProbeInterval
	for sleep(ctx, pause) == nil {
		if pause = c.options.ProbeInterval - c.reach.silence(); pause > 0 {
			continue
		}
		pause = holdOff
		if err := c.Check(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Info("The cloud does not answer as it should", "err", err)
		}
	}
}

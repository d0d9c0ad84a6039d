package instances

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
)

const (
	// minGap is the least time between the two 404s that prove a server gone.
	minGap = 4 * time.Second
	// staleSuspicion is how long after the last 404 the next one counts as a
	// first one again: the Node may have been well in between.
	staleSuspicion = 5 * time.Minute
)

// suspect is a Node whose server was not found.
type suspect struct{ first, last time.Time }

// gone says whether the Node's server is proven to be gone. A false "yes"
// deletes a Node and lets its pods run twice, so all of this must hold:
//
//   - GET /servers/{id} said 404 twice, a lifecycle period apart, with no
//     other answer or error in between: a cloud in trouble answers 404 too.
//   - After each, the project could still be read: 404 is also the answer to
//     credentials that were moved to another project.
//   - A fresh list does not show the server, nor (for a Node without a
//     provider ID) another one that is the Node's.
//   - The brake is off.
//
// An error leaves the question open, and forgets the first 404.
func (i *Instances) gone(ctx context.Context, node *v1.Node, ids []string) (bool, error) {
	key := nodeKey(node)
	seen, err := i.sightAny(ctx, ids)
	if err != nil {
		i.acquit(key)
		return false, err
	}
	if seen.server != nil {
		i.acquit(key)
		i.notices.over(key, reasonHeld)
		return false, i.backInService(ctx, node)
	}
	if seen.held != nil {
		i.sayHeld(ctx, node, *seen.held)
		return false, nil
	}
	if err := i.confirmReadable(ctx); err != nil {
		i.acquit(key)
		return false, err
	}
	since, proven := i.accuse(key, seen.at)
	if !proven {
		klog.FromContext(ctx).V(2).Info("Server not found; the node is kept until that is certain", "node", node.Name, "server", ids[0], "since", since)
		return false, nil
	}
	return i.verdict(ctx, node, ids, since)
}

// verdict compares with a fresh list before anything irrevocable is said.
func (i *Instances) verdict(ctx context.Context, node *v1.Node, ids []string, since time.Time) (bool, error) {
	listed, err := i.servers.Get(ctx, minGap)
	if err != nil {
		return false, err
	}
	if listed.hasAny(ids) {
		return false, nil // Nova contradicts itself: ask again next period
	}
	if node.Spec.ProviderID == "" {
		another, err := listed.find(node)
		var ambiguous *ambiguousError
		if another != nil || errors.As(err, &ambiguous) {
			return false, nil
		}
	}
	census := i.count(listed)
	if census.held() {
		i.sayHeld(ctx, node, census)
		return false, nil
	}
	klog.FromContext(ctx).Info("Server is gone; its node is to be removed", "node", node.Name, "server", ids[0], "missingSince", since)
	return true, nil
}

// accuse notes a 404 at the time, and says since when there have been only
// 404s and whether that is long enough.
func (i *Instances) accuse(key string, at time.Time) (time.Time, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, known := i.suspects[key]
	if !known || at.Sub(s.last) > max(staleSuspicion, 3*i.MonitorPeriod) {
		s = suspect{first: at}
	}
	s.last = at
	i.suspects[key] = s
	return s.first, at.Sub(s.first) >= i.gap()
}

// acquit drops the suspicion.
func (i *Instances) acquit(key string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.suspects, key)
}

// gap is the time that must lie between the two 404s: a period less a margin
// for its jitter.
func (i *Instances) gap() time.Duration { return max(minGap, i.MonitorPeriod*4/5) }

// confirmReadable says nil when the project was readable within sightAge, which is
// less than the gap: so between two 404s there is always one such answer.
func (i *Instances) confirmReadable(ctx context.Context) error {
	i.mu.Lock()
	fresh := !i.readable.IsZero() && time.Since(i.readable) <= sightAge
	i.mu.Unlock()
	if fresh {
		return nil
	}
	at := time.Now()
	if err := i.Cloud.Readable(ctx); err != nil {
		return fmt.Errorf("confirm that the project can be read: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.readable = at
	return nil
}

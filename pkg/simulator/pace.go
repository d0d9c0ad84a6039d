package simulator

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"
)

// LatencyProfile says how long calls take, before anything happens: a caller who
// gives up meanwhile has changed nothing. HangAfter is the fault for the other
// case. The zero value is a cloud that answers at once.
type LatencyProfile struct {
	// Read is what a GET or HEAD takes, Write what any other call takes.
	Read, Write time.Duration
	// Calls overrides both by a glob as Count has it, e.g. "PUT /v2.0/routers/*";
	// the longest glob that matches wins.
	Calls map[string]time.Duration
	// Workers is how many calls each service works on at once; those that come
	// while all workers are busy wait in line. 0 means no limit.
	Workers int
}

// latency is a profile and how long each service's workers are taken.
type latency struct {
	profile LatencyProfile
	busy    map[string][]time.Time
}

// SetLatency makes calls take time. Calls already under way keep theirs.
func (c *Cloud) SetLatency(p LatencyProfile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Calls = maps.Clone(p.Calls)
	c.latency = latency{profile: p, busy: map[string][]time.Time{}}
}

// SetRateLimit refuses calls beyond so many a second with 429 and Retry-After,
// as the rate limits of public clouds do; 0 is no limit.
func (c *Cloud) SetRateLimit(perSecond int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = rateLimit{perSecond: perSecond}
}

// delay is how long a call that arrives now takes, waiting in line included.
func (l *latency) delay(now time.Time, service, pattern, method, path string) time.Duration {
	work := l.work(pattern, method, path)
	if l.profile.Workers <= 0 || work <= 0 {
		return work
	}
	workers := l.busy[service]
	if workers == nil {
		workers = make([]time.Time, l.profile.Workers)
		l.busy[service] = workers
	}
	first := 0
	for i, until := range workers {
		if until.Before(workers[first]) {
			first = i
		}
	}
	start := workers[first]
	if start.Before(now) {
		start = now
	}
	workers[first] = start.Add(work)
	return workers[first].Sub(now)
}

func (l *latency) work(pattern, method, path string) time.Duration {
	globs := slices.Sorted(maps.Keys(l.profile.Calls))
	longest := ""
	for _, g := range globs {
		if len(g) > len(longest) && matchesCall(g, pattern, method, path) {
			longest = g
		}
	}
	switch {
	case longest != "":
		return l.profile.Calls[longest]
	case method == http.MethodGet || method == http.MethodHead:
		return l.profile.Read
	default:
		return l.profile.Write
	}
}

// pause waits, or returns the context's error if that ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rateLimit counts the calls of the current second.
type rateLimit struct {
	perSecond int
	since     time.Time
	used      int
}

// admit counts one call and tells whether it may pass, else when to come again.
func (l *rateLimit) admit(now time.Time) (retryAfter time.Duration, ok bool) {
	if l.perSecond <= 0 {
		return 0, true
	}
	if now.Sub(l.since) >= time.Second {
		l.since, l.used = now, 0
	}
	if l.used >= l.perSecond {
		return l.since.Add(time.Second).Sub(now), false
	}
	l.used++
	return 0, true
}

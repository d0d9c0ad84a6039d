package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/snapshot"
)

const (
	// holdOff is how long after a failed renewal an old token that is still
	// good is used without trying again.
	holdOff = 30 * time.Second
	// Refused credentials are tried again at growing intervals: Keystone locks
	// users out after some failures (its option lockout_failure_attempts).
	firstRefusal = 15 * time.Second
	maxRefusal   = 5 * time.Minute
)

// keyring holds the token in use and the wire to get the next one by.
type keyring struct {
	// flights shares one request to Keystone among all who need a grant.
	flights *snapshot.Shared[*grant]

	mu   sync.Mutex
	wire *wire
	now  *grant // nil before the first authentication
	// notBefore is when a renewal ahead of time may be tried again.
	notBefore time.Time
	refusal   refusal
	reload    func(context.Context, *wire) (*wire, error)
}

// refusal remembers that Keystone refused the credentials in use.
type refusal struct {
	err   error
	until time.Time
	pause time.Duration
}

// current gives a grant whose token is good, getting or renewing it when it
// must. Everyone who waits shares one request to Keystone.
func (k *keyring) current(ctx context.Context) (*grant, error) {
	now := time.Now()
	have, held := k.held(now)
	if have != nil && (have.fresh(now) || held && have.alive(now)) {
		return have, nil
	}
	next, err := k.after(ctx, have)
	if err == nil {
		return next, nil
	}
	if have == nil || !have.alive(time.Now()) || ctx.Err() != nil {
		return nil, err
	}
	k.mu.Lock()
	k.notBefore = time.Now().Add(holdOff)
	k.mu.Unlock()
	klog.FromContext(ctx).Info("Keeping the old token, its renewal failed", "expires", have.expires, "err", err)
	return have, nil
}

// after gives a grant other than old, which may be nil.
func (k *keyring) after(ctx context.Context, old *grant) (*grant, error) {
	if have := k.supersede(old); have != nil {
		return have, nil // somebody was faster
	}
	made, err := k.flights.Get(ctx, forever)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil, &cloud.Error{
			Class: cloud.ErrUnavailable, Request: "POST /v3/auth/tokens", Message: ctx.Err().Error(), Cause: ctx.Err(),
		}
	}
	return made, err
}

// forever is an age that no grant reaches.
const forever = 100 * 365 * 24 * time.Hour

// supersede gives the session that has taken the place of old. If there is none,
// it makes sure that the next one is asked for after now.
func (k *keyring) supersede(old *grant) *grant {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now != nil && k.now != old && k.now.alive(time.Now()) {
		return k.now
	}
	if old != nil && !old.superseded {
		old.superseded = true
		k.flights.Invalidate()
	}
	return nil
}

// authenticate asks Keystone, and once more with what the files say now if it
// refuses what they said before. It runs once at a time.
func (k *keyring) authenticate(ctx context.Context) (*grant, error) {
	k.mu.Lock()
	w, refused := k.wire, k.refusal
	k.mu.Unlock()
	if refused.err != nil && time.Now().Before(refused.until) {
		return nil, refused.err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*w.session.options.RequestTimeout)
	defer cancel()
	made, err := w.authenticate(ctx)
	if errors.Is(err, cloud.ErrDenied) {
		if newer, reloadErr := k.reload(ctx, w); reloadErr == nil && newer != nil {
			w = newer
			made, err = w.authenticate(ctx)
		}
	}
	if err != nil {
		k.refuse(err)
		return nil, err
	}
	k.adopt(ctx, made)
	return made, nil
}

// held gives the grant in use, and whether its renewal has to wait.
func (k *keyring) held(now time.Time) (*grant, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now, now.Before(k.notBefore)
}

// adopt puts a grant to use, with its wire, and says so where that is another.
func (k *keyring) adopt(ctx context.Context, made *grant) {
	k.mu.Lock()
	old := k.wire
	made.granted, made.heir = time.Now(), k.now != nil && k.now.rejected.Load()
	k.wire, k.now, k.refusal, k.notBefore = made.wire, made, refusal{}, time.Time{}
	k.mu.Unlock()
	if old != made.wire {
		klog.FromContext(ctx).Info("Using the changed credentials", "files", made.wire.files)
		old.retire()
		made.wire.session.forget()
	}
}

// replace puts a wire to use without a grant, where the one before never worked.
func (k *keyring) replace(w *wire) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wire, k.refusal = w, refusal{}
}

func (k *keyring) refuse(err error) {
	if !errors.Is(err, cloud.ErrDenied) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refusal.err = err
	k.refusal.pause = min(max(firstRefusal, 2*k.refusal.pause), maxRefusal)
	k.refusal.until = time.Now().Add(k.refusal.pause)
}

// state gives the wire and grant in use; the grant may be nil.
func (k *keyring) state() (*wire, *grant) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.wire, k.now
}

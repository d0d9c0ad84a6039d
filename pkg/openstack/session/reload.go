package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

// errUnchanged: the files say what they said before.
var errUnchanged = errors.New("the files have not changed")

// reread makes a wire of what the files say now, or nil when nothing is known to
// have changed since w.
func (s *Session) reread(ctx context.Context, w *wire) (*wire, error) {
	if s.options.Reload == nil || digest(w.files) == w.digest {
		return nil, errUnchanged
	}
	// The content is known before it is read for use: a change in between is
	// then found the next time.
	before := digest(w.files)
	global, err := s.options.Reload()
	if err != nil {
		return nil, fmt.Errorf("read configuration again: %w", err)
	}
	s.secrets.keepCredentials(secretsOf(global)...)
	next, err := s.newWire(global)
	if err != nil {
		return nil, err
	}
	if slices.Equal(next.files, w.files) {
		next.digest = before
	}
	klog.FromContext(ctx).V(2).Info("Read changed credential files", "files", next.files)
	return next, nil
}

// reload puts changed files to use if Keystone accepts what they say. Otherwise
// what worked before goes on.
func (s *Session) reload(ctx context.Context) error {
	w, grant := s.keys.state()
	next, err := s.reread(ctx, w)
	if errors.Is(err, errUnchanged) || err == nil && !s.candidates.worth(next) {
		return nil
	}
	if err != nil {
		return err
	}
	made, err := next.authenticate(ctx)
	if err == nil {
		s.keys.adopt(ctx, made)
		return nil
	}
	if errors.Is(err, cloud.ErrDenied) {
		s.candidates.refuse(next)
	}
	if grant == nil {
		// What there was before never worked either: the newer is the better guess.
		s.keys.replace(next)
	}
	return err
}

// candidates remembers changed files that Keystone refused. Their content is
// tried again ever more seldom: Keystone locks a user out after some failures,
// and that would end the credentials that still work.
type candidates struct {
	mu     sync.Mutex
	digest string
	until  time.Time
	pause  time.Duration
}

// maxCandidatePause is the longest time between two tries of the same content.
const maxCandidatePause = time.Hour

func (c *candidates) worth(w *wire) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return w.digest != c.digest || !time.Now().Before(c.until)
}

func (c *candidates) refuse(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.digest != c.digest {
		c.digest, c.pause = w.digest, 0
	}
	c.pause = min(max(time.Minute, 2*c.pause), maxCandidatePause)
	c.until = time.Now().Add(c.pause)
}

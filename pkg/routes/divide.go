package routes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

// divide writes pairs in one call and, where the cloud refuses, finds out with
// few calls which of them it accepts. An error of one never fails the rest.
func (r *round) divide(ctx context.Context, pairs []pair, want intent) {
	if len(pairs) == 0 {
		return
	}
	if r.calls == 0 {
		r.fail(pairs, fmt.Errorf("write %s: too many were refused in this batch: %w", count(len(pairs), "route"), cloud.ErrUnavailable))
		return
	}
	r.calls--
	var err error
	if want == putOn {
		err = r.send(ctx, pairs, nil)
	} else {
		err = r.send(ctx, nil, pairs)
	}
	switch {
	case err == nil:
	case errors.Is(err, cloud.ErrQuota) && want == putOn:
		r.fit(ctx, pairs, err)
	case errors.Is(err, cloud.ErrInvalid):
		r.separate(ctx, pairs, want, err)
	default:
		r.fail(pairs, err)
	}
}

// separate finds the pairs that the cloud calls invalid. Neutron validates all
// routes of a call together and refuses all for one.
func (r *round) separate(ctx context.Context, pairs []pair, want intent, err error) {
	if want == putOn && !r.aimed {
		r.aimed = true
		if rest := r.aim(ctx, pairs, err); len(rest) < len(pairs) {
			r.divide(ctx, rest, want)
			return
		}
	}
	if len(pairs) == 1 {
		r.fail(pairs, err)
		if want == putOn {
			r.table.refused.refuse(pairs[0], 0, err)
		}
		return
	}
	half := len(pairs) / 2
	r.divide(ctx, pairs[:half], want)
	r.divide(ctx, pairs[half:], want)
}

// aim leaves out the pairs whose next hop the router does not reach any more:
// the usual reason, found without guessing.
func (r *round) aim(ctx context.Context, pairs []pair, refused error) []pair {
	attached, err := r.table.hooks.attached(ctx)
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot see which next hops the router reaches; trying them in parts")
		return pairs
	}
	return slices.DeleteFunc(slices.Clone(pairs), func(p pair) bool {
		if attached.reaches(p.hop) {
			return false
		}
		r.failed[p] = fmt.Errorf("next hop %s is on no subnet of the router, which is attached to %s: %w", p.hop, attached, refused)
		return true
	})
}

// fit adds as many routes as the router has room for: by the number where the
// cloud tells it, else by halves. A removal is refused where more would be left than
// a limit that was lowered: to remove fewer cannot help.
func (r *round) fit(ctx context.Context, pairs []pair, err error) {
	router, readErr := r.table.read(ctx)
	if readErr != nil {
		r.fail(pairs, cloud.Join(err, readErr))
		return
	}
	n := len(pairs) / 2
	limit, told := toldLimit(err)
	if room := max(limit-len(router.Routes), 0); told && room < len(pairs) {
		n = room
	} else {
		told = false
	}
	refused := len(r.unfit)
	r.divide(ctx, pairs[:n], putOn)
	if told || n == 0 || len(r.unfit) > refused {
		r.refuse(pairs[n:], err)
		return
	}
	r.divide(ctx, pairs[n:], putOn)
}

// refuse notes pairs that the router has no room for.
func (r *round) refuse(pairs []pair, err error) {
	r.unfit = append(r.unfit, pairs...)
	r.limit = err
	r.table.mu.Lock()
	present := len(r.table.router.Routes)
	r.table.mu.Unlock()
	r.table.limit.met(present, err)
}

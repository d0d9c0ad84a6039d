package loadbalancer

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/spec"
)

const (
	// passPeriod is the time between two repair passes, and up to a fifth more, so
	// that several clusters do not ask at the same time for ever.
	passPeriod = 5 * time.Minute
	// passSettle is how long a change of nodes may gather others.
	passSettle = 500 * time.Millisecond
	// deepReads is how many pools a pass reads whole, those longest not read first.
	deepReads = 2
	// repairs bounds how many load balancers are put right at the same time.
	repairs = 16
)

// Run repairs what changed in the cloud, and ends all waiting when ctx ends.
func (c *Controller) Run(ctx context.Context) {
	defer c.repairing.Wait()
	defer c.waiter.Close(errStopping)
	for {
		timer := time.NewTimer(passPeriod + rand.N(passPeriod/5))
		select {
		case <-timer.C:
		case <-c.nudges:
			timer.Stop()
			if !sleep(ctx, passSettle) {
				return
			}
		case <-ctx.Done():
			timer.Stop()
			return
		}
		c.pass(ctx)
	}
}

// pass compares all load balancers with what they should be, in a few lists of
// the whole project, and begins to put right what differs. It does not wait for
// that: Octavia may be at work on one load balancer for ever.
func (c *Controller) pass(ctx context.Context) {
	if !c.begun.Load() {
		return
	}
	log := klog.FromContext(ctx)
	all, err := c.preview(ctx)
	if err != nil && ctx.Err() == nil {
		log.Error(err, "The load balancers were not all compared; the next pass is in five minutes")
	}
	if len(all) == 0 || ctx.Err() != nil {
		return
	}
	c.watchHealth(all)
	for _, p := range all {
		if len(p.Steps) == 0 {
			continue
		}
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		c.repairing.Go(func() {
			defer func() { <-c.slots }()
			c.repair(ctx, p)
		})
	}
}

// repair puts one Service's load balancer right, unless somebody is at work on
// it already. A Service that was never served is the framework's to begin with.
func (c *Controller) repair(ctx context.Context, p *previewed) {
	release, free := c.locks.tryTake(p.subject.key())
	if !free {
		return
	}
	defer release()
	if !p.subject.served() && p.balancer == nil || !c.wanted(p.subject) {
		return
	}
	log := klog.FromContext(ctx)
	w := &worker{Controller: c, subject: p.subject, whole: true}
	status, err := w.converge(ctx)
	if err == nil {
		err = c.publish(ctx, p.subject, status)
	}
	if err != nil {
		if ctx.Err() == nil {
			log.Error(err, "The load balancer was not put right; the next pass tries again", "service", p.Service.String())
		}
		return
	}
	if len(w.done) == 0 {
		return // somebody else was quicker
	}
	balancersRepaired.Inc()
	c.voice.Say(p.subject.service, eventRepaired, describe(w.done), describe(w.done))
}

// describe is the steps on one line, the first few of them.
func describe(steps []step.Step) string {
	var texts []string
	for _, s := range steps {
		texts = append(texts, s.String())
	}
	if len(texts) > 5 {
		texts = append(texts[:5], "…")
	}
	return "Put right: " + strings.Join(texts, "; ")
}

// NodeHandler makes the repair pass come soon when a node begins or ends to
// drain, or gets other addresses: the framework does not look at either.
func (c *Controller) NodeHandler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{UpdateFunc: func(before, after any) {
		was, ok := before.(*v1.Node)
		is, also := after.(*v1.Node)
		if ok && also && !spec.Excluded(is) && (spec.Draining(was) != spec.Draining(is) || !slices.Equal(was.Status.Addresses, is.Status.Addresses)) {
			c.nudge()
		}
	}}
}

func (c *Controller) nudge() {
	select {
	case c.nudges <- struct{}{}:
	default: // one waits already
	}
}

// sleep waits and says whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

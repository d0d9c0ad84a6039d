package loadbalancer

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/poll"
	"underlay/pkg/loadbalancer/tree"
)

// work is what a load balancer is busy with. How long each kind lasts on this
// cloud is learned.
type work = poll.Work

const (
	workCreate   work = "create"
	workChange   work = "change"
	workDelete   work = "delete"
	workFailover work = "failover"
	// workUnknown was begun by somebody else, or before this process was.
	workUnknown work = ""
)

// errStopping ends all waits when the process stops.
var errStopping = errors.New("the controller manager is stopping; its successor will do this")

// waiter polls load balancers for all who wait for one. Nobody else polls.
type waiter struct{ *poll.Poller[tree.Balancer] }

func newWaiter(balancers Balancers) *waiter {
	return &waiter{poll.New(poll.Source[tree.Balancer]{
		Name: "load balancer",
		Read: statuses{balancers}.read,
		Retried: func(ctx context.Context, err error) {
			klog.FromContext(ctx).V(2).Info("A poll of load balancers failed and is tried again", "err", err)
		},
		Typical: func(kind work, b tree.Balancer, gone bool) bool {
			if kind == workDelete {
				return gone
			}
			return b.Provisioning == tree.Active
		},
	})}
}

// await returns when the load balancer is not PENDING any more: with its id and
// statuses, or with cloud.ErrNotFound when it is gone.
func (w *waiter) await(ctx context.Context, id string, kind work) (tree.Balancer, error) {
	return w.Await(ctx, id, kind, func(b tree.Balancer) bool { return !b.Provisioning.Pending() })
}

// statuses reads what a waiter needs to know.
type statuses struct{ balancers Balancers }

// read makes one call: it lists all, or reads by ID where it is about one.
func (s statuses) read(ctx context.Context, ids []string, tell func(string, tree.Balancer, error)) error {
	query := BalancerQuery{StatusOnly: true}
	if len(ids) == 1 {
		query.ID = ids[0]
	}
	found, err := s.balancers.LoadBalancers(ctx, query)
	if err != nil {
		return err
	}
	byID := make(map[string]tree.Balancer, len(found))
	for _, b := range found {
		byID[b.ID] = b
	}
	for _, id := range ids {
		if b, ok := byID[id]; ok && b.Provisioning != tree.Deleted {
			tell(id, b, nil)
			continue
		}
		tell(id, tree.Balancer{}, fmt.Errorf("load balancer %s: %w", id, cloud.ErrNotFound))
	}
	return nil
}

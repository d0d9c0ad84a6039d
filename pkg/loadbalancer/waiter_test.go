package loadbalancer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/simulator"
)

// create makes a load balancer over the API, which is PENDING_CREATE then.
func (w *world) create(client loadbalancer.Cloud, name string) string {
	w.t.Helper()
	made, err := client.CreateLoadBalancer(context.Background(), tree.Balancer{Name: name, VIP: tree.VIP{SubnetID: w.net.SubnetIDs[0]}})
	if err != nil {
		w.t.Fatal(err)
	}
	return made.ID
}

func TestOneWaiterPollsForAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 0)
		w.cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: 75 * time.Second, Delete: 5 * time.Second})
		client, _ := w.client()
		waiter := loadbalancer.NewWaiter(client)
		var ids []string
		for i := range 20 {
			ids = append(ids, w.create(client, fmt.Sprint(i)))
		}
		w.cloud.ResetCalls()
		polls := []int{}
		for range 2 {
			var all sync.WaitGroup
			for _, id := range ids {
				all.Go(func() {
					b, err := loadbalancer.Await(waiter, t.Context(), id, loadbalancer.WorkCreate)
					if err != nil || b.Provisioning != tree.Active {
						t.Errorf("got %+v, %v", b, err)
					}
				})
			}
			all.Wait()
			polls = append(polls, len(w.cloud.Calls()))
			ids = []string{w.create(client, "late")}
			w.cloud.ResetCalls()
		}
		if polls[0] > 20 || polls[1] > 10 {
			t.Errorf("got %v polls: want few for 20 load balancers, and fewer once it is known how long one takes", polls)
		}
		synctest.Wait()
	})
}

func TestWaitEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 0)
		client, _ := w.client()
		waiter := loadbalancer.NewWaiter(client)

		gone := w.create(client, "gone")
		w.cloud.DeleteLoadBalancer(gone)
		if _, err := loadbalancer.Await(waiter, t.Context(), gone, loadbalancer.WorkDelete); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("a load balancer that is gone: got %v", err)
		}

		failed := w.create(client, "failed")
		w.cloud.SetLoadBalancerStatus(failed, "ERROR")
		if b, err := loadbalancer.Await(waiter, t.Context(), failed, loadbalancer.WorkCreate); err != nil || b.Provisioning != tree.Failed {
			t.Errorf("one in ERROR: got %+v, %v", b, err)
		}

		stuck := w.create(client, "stuck")
		w.cloud.SetLoadBalancerStatus(stuck, "PENDING_UPDATE")
		w.cloud.AddFault(simulator.Fault{Match: "GET /v2/lbaas/loadbalancers*", Status: 503, Times: 12})
		slow := w.create(client, "slow")
		if b, err := loadbalancer.Await(waiter, t.Context(), slow, loadbalancer.WorkCreate); err != nil || b.Provisioning != tree.Active {
			t.Errorf("polls that fail for a while: got %+v, %v", b, err)
		}

		w.cloud.AddFault(simulator.Fault{Match: "GET /v2/lbaas/loadbalancers*", Status: 403, Times: 1})
		if _, err := loadbalancer.Await(waiter, t.Context(), stuck, loadbalancer.WorkCreate); !errors.Is(err, cloud.ErrDenied) {
			t.Errorf("polls that are denied: got %v", err)
		}
	})
}

func TestLocksOrderAndLetGo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		locks := loadbalancer.NewLocks()
		release, err := loadbalancer.Take(locks, t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if other, err := loadbalancer.Take(locks, t.Context(), "b"); err != nil {
			t.Error(err)
		} else {
			other()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := loadbalancer.Take(locks, ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the caller's time to end", err)
		}
		got := make(chan struct{})
		go func() {
			next, err := loadbalancer.Take(locks, t.Context(), "a")
			if err != nil {
				t.Error(err)
			} else {
				next()
			}
			close(got)
		}()
		synctest.Wait()
		release()
		<-got
	})
}

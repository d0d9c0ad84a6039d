package cloudprovider

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	cloudprovider "k8s.io/cloud-provider"
)

// slowRoutes writes for as long as its delay says.
type slowRoutes struct{ delay time.Duration }

func (s slowRoutes) ListRoutes(context.Context, string) ([]*cloudprovider.Route, error) {
	return nil, nil
}

func (s slowRoutes) CreateRoute(ctx context.Context, _, _ string, _ *cloudprovider.Route) error {
	select {
	case <-time.After(s.delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slowRoutes) DeleteRoute(ctx context.Context, c string, r *cloudprovider.Route) error {
	return s.CreateRoute(ctx, c, "", r)
}

func TestDrainWaitsForWritesUnderWayAndRefusesNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrain()
		routes := drainedRoutes{routes: slowRoutes{delay: 5 * time.Second}, drain: d}
		results := make(chan error, 2)
		go func() { results <- routes.CreateRoute(t.Context(), "", "", &cloudprovider.Route{}) }()
		go func() { results <- routes.DeleteRoute(t.Context(), "", &cloudprovider.Route{}) }()
		synctest.Wait()

		started := time.Now()
		if err := d.stop(t.Context()); err != nil {
			t.Fatalf("stop: %v", err)
		}
		if got := time.Since(started); got != 5*time.Second {
			t.Errorf("stopped after %v, want 5s: a write was still under way", got)
		}
		for range 2 {
			if err := <-results; err != nil {
				t.Errorf("a write under way: %v", err)
			}
		}
		if err := routes.CreateRoute(t.Context(), "", "", nil); !errors.Is(err, errStopping) {
			t.Errorf("CreateRoute after stop: got %v, want errStopping", err)
		}
		if err := routes.DeleteRoute(t.Context(), "", nil); !errors.Is(err, errStopping) {
			t.Errorf("DeleteRoute after stop: got %v, want errStopping", err)
		}
		if _, err := routes.ListRoutes(t.Context(), ""); err != nil {
			t.Errorf("ListRoutes after stop: %v", err)
		}
		if err := d.stop(t.Context()); err != nil {
			t.Errorf("second stop: %v", err)
		}
	})
}

func TestDrainGivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrain()
		if err := d.enter(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := d.stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop with a write that never ends: got %v, want DeadlineExceeded", err)
		}
		d.leave()
	})
}

package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"underlay/internal/batch"
)

// recorder is a batch function that takes a second a batch and remembers them.
type recorder struct {
	mu      sync.Mutex
	batches [][]int
}

func (r *recorder) do(_ context.Context, items []int) []error {
	time.Sleep(time.Second)
	r.mu.Lock()
	defer r.mu.Unlock()
	sorted := slices.Clone(items)
	slices.Sort(sorted)
	r.batches = append(r.batches, sorted)
	return nil
}

func TestWhatArrivesDuringACallFormsTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		group := batch.New(r.do)
		var wg sync.WaitGroup
		do := func(item int) {
			wg.Go(func() {
				if err := group.Do(t.Context(), item); err != nil {
					t.Errorf("item %d: %v", item, err)
				}
			})
		}
		do(1)
		synctest.Wait() // 1 is in flight, alone
		do(2)
		do(3)
		synctest.Wait()
		wg.Wait()
		if diff := cmp.Diff([][]int{{1}, {2, 3}}, r.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

func TestTwoHundredCallersNeedTwoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		group := batch.New(r.do)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() { _ = group.Do(t.Context(), i) })
		}
		wg.Wait()
		if got := len(r.batches); got > 2 {
			t.Errorf("got %d calls, want at most 2", got)
		}
		if got := time.Since(start); got > 2*time.Second { // fake time: two calls of a second
			t.Errorf("took %v, want at most 2s", got)
		}
	})
}

func TestEachItemGetsItsOwnError(t *testing.T) {
	odd := errors.New("odd")
	group := batch.New(func(_ context.Context, items []int) []error {
		errs := make([]error, len(items))
		for i, item := range items {
			if item%2 == 1 {
				errs[i] = odd
			}
		}
		return errs
	})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			got := group.Do(t.Context(), i)
			if want := i%2 == 1; errors.Is(got, odd) != want {
				t.Errorf("item %d: got %v", i, got)
			}
		})
	}
	wg.Wait()
}

func TestACancelledCallerBreaksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		group := batch.New(r.do)
		leaving, leave := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		results := make([]error, 4)
		var wg sync.WaitGroup
		do := func(ctx context.Context, item int) {
			wg.Go(func() { results[item] = group.Do(ctx, item) })
			synctest.Wait()
		}
		do(leaving, 0) // in flight: carried out although its caller leaves
		do(t.Context(), 1)
		do(leaving, 2) // queued: withdrawn
		do(t.Context(), 3)
		leave(gone)
		wg.Wait()
		for i, want := range []error{gone, nil, gone, nil} {
			if !errors.Is(results[i], want) {
				t.Errorf("item %d: got %v, want %v", i, results[i], want)
			}
		}
		if diff := cmp.Diff([][]int{{0}, {1, 3}}, r.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		if err := group.Do(leaving, 4); !errors.Is(err, gone) {
			t.Errorf("a caller who left before: got %v, want %v", err, gone)
		}
	})
}

type contextKey struct{}

func TestTheBatchContextIsBoundedAndKeepsValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := batch.New(func(ctx context.Context, _ []int) []error {
			if ctx.Value(contextKey{}) != "kept" {
				t.Error("the caller's values are lost")
			}
			<-ctx.Done()
			return []error{ctx.Err()}
		}, batch.Timeout(5*time.Second))
		ctx := context.WithValue(t.Context(), contextKey{}, "kept")
		start := time.Now()
		if err := group.Do(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want deadline exceeded", err)
		}
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("bounded by %v, want 5s", got)
		}
	})
}

func TestAPanicIsAnErrorOfItsBatchOnly(t *testing.T) {
	group := batch.New(func(_ context.Context, items []int) []error {
		if slices.Contains(items, 13) {
			panic("unlucky")
		}
		return nil
	})
	err := group.Do(t.Context(), 13)
	if err == nil || !strings.Contains(err.Error(), "unlucky") || !strings.Contains(err.Error(), "batch_test.go") {
		t.Errorf("got %v, want the panic and where it was", err)
	}
	if err := group.Do(t.Context(), 14); err != nil {
		t.Errorf("after the panic: %v", err)
	}
}

func TestAWrongNumberOfAnswersIsAnError(t *testing.T) {
	group := batch.New(func(context.Context, []int) []error { return make([]error, 7) })
	if err := group.Do(t.Context(), 1); err == nil {
		t.Error("got no error")
	}
}

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		group := batch.New(r.do, batch.MaxItems(1))
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				if err := group.Do(t.Context(), i); err != nil {
					t.Errorf("item %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := group.Close(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close that cannot wait: got %v", err)
		}
		if err := group.Do(t.Context(), 9); !errors.Is(err, batch.ErrClosed) {
			t.Errorf("after close: got %v, want %v", err, batch.ErrClosed)
		}
		if err := group.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
		if got := len(r.batches); got != 3 {
			t.Errorf("drained %d batches, want 3", got)
		}
		wg.Wait()
	})
}

func TestKeysRunSideBySideWithinTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		busy := map[int]bool{}
		most, calls := 0, 0
		group := batch.NewKeyed(func(_ context.Context, key int, _ []string) []error {
			mu.Lock()
			if busy[key] {
				t.Errorf("two batches of key %d at once", key)
			}
			busy[key] = true
			most, calls = max(most, len(busy)), calls+1
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			delete(busy, key)
			mu.Unlock()
			return nil
		}, batch.Parallel(8))
		var wg sync.WaitGroup
		for key := range 20 {
			for _, family := range []string{"v4", "v6"} {
				wg.Go(func() { _ = group.Do(t.Context(), key, family) })
			}
		}
		wg.Wait()
		if most != 8 {
			t.Errorf("%d keys at once, want 8", most)
		}
		// Keys that waited for a slot carry both items in one call.
		if calls > 28 {
			t.Errorf("%d calls for 20 keys of two items with 8 slots, want at most 28", calls)
		}
	})
}

func TestEveryItemIsCarriedOutExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.IntRange(1, 5).Draw(t, "keys")
		items := rapid.IntRange(0, 60).Draw(t, "items")
		most := rapid.IntRange(0, 7).Draw(t, "max items")
		var mu sync.Mutex
		done := map[string]int{}
		group := batch.NewKeyed(func(_ context.Context, key int, items []int) []error {
			if most > 0 && len(items) > most {
				t.Errorf("a batch of %d, want at most %d", len(items), most)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, item := range items {
				done[fmt.Sprintf("%d/%d", key, item)]++
			}
			return nil
		}, batch.MaxItems(most), batch.Parallel(2))
		var wg sync.WaitGroup
		for i := range items {
			wg.Go(func() { _ = group.Do(context.Background(), i%keys, i) })
		}
		wg.Wait()
		if len(done) != items {
			t.Fatalf("carried out %d items, want %d", len(done), items)
		}
		for item, n := range done {
			if n != 1 {
				t.Fatalf("item %s carried out %d times", item, n)
			}
		}
	})
}

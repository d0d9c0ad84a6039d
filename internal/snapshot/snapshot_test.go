package snapshot_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"underlay/internal/snapshot"
)

// world is something to read: a list that costs a second and is true as of the
// moment the read ends its first half.
type world struct {
	mu    sync.Mutex
	items []string
	reads atomic.Int64
	cut   atomic.Int64 // reads that ended by cancellation
	err   error
}

func (w *world) set(items ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.items = items
}

func (w *world) read(ctx context.Context) ([]string, error) {
	w.reads.Add(1)
	w.mu.Lock()
	seen, err := slices.Clone(w.items), w.err
	w.mu.Unlock()
	select {
	case <-time.After(time.Second):
		return seen, err
	case <-ctx.Done():
		w.cut.Add(1)
		return nil, ctx.Err()
	}
}

func get(t *testing.T, s *snapshot.Shared[[]string], maxAge time.Duration) []string {
	t.Helper()
	got, err := s.Get(t.Context(), maxAge)
	if err != nil {
		t.Errorf("Get(%v) = %v", maxAge, err)
	}
	return got
}

func TestManyCallersShareOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{items: []string{"a"}}
		s := snapshot.New(w.read)
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if got := get(t, s, time.Minute); !slices.Equal(got, []string{"a"}) {
					t.Errorf("got %q", got)
				}
			})
		}
		all.Wait()
		if got := w.reads.Load(); got != 1 {
			t.Errorf("got %d reads, want 1", got)
		}
	})
}

func TestAgeDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{items: []string{"old"}}
		s := snapshot.New(w.read)
		get(t, s, 0) // begun at 0 s, done at 1 s
		w.set("new")
		time.Sleep(9 * time.Second)

		if got := get(t, s, 10*time.Second); !slices.Equal(got, []string{"old"}) {
			t.Errorf("exactly as old as accepted: got %q, want the one read", got)
		}
		if got := get(t, s, 10*time.Second-1); !slices.Equal(got, []string{"new"}) {
			t.Errorf("a nanosecond too old: got %q, want a new read", got)
		}
		if got := w.reads.Load(); got != 2 {
			t.Errorf("got %d reads, want 2", got)
		}
	})
}

func TestPeekNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		s := snapshot.New(func(context.Context) (int, error) { reads++; return reads, nil })
		if _, ok := s.Peek(time.Hour); ok {
			t.Error("there is a value before the first read")
		}
		if _, err := s.Get(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if got, ok := s.Peek(3 * time.Second); !ok || got != 1 {
			t.Errorf("got %d, %v, want the value of three seconds ago", got, ok)
		}
		if _, ok := s.Peek(2 * time.Second); ok {
			t.Error("a value of three seconds ago passes for one of two")
		}
		s.Invalidate()
		if _, ok := s.Peek(time.Hour); ok {
			t.Error("an invalidated value is given out")
		}
		if reads != 1 {
			t.Errorf("got %d reads, want 1", reads)
		}
	})
}

func TestZeroAgeReadsAfterTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{items: []string{"before"}}
		s := snapshot.New(w.read)
		go get(t, s, 0)
		synctest.Wait() // the first read has seen "before" and is in flight
		w.set("after")

		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := get(t, s, 0); !slices.Equal(got, []string{"after"}) {
					t.Errorf("got %q from a read that began before the call", got)
				}
			})
		}
		all.Wait()
		if got := w.reads.Load(); got != 2 {
			t.Errorf("got %d reads, want 2: the one in flight and one for all who came meanwhile", got)
		}
		w.set("later")
		if got := get(t, s, 0); !slices.Equal(got, []string{"later"}) {
			t.Errorf("got %q at the same instant as the last read's end, want a read now", got)
		}
	})
}

func TestInvalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{items: []string{"before"}}
		s := snapshot.New(w.read)
		get(t, s, time.Hour)
		w.set("after")
		s.Invalidate()
		if got := get(t, s, time.Hour); !slices.Equal(got, []string{"after"}) {
			t.Errorf("got %q after Invalidate, want a new read", got)
		}

		// A read in flight when Invalidate comes does not count for those after it.
		s.Invalidate()
		early := make(chan []string, 1)
		go func() { early <- get(t, s, time.Hour) }()
		synctest.Wait()
		w.set("last")
		s.Invalidate()
		if got := get(t, s, time.Hour); !slices.Equal(got, []string{"last"}) {
			t.Errorf("got %q from a read that began before Invalidate", got)
		}
		if got := <-early; !slices.Equal(got, []string{"after"}) {
			t.Errorf("who came before Invalidate got %q, want its own read's result", got)
		}
		if got := get(t, s, time.Hour); !slices.Equal(got, []string{"last"}) {
			t.Errorf("got %q, want the newest read to stay", got)
		}
		if got := w.reads.Load(); got != 4 {
			t.Errorf("got %d reads, want 4", got)
		}
	})
}

func TestUpdateIsNotLost(t *testing.T) {
	add := func(items []string) []string {
		if slices.Contains(items, "mine") {
			return items
		}
		return append(slices.Clone(items), "mine")
	}
	synctest.Test(t, func(t *testing.T) {
		w := &world{items: []string{"a"}}
		s := snapshot.New(w.read)
		s.Update(add) // nothing is known yet: nothing to change
		given := get(t, s, time.Hour)
		s.Update(add)
		if diff := cmp.Diff([]string{"a", "mine"}, get(t, s, time.Hour)); diff != "" {
			t.Errorf("own write on the current value (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"a"}, given); diff != "" {
			t.Errorf("a value given out changed (-want +got):\n%s", diff)
		}

		done := make(chan []string, 1)
		go func() { done <- get(t, s, 0) }() // reads "a": the write is not there yet
		synctest.Wait()
		s.Update(add)
		if diff := cmp.Diff([]string{"a", "mine"}, <-done); diff != "" {
			t.Errorf("own write while a read is in flight (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"a", "mine"}, get(t, s, time.Hour)); diff != "" {
			t.Errorf("own write after that read (-want +got):\n%s", diff)
		}
	})
}

func TestUpdateDoesNotMakeYounger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{items: []string{"a"}}
		s := snapshot.New(w.read)
		get(t, s, 0)
		time.Sleep(time.Minute)
		s.Update(func(items []string) []string { return items })
		get(t, s, 30*time.Second)
		if got := w.reads.Load(); got != 2 {
			t.Errorf("got %d reads, want 2: an own write does not refresh the rest of the list", got)
		}
	})
}

func TestWaitersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{items: []string{"a"}}
		s := snapshot.New(w.read)

		// The one who started the read leaves; the other still gets it.
		first, leave := context.WithCancel(t.Context())
		errs := make(chan error, 1)
		go func() { _, err := s.Get(first, 0); errs <- err }()
		synctest.Wait()
		second := make(chan []string, 1)
		go func() { second <- get(t, s, time.Minute) }()
		synctest.Wait()
		leave()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v, want context.Canceled", err)
		}
		if got := <-second; !slices.Equal(got, []string{"a"}) {
			t.Errorf("who stayed got %q", got)
		}
		if got := w.reads.Load(); got != 1 {
			t.Errorf("got %d reads, want 1", got)
		}

		// Everyone leaves: the read ends, and nobody later gets its error.
		s.Invalidate()
		alone, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if _, err := s.Get(alone, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
		if got := get(t, s, time.Hour); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after an abandoned read got %q", got)
		}
		synctest.Wait()
		if got := w.cut.Load(); got != 1 {
			t.Errorf("got %d reads cancelled, want 1", got)
		}

		// A context that has ended already starts nothing.
		gone, leave := context.WithCancel(t.Context())
		leave()
		before := w.reads.Load()
		if _, err := s.Get(gone, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if got := w.reads.Load(); got != before {
			t.Errorf("an ended context started a read")
		}
	})
}

func TestErrorsAreSharedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		w := &world{items: []string{"a"}}
		s := snapshot.New(w.read)
		get(t, s, 0)
		w.err = down
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := s.Get(t.Context(), 0); !errors.Is(err, down) {
					t.Errorf("got %v, want the read's error", err)
				}
			})
		}
		all.Wait()
		if got := get(t, s, time.Hour); !slices.Equal(got, []string{"a"}) {
			t.Errorf("got %q, want the last good read while it is young enough", got)
		}
		w.mu.Lock()
		w.err = nil
		w.mu.Unlock()
		if got := get(t, s, 0); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after the error got %q", got)
		}
	})
}

// Whatever callers do in whatever order, nobody sees a value older than it
// accepts, and no own write is ever missing from what is read after it.
func TestNeverTooOldNeverLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type action struct {
			wait   time.Duration
			kind   int // 0 read, 1 write, 2 change from outside with Invalidate
			maxAge time.Duration
		}
		seconds := rapid.IntRange(0, 5)
		actions := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) action {
			return action{
				time.Duration(seconds.Draw(t, "wait")) * 300 * time.Millisecond,
				rapid.IntRange(0, 2).Draw(t, "kind"),
				time.Duration(seconds.Draw(t, "age")) * time.Second,
			}
		}), 1, 30).Draw(rt, "actions")

		synctest.Test(t, func(t *testing.T) {
			// The value is a revision; the cloud's revision only grows.
			var cloud atomic.Int64
			s := snapshot.New(func(context.Context) (int64, error) {
				seen := cloud.Load()
				time.Sleep(time.Second)
				return seen, nil
			})
			var known atomic.Int64
			var all sync.WaitGroup
			for _, a := range actions {
				time.Sleep(a.wait)
				switch a.kind {
				case 0:
					atLeast := known.Load()
					if a.maxAge == 0 {
						atLeast = cloud.Load()
					}
					all.Go(func() {
						got, err := s.Get(t.Context(), a.maxAge)
						if err != nil || got < atLeast {
							t.Errorf("got %d, %v; want at least %d", got, err, atLeast)
						}
					})
				case 1:
					mine := cloud.Add(1)
					s.Update(func(v int64) int64 { return max(v, mine) })
					known.Store(mine)
				default:
					known.Store(cloud.Add(1))
					s.Invalidate()
				}
			}
			all.Wait()
		})
		if t.Failed() {
			rt.Fatalf("see above; actions %v", actions)
		}
	})
}

func BenchmarkGetCurrent(b *testing.B) {
	s := snapshot.New(func(context.Context) ([]string, error) { return make([]string, 5000), nil })
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(ctx, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

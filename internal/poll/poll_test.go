package poll_test

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

	"underlay/internal/cloud"
	"underlay/internal/poll"
)

const build poll.Work = "build"

// site is a service whose objects are ready at a time, and gone at another.
type site struct {
	mu      sync.Mutex
	began   time.Time
	ready   map[string]time.Duration
	gone    map[string]time.Duration
	err     func(nth int) error
	takes   time.Duration
	reads   []string // "1.4s a b", the time at which each began
	retried []string
}

func (s *site) read(_ context.Context, ids []string, tell func(string, bool, error)) error {
	s.mu.Lock()
	at := time.Since(s.began)
	s.reads = append(s.reads, at.String()+" "+strings.Join(ids, " "))
	nth, takes := len(s.reads), s.takes
	s.mu.Unlock()
	time.Sleep(takes)
	if s.err != nil {
		if err := s.err(nth); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if gone, ok := s.gone[id]; ok && at >= gone {
			tell(id, false, fmt.Errorf("thing %s: %w", id, cloud.ErrNotFound))
			continue
		}
		tell(id, at >= s.ready[id], nil)
	}
	tell("nobody's", true, nil)
	return nil
}

// at is the times of the reads so far.
func (s *site) at() []string {
	var times []string
	for _, read := range s.reads {
		at, _, _ := strings.Cut(read, " ")
		times = append(times, at)
	}
	return times
}

// open makes a poller over the site, whose clock begins now.
func (s *site) open() *poll.Poller[bool] {
	s.began = time.Now()
	return poll.New(poll.Source[bool]{
		Name: "thing",
		Read: s.read,
		Retried: func(_ context.Context, err error) {
			s.retried = append(s.retried, err.Error())
		},
		Typical: func(kind poll.Work, ready, gone bool) bool { return gone == (kind == "removal") && (ready || gone) },
	})
}

// ready is what most tests wait for.
func ready(object bool) bool { return object }

func TestOneReadServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{ready: map[string]time.Duration{"a": time.Second, "b": 2 * time.Second}}
		p := s.open()
		var all sync.WaitGroup
		for _, id := range []string{"b", "a", "b"} {
			all.Go(func() {
				if object, err := p.Await(t.Context(), id, "", ready); err != nil || !object {
					t.Errorf("%s: got %v, %v", id, object, err)
				}
			})
		}
		all.Wait()
		want := []string{"700ms a b", "1.4s a b", "2.1s b"}
		if diff := cmp.Diff(want, s.reads); diff != "" {
			t.Errorf("reads (-want +got):\n%s", diff)
		}
	})
}

// An answer that was on its way already may be older than the caller's own write.
func TestAReadThatBeganBeforeAnswersNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{takes: 5 * time.Second}
		p := s.open()
		var all sync.WaitGroup
		wait := func() {
			if _, err := p.Await(t.Context(), "a", "", ready); err != nil {
				t.Error(err)
			}
		}
		all.Go(wait)
		time.Sleep(time.Second)
		all.Go(wait)
		all.Wait()
		if diff := cmp.Diff([]string{"700ms a", "5.7s a"}, s.reads); diff != "" {
			t.Errorf("reads (-want +got):\n%s", diff)
		}
	})
}

func TestTheGapGrowsWithTheYoungestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{ready: map[string]time.Duration{"old": time.Minute, "young": 42 * time.Second}}
		p := s.open()
		var all sync.WaitGroup
		wait := func(id string) {
			if _, err := p.Await(t.Context(), id, "", ready); err != nil {
				t.Error(err)
			}
		}
		all.Go(func() { wait("old") })
		time.Sleep(40 * time.Second)
		all.Go(func() { wait("young") })
		all.Wait()
		var times []time.Duration
		for _, at := range s.at() {
			d, err := time.ParseDuration(at)
			if err != nil {
				t.Fatal(err)
			}
			times = append(times, d)
		}
		alone := slices.DeleteFunc(slices.Clone(times), func(d time.Duration) bool { return d > 40*time.Second })
		if len(alone) > 14 || len(times) > len(alone)+7 {
			t.Errorf("got %d reads in 40 s and %d in all at %v, want few", len(alone), len(times), times)
		}
		for i := 1; i < len(times); i++ {
			if gap := times[i] - times[i-1]; gap < poll.Gap || gap > poll.GapMax {
				t.Errorf("gap of %v before the read at %v, want %v to %v", gap, times[i], poll.Gap, poll.GapMax)
			}
		}
		young := slices.DeleteFunc(slices.Clone(times), func(d time.Duration) bool { return d < 40*time.Second || d > 42100*time.Millisecond })
		if want := []time.Duration{40700 * time.Millisecond, 41400 * time.Millisecond, 42100 * time.Millisecond}; !slices.Equal(young, want) {
			t.Errorf("a young wait is read at %v, want %v", young, want)
		}
	})
}

func TestAPollThatFailsInPassingIsTriedAgainMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{ready: map[string]time.Duration{"a": 150 * time.Second}}
		s.err = func(nth int) error {
			if nth <= 8 {
				return fmt.Errorf("no answer, %w", cloud.ErrUnavailable)
			}
			return nil
		}
		p := s.open()
		if _, err := p.Await(t.Context(), "a", "", ready); err != nil {
			t.Errorf("got %v, want the answer of the read that succeeds", err)
		}
		want := []string{"700ms", "2.1s", "4.9s", "10.5s", "21.7s", "44.1s", "1m14.1s", "1m44.1s", "2m14.1s", "2m22.1s", "2m30.1s"}
		if diff := cmp.Diff(want, s.at()); diff != "" {
			t.Errorf("reads (-want +got):\n%s", diff)
		}
		if len(s.retried) != 8 {
			t.Errorf("told %d failures, want 8: %v", len(s.retried), s.retried)
		}
	})
}

func TestALongOutageIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{err: func(int) error { return cloud.ErrUnavailable }}
		p := s.open()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := p.Await(ctx, "a", "", ready); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got := len(s.reads); got < 120 || got > 126 {
			t.Errorf("%d reads in an hour, want one each 30 s", got)
		}
	})
}

func TestAnErrorThatStaysEndsTheWaits(t *testing.T) {
	for _, final := range []error{cloud.ErrDenied, cloud.ErrUnsupported, cloud.ErrInvalid} {
		synctest.Test(t, func(t *testing.T) {
			reads := 0
			p := poll.New(poll.Source[int]{
				Name: "thing",
				Read: func(_ context.Context, ids []string, tell func(string, int, error)) error {
					reads++
					tell(ids[0], reads, nil)
					if reads == 1 {
						return final
					}
					return nil
				},
				Retried: func(_ context.Context, err error) { t.Errorf("tries again after %v", err) },
			})
			var all sync.WaitGroup
			for enough := 1; enough <= 2; enough++ {
				all.Go(func() {
					if _, err := p.Await(t.Context(), "a", build, func(n int) bool { return n >= enough }); err != nil {
						t.Errorf("what was told before the error: got %v", err)
					}
				})
			}
			all.Go(func() {
				if _, err := p.Await(t.Context(), "b", build, func(int) bool { return false }); !errors.Is(err, final) || !strings.Contains(err.Error(), "wait for thing b") {
					t.Errorf("got %v, want %v", err, final)
				}
			})
			all.Wait()
		})
	}
}

func TestWhatIsGoneEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{ready: map[string]time.Duration{"a": time.Hour}, gone: map[string]time.Duration{"a": time.Second}}
		p := s.open()
		if _, err := p.Await(t.Context(), "a", "", ready); !errors.Is(err, cloud.ErrNotFound) || len(s.reads) != 2 {
			t.Errorf("got %v after %v", err, s.reads)
		}
	})
}

func TestACallerMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{ready: map[string]time.Duration{"a": time.Hour}}
		p := poll.New(poll.Source[string]{Name: "thing", Read: func(ctx context.Context, ids []string, tell func(string, string, error)) error {
			return s.read(ctx, ids, func(id string, _ bool, err error) { tell(id, "creating", err) })
		}})
		s.began = time.Now()
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
		defer cancel()
		last, err := p.Await(ctx, "a", "", func(string) bool { return false })
		if !errors.Is(err, cause) || last != "creating" || !strings.Contains(err.Error(), "wait for thing a") {
			t.Errorf("got %q, %v, want what was seen last and the cause", last, err)
		}
		if took := time.Since(s.began); took != time.Minute {
			t.Errorf("left after %v", took)
		}
		reads := len(s.reads)
		time.Sleep(time.Minute)
		if len(s.reads) != reads {
			t.Errorf("%d reads after the last caller left", len(s.reads)-reads)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if last, err := p.Await(short, "a", "", func(string) bool { return false }); err == nil || last != "" {
			t.Errorf("never seen: got %q, %v", last, err)
		}
	})
}

// The caller who came first is not the others' master.
func TestAReadGoesOnWhenACallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		learned := 0
		p := poll.New(poll.Source[bool]{
			Name: "thing",
			Read: func(ctx context.Context, ids []string, tell func(string, bool, error)) error {
				select {
				case <-time.After(10 * time.Second):
				case <-ctx.Done():
					return ctx.Err()
				}
				for _, id := range ids {
					tell(id, true, nil)
				}
				return nil
			},
			Retried: func(_ context.Context, err error) { t.Errorf("a read was ended: %v", err) },
			Typical: func(poll.Work, bool, bool) bool { learned++; return true },
		})
		var all sync.WaitGroup
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := p.Await(ctx, "a", build, ready); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the end of the caller's time", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := p.Await(t.Context(), "b", build, ready); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		synctest.Wait()
		if learned != 1 {
			t.Errorf("learned from %d waits, want that of the caller who stayed", learned)
		}
	})
}

func TestAReadThatHangsIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := 0
		p := poll.New(poll.Source[bool]{
			Name: "thing",
			Read: func(ctx context.Context, ids []string, tell func(string, bool, error)) error {
				if hung == 0 {
					<-ctx.Done()
					return ctx.Err()
				}
				tell(ids[0], true, nil)
				return nil
			},
			Retried: func(context.Context, error) { hung++ },
		})
		if _, err := p.Await(t.Context(), "a", "", ready); err != nil || hung != 1 {
			t.Errorf("got %v after %d reads that hung", err, hung)
		}
	})
}

func TestCloseEndsAllWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{ready: map[string]time.Duration{"a": time.Hour, "b": time.Hour}}
		p := s.open()
		over := errors.New("over")
		var all sync.WaitGroup
		for _, id := range []string{"a", "b"} {
			all.Go(func() {
				if _, err := p.Await(t.Context(), id, build, ready); !errors.Is(err, over) {
					t.Errorf("closed while waiting for %s: got %v", id, err)
				}
			})
		}
		time.Sleep(3 * time.Second)
		if err := p.Closed(); err != nil {
			t.Errorf("closed before Close: %v", err)
		}
		p.Close(over)
		all.Wait()
		reads := len(s.reads)
		if _, err := p.Await(t.Context(), "a", build, ready); !errors.Is(err, over) || !errors.Is(p.Closed(), over) {
			t.Errorf("closed before: got %v, and Closed says %v", err, p.Closed())
		}
		time.Sleep(time.Minute)
		if len(s.reads) != reads {
			t.Errorf("%d reads after Close", len(s.reads)-reads)
		}
	})
}

// Each wait ends soon after its object is ready, however many others there are.
func TestNobodyWaitsMuchLongerThanTheWorkTakes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		begins := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 30).Draw(r, "begins, s")
		lasts := rapid.SliceOfN(rapid.IntRange(0, 300), len(begins), len(begins)).Draw(r, "lasts, s")
		synctest.Test(t, func(t *testing.T) {
			s := &site{ready: map[string]time.Duration{}}
			for i := range begins {
				s.ready[fmt.Sprint(i)] = time.Duration(begins[i]+lasts[i]) * time.Second
			}
			p := s.open()
			var all sync.WaitGroup
			for i := range begins {
				began, work := time.Duration(begins[i])*time.Second, time.Duration(lasts[i])*time.Second
				all.Go(func() {
					time.Sleep(began)
					_, err := p.Await(t.Context(), fmt.Sprint(i), "", ready)
					took := time.Since(s.began) - began
					if most := work + min(max(work/3, poll.Gap), poll.GapMax) + poll.Gap; err != nil || took > most {
						r.Errorf("a wait for %v of work took %v, want at most %v (%v)", work, took, most, err)
					}
				})
			}
			all.Wait()
			if most := int(600*time.Second/poll.Gap) + 1; len(s.reads) > most {
				r.Errorf("%d reads, want at most %d", len(s.reads), most)
			}
		})
	})
}

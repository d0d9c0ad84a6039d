package poll_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/internal/poll"
)

// learned waits for one object after another, each of which takes so long, and
// returns the times of the reads of the last, from its begin.
func learned(t *testing.T, kind poll.Work, takes ...time.Duration) []string {
	t.Helper()
	s := &site{ready: map[string]time.Duration{}}
	p := s.open()
	for _, d := range takes {
		s.began, s.reads = time.Now(), nil
		s.ready["a"] = d
		if _, err := p.Await(t.Context(), "a", kind, ready); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
	}
	return s.at()
}

func TestTheFirstReadComesWhenTheWorkIsAboutDone(t *testing.T) {
	times := func(d time.Duration, n int) (all []time.Duration) {
		for range n {
			all = append(all, d)
		}
		return all
	}
	for _, c := range []struct {
		name  string
		kind  poll.Work
		takes []time.Duration
		want  []string
	}{
		// At first 2 s are seen to be over after 2.1 s, of which 1.89 s are nine tenths.
		{"work that is known", build, times(2*time.Second, 2), []string{"1.89s", "2.59s"}},
		{"work that takes no time", build, times(0, 2), []string{"700ms"}},
		{"work of no kind", "", times(2*time.Second, 2), []string{"700ms", "1.4s", "2.1s"}},
		{"work that ended otherwise", "removal", times(2*time.Second, 2), []string{"700ms", "1.4s", "2.1s"}},
		{"the shortest counts", build, []time.Duration{time.Second, 10 * time.Second, 3 * time.Second}, []string{"1.26s", "1.96s", "2.66s", "3.36s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(c.want, learned(t, c.kind, c.takes...)); diff != "" {
					t.Errorf("reads (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWhatIsLongAgoIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 10 * time.Second
		first := learned(t, build, 0, long, long, long, long, long, long, long, long)
		then := learned(t, build, 0, long, long, long, long, long, long, long, long, long)
		if len(first) < 5 || len(then) > 2 {
			t.Errorf("read at %v while a short time is remembered and at %v after it, want several and few", first, then)
		}
	})
}

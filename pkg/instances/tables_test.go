package instances

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTablesAreComplete: the reference pages are made from these.
func TestTablesAreComplete(t *testing.T) {
	declared := map[string]bool{}
	for _, e := range Events {
		if declared[e.Reason] || e.Type == "" || e.Meaning == "" || e.Advice == "" {
			t.Errorf("event %+v is incomplete or declared twice", e)
		}
		declared[e.Reason] = true
	}
	for _, reason := range []string{reasonHeld, reasonUnmatched, reasonAmbiguous, reasonNoAddress, reasonForeignNodeIP} {
		if !declared[reason] {
			t.Errorf("event %s is sent but not declared", reason)
		}
	}
	for _, m := range Metrics() {
		if !strings.HasPrefix(m.Name, "underlay_node_") || m.Type == "" || m.Meaning == "" {
			t.Errorf("metric %+v is incomplete", m)
		}
	}
}

func TestSurvey(t *testing.T) {
	tests := []struct {
		known, missing, percent, reporting int
		want                               bool
	}{
		{known: 100, missing: 25, percent: 25, want: false},
		{known: 100, missing: 26, percent: 25, want: true},
		{known: 5, missing: 3, percent: 25, want: false},
		{known: 5, missing: 4, percent: 25, want: true},
		{known: 100, missing: 100, percent: 0, want: false},
		{known: 100, missing: 100, percent: 100, want: false},
		{known: 0, missing: 1, percent: 25, want: false},
		{known: 3, missing: 3, percent: 25, want: false},
		{known: 3, missing: 3, percent: 25, reporting: 1, want: true},
		{known: 3, missing: 2, percent: 25, reporting: 1, want: false},
		{known: 3, missing: 3, percent: 0, reporting: 1, want: false},
	}
	for _, tt := range tests {
		s := survey{known: tt.known, missing: tt.missing, percent: tt.percent, reporting: tt.reporting}
		if got := s.held(); got != tt.want {
			t.Errorf("%+v held = %v, want %v", s, got, tt.want)
		}
	}
}

func TestNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := notices{said: map[string]map[string]time.Time{}}
		say := func(when, node, topic string, every time.Duration, want bool) {
			t.Helper()
			if got := n.due(node, topic, every); got != want {
				t.Errorf("%s: due(%s, %s) = %v, want %v", when, node, topic, got, want)
			}
		}
		say("first", "a", "x", reminder, true)
		say("again", "a", "x", reminder, false)
		say("another topic", "a", "y", 0, true)
		say("another node", "b", "x", reminder, true)
		time.Sleep(reminder)
		say("half an hour later", "a", "x", reminder, true)
		say("half an hour later", "a", "y", 0, false)
		n.over("a", "x")
		say("after it was over", "a", "x", reminder, true)
		n.keep(map[string]bool{"b": true})
		say("after the node was deleted", "a", "y", 0, true)
	})
}

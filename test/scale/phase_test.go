package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/simulator"
)

func TestCallsAreToldApart(t *testing.T) {
	poll := simulator.Call{Method: "GET", Service: "load-balancer", Path: "/v2/lbaas/loadbalancers", Query: url.Values{"fields": {"id"}}}
	list, began := poll, time.Now()
	list.Query = url.Values{"project_id": {"p"}}
	address := simulator.Call{Method: "POST", Service: "network", Path: "/v2.0/floatingips", At: began.Add(3 * time.Second)}
	calls := []simulator.Call{
		poll, poll, list, address,
		{Method: "PUT", Service: "load-balancer", Path: "/v2/lbaas/pools/p/members", At: began.Add(5 * time.Second)},
		{Method: "GET", Service: "network", Path: "/v2.0/ports", At: began.Add(9 * time.Second)},
	}
	if diff := cmp.Diff(counts{Reads: 1, Writes: 2, Polls: 2, Other: 1}, count(calls)); diff != "" {
		t.Error(diff)
	}
	if got := ended(calls, began); got != 5*time.Second {
		t.Errorf("changes ended after %s, want 5 s", got)
	}
	if got := ended(calls[5:], began); got != 9*time.Second {
		t.Errorf("without a change: got %s, want 9 s", got)
	}
}

func TestTableHasThePhases(t *testing.T) {
	if text := table([]phase{{Name: "a node joins", counts: counts{Writes: 1000}}}); !strings.Contains(text, "a node joins") || !strings.Contains(text, " 1000 ") {
		t.Errorf("got %q", text)
	}
}

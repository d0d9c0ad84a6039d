package spec_test

import (
	"strings"
	"testing"
)

// Octavia refuses ranges of a listener beside groups on the virtual address, those
// of the metrics too: the Service could never be made.
func TestMetricsBehindGroupsOfTheUsers(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(annotated(map[string]string{"vip-security-group-ids": id("7"), "prometheus-port": "9090", "prometheus-source-ranges": "0.0.0.0/0"}), n)
	_, d, _ := resolve(t, in, cloud(n))
	for _, l := range d.Balancer.Listeners {
		if len(l.Settings.AllowedCIDRs) > 0 {
			t.Errorf("listener %d has ranges %v", l.Port, l.Settings.AllowedCIDRs)
		}
	}
	in = input(annotated(map[string]string{"vip-security-group-ids": id("7"), "prometheus-port": "9090", "prometheus-source-ranges": "10.0.0.0/8"}), n)
	if got := complaints(in, cloud(n)); len(got) != 1 || !strings.Contains(got[0], "prometheus-source-ranges") {
		t.Errorf("got %q, want that the ranges of the metrics cannot be had", got)
	}
}

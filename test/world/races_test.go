package world_test

import (
	"strings"
	"testing"

	"underlay/test/world"
)

const (
	reader = "k8s.io/cloud-provider/controllers/service.(*serviceCache).allServices()"
	writer = "k8s.io/cloud-provider/controllers/service.(*Controller).processServiceCreateOrUpdate()"
	ours   = "underlay/pkg/loadbalancer.(*Controller).EnsureLoadBalancer()"
)

func report(read, write string) string {
	return "I1120 a line\n==================\nWARNING: DATA RACE\nRead at 0x00c000007718 by goroutine 392:\n  " + read +
		"\n      controller.go:1 +0x1\n\nPrevious write at 0x00c000007718 by goroutine 391:\n  " + write +
		"\n      controller.go:339 +0x1a8\n==================\nI1120 another line\n"
}

func TestOnlyTheRaceOfTheFrameworkIsLetPass(t *testing.T) {
	for name, tc := range map[string]struct {
		log  string
		want int
	}{
		"none":                       {"I1120 a line\n", 0},
		"the framework's own":        {report(reader, writer), 0},
		"ours with the framework's":  {report(ours, writer), 1},
		"ours":                       {report(ours, ours), 1},
		"another of the framework's": {report(reader, reader), 1},
		"both":                       {report(reader, writer) + report(ours, ours), 1},
	} {
		got := world.Races(tc.log)
		if len(got) != tc.want || tc.want == 1 && !strings.Contains(got[0], "WARNING: DATA RACE") {
			t.Errorf("%s: got %q, want %d", name, got, tc.want)
		}
	}
}

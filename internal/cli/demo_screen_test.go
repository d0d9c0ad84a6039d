package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// What the demo says fits a terminal of 80 columns, and is whole where nobody
// knows how wide the reader's is.
func TestTheDemoFitsItsTerminal(t *testing.T) {
	const sum = "4 nodes, 4 routes, 4 address pairs: all right. OpenStack calls: 6 reads, 1 router write, 3 port writes"
	const id = "openstack:///b7dea9d0-04f4-4d1c-b640-df954e278a2e"
	write := func(s *screen) []string {
		var out bytes.Buffer
		s.out = &out
		s.done(sum)
		s.note("a load balancer removed by hand is made again, with its address, within five minutes")
		s.events(200*time.Millisecond, []change{{node: "node-1", what: "initialised", detail: id}})
		return strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	}
	narrow := write(&screen{live: true, width: 80})
	if len(narrow) != 5 {
		t.Errorf("got %d lines, want two of each text and one of the change", len(narrow))
	}
	for _, line := range narrow {
		if length(line) >= 80 {
			t.Errorf("%d columns: %q", length(line), line)
		}
	}
	if last := narrow[len(narrow)-1]; !strings.HasSuffix(last, "df954e278a2e") || !strings.Contains(last, "openstack:///b7dea") {
		t.Errorf("got %q, want both ends of the id", last)
	}
	whole := write(&screen{width: 100})
	if len(whole) != 3 || !strings.HasSuffix(whole[0], sum) || !strings.HasSuffix(whole[2], id) {
		t.Errorf("without a terminal: got %q", whole)
	}
}

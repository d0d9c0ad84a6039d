package loadbalancer_test

import (
	"fmt"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubetesting "k8s.io/client-go/testing"
)

// TestFiveHundredServicesOnFiftyNodes holds the calls of a large cluster, phase by
// phase. docs/explanation/scale.md has what the same costs the whole process.
func TestFiveHundredServicesOnFiftyNodes(t *testing.T) {
	const services, nodes, ports = 500, 50, 2
	// lists is more than what many Services share while they wait for their turn at
	// 20 calls a second: a list is at most five seconds old, and one of 1,000 pools
	// has two pages.
	const lists = 80
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nodes, on("198.18.0.0/16"))
		// Nobody reads the framework's events here, and they are a third of the work.
		w.kube.PrependReactor("*", "events", func(kubetesting.Action) (bool, runtime.Object, error) { return true, &v1.Event{}, nil })
		process := w.start()
		for i := range services {
			w.service(fmt.Sprintf("web-%d", i), nil, tcp(80), tcp(443))
		}
		w.settle(5 * time.Minute)
		pass(30 * time.Second)
		w.spent("all made", 2*services+lists, 2*services) // the load balancer and its floating IP

		pass(15 * time.Minute) // the first pass looks for more
		w.cloud.ResetCalls()
		pass(10 * time.Minute)
		w.spent("ten minutes at rest", 2*(8+2), 0)

		w.join(nodes)
		pass(90 * time.Second)
		// Each Service keeps what is its own, and no room for what is all the others'.
		if room, held := process.controller.AddressRoom(); held != services || room > 4*held {
			t.Errorf("the memory has room for %d floating IPs and holds %d, want %d", room, held, services)
		}
		w.spent("a node joins", services*ports+lists, services*ports)

		w.leave(0)
		pass(90 * time.Second)
		w.spent("a node leaves", services*ports+lists, services*ports)

		process.end()
		w.cloud.ResetCalls()
		process = w.start()
		pass(90 * time.Second)
		w.spent("restart", 10+services, 0)
		process.end()
	})
}

// spent holds the calls since the last time to a number, and the writes among
// them to another.
func (w *world) spent(what string, calls, writes int) {
	w.t.Helper()
	all, polls := w.calls(), 0
	for _, call := range all {
		if isPoll(call) {
			polls++
		}
	}
	w.t.Logf("%-20s %4d calls, %4d of them writes, and %2d polls", what, len(all)-polls, len(w.writes()), polls)
	if len(all)-polls > calls || len(w.writes()) > writes {
		w.t.Errorf("%s: got %d calls and %d writes, want at most %d and %d", what, len(all)-polls, len(w.writes()), calls, writes)
	}
	w.cloud.ResetCalls()
}

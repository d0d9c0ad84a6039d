package loadbalancer_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"underlay/pkg/simulator"
)

// slowOctavia takes its time over the first create: its VIP port is there at
// once, the load balancer only after took, and its client does not wait so long.
type slowOctavia struct {
	next http.RoundTripper
	w    *world
	took time.Duration
	// port is the VIP port that it makes first.
	port  simulator.PortSpec
	asked atomic.Bool
}

func (s *slowOctavia) RoundTrip(r *http.Request) (*http.Response, error) {
	create := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/lbaas/loadbalancers")
	if !create || s.asked.Swap(true) {
		return s.next.RoundTrip(r)
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.port.NetworkID = s.w.net.ID
	port := s.w.cloud.AddPort(s.port)
	later := r.Clone(s.w.t.Context())
	later.Body = io.NopCloser(bytes.NewReader(sent))
	go func() {
		time.Sleep(s.took)
		s.w.cloud.DeletePort(port)
		response, err := s.next.RoundTrip(later)
		if err != nil {
			s.w.t.Errorf("the slow create: %v", err)
			return
		}
		response.Body.Close()
	}()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestACreateThatOutlivesItsClientIsNotRepeated: Octavia was seen to take 72
// seconds over a create on a busy machine, while its client gave up after 60 and
// no list showed the load balancer yet.
func TestACreateThatOutlivesItsClientIsNotRepeated(t *testing.T) {
	for provider, port := range map[string]simulator.PortSpec{
		"amphora": {Name: "octavia-lb-7e8adc77-0000-4000-8000-000000000001", DeviceID: "lb-7e8adc77-0000-4000-8000-000000000001", DeviceOwner: "Octavia"},
		"ovn":     {Name: "ovn-lb-vip-7e8adc77-0000-4000-8000-000000000001"},
	} {
		t.Run(provider, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 2, configured("lb-provider="+provider))
				w.through = func(next http.RoundTripper) http.RoundTripper {
					return &slowOctavia{next: next, w: w, took: 100 * time.Second, port: port}
				}
				p := w.start()
				defer p.end()
				w.service("web", nil)
				w.settle(15 * time.Minute)
				pass(2 * time.Minute) // until the slow one is done, whatever came first
				if flaw := w.flaw("web"); flaw != "" {
					t.Error(flaw)
				}
				if got := w.cloud.Count("POST /v2/lbaas/loadbalancers"); got != 1 {
					t.Errorf("got %d creates, want the one that was slow", got)
				}
			})
		})
	}
}

// TestAnOldVIPPortDoesNotStopTheNextCreate: Octavia leaves the VIP port of a
// refused create behind; it is no sign of one under way for ever.
func TestAnOldVIPPortDoesNotStopTheNextCreate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.cloud.AddPort(simulator.PortSpec{
			Name: "octavia-lb-7e8adc77-0000-4000-8000-000000000002", NetworkID: w.net.ID,
			DeviceID: "lb-7e8adc77-0000-4000-8000-000000000002", DeviceOwner: "Octavia",
		})
		w.cloud.AddFault(simulator.Fault{Match: "POST /v2/lbaas/loadbalancers", Nth: 1, Kind: simulator.DropBefore})
		p := w.start()
		defer p.end()
		w.service("web", nil)
		w.settle(10 * time.Minute)
		if flaw := w.flaw("web"); flaw != "" {
			t.Error(flaw)
		}
	})
}

// TestManyLostCreatesAreWaitedForTogether: where Octavia fails for all Services at
// once, they look for what became of their creates in the same lists.
func TestManyLostCreatesAreWaitedForTogether(t *testing.T) {
	const services = 30
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.cloud.AddPort(simulator.PortSpec{
			Name: "octavia-lb-7e8adc77-0000-4000-8000-000000000003", NetworkID: w.net.ID,
			DeviceID: "lb-7e8adc77-0000-4000-8000-000000000003", DeviceOwner: "Octavia",
		})
		w.cloud.AddFault(simulator.Fault{Match: "POST /v2/lbaas/loadbalancers", Times: services, Kind: simulator.DropBefore})
		p := w.start()
		defer p.end()
		for i := range services {
			w.service(fmt.Sprintf("web-%02d", i), nil)
		}
		pass(3 * time.Minute)
		for _, pattern := range []string{"GET /v2/lbaas/loadbalancers", "GET /v2.0/ports"} {
			if got := w.cloud.Count(pattern); got > 3*180/5 {
				t.Errorf("%s: got %d calls in three minutes", pattern, got)
			}
		}
		w.settle(3 * time.Minute)
		for i := range services {
			if flaw := w.flaw(fmt.Sprintf("web-%02d", i)); flaw != "" {
				t.Error(flaw)
			}
		}
	})
}

package loadbalancer_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"underlay/pkg/simulator"
)

// answering answers some calls itself.
type answering struct {
	next   http.RoundTripper
	method string
	status int
	body   func(id string) string
	times  int
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != a.method || !strings.Contains(r.URL.Path, "/lbaas/loadbalancers/") || a.times == 0 {
		return a.next.RoundTrip(r)
	}
	a.times--
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(a.body(id))), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// A deletion counts as done when the load balancer is gone, whatever was answered.
func TestADeletionThatWasNotDoneIsDoneAgain(t *testing.T) {
	for name, fault := range map[string]answering{
		"an API node that is behind": {status: 404, body: func(id string) string {
			return `{"faultcode": "Client", "faultstring": "Load Balancer ` + id + ` not found.", "debuginfo": null}`
		}},
		"a gateway":             {status: 404, body: func(string) string { return `{"message": "no Route matched with those values"}` }},
		"a driver that gave up": {status: 204, body: func(string) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 2)
				fault.method, fault.times = http.MethodDelete, 1
				w.through = func(next http.RoundTripper) http.RoundTripper {
					fault.next = next
					return &fault
				}
				p := w.start()
				w.service("web", nil)
				w.settle(time.Minute)
				w.delete("web")
				w.settle(10 * time.Minute)
				if wrong := w.flaw("web"); wrong != "" {
					t.Error(wrong)
				}
				p.end()
			})
		})
	}
}

// Somebody took all tags off: what else a load balancer serves is seen by its parts.
func TestAWipedLoadBalancerTakesNoOtherServiceWithIt(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		w.share("api", nil, tcp(81))
		w.settle(time.Minute)
		id := w.balancer("web").ID
		w.cloud.EditLoadBalancer(id, simulator.Attributes{"tags": []string{}})
		w.delete("web")
		pass(time.Minute)
		if b := w.cloud.LoadBalancer(id); len(b.Listeners) != 1 || b.Listeners[0].Port != 81 {
			t.Errorf("got %+v, want the listener of the other Service", b.Listeners)
		}
	})
}

package loadbalancer_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
)

// intruder acts by another hand right before the first write to a port.
type intruder struct {
	next http.RoundTripper
	path string
	act  func()
	once sync.Once
}

func (i *intruder) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, i.path) {
		i.once.Do(i.act)
	}
	return i.next.RoundTrip(r)
}

// Neutron answers 404 to the write of a port's groups in two cases: the port is
// gone, and one of the other groups in the list is.
func TestAnotherGroupThatVanishesIsNotThePort(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"the Service goes": func(w *world) { w.delete("web") },
		"the node is excluded": func(w *world) {
			w.changeNode(0, func(n *v1.Node) { n.Labels = map[string]string{v1.LabelNodeExcludeBalancers: ""} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 2, configured("manage-security-groups=true"))
				client, _ := w.client()
				port := w.servers[nodeName(0)].PortIDs[0]
				other, err := client.CreateSecurityGroup(t.Context(), "web servers", "of somebody else")
				if err != nil {
					t.Fatal(err)
				}
				now := w.cloud.Port(port)
				if err := client.SetPortGroups(t.Context(), port, now.Revision, append(now.SecurityGroups, other.ID)); err != nil {
					t.Fatal(err)
				}
				between := &intruder{path: "/ports/" + port, act: func() {}}
				w.through = func(next http.RoundTripper) http.RoundTripper {
					between.next = next
					return between
				}
				p := w.start()
				w.service("web", nil)
				w.settle(3 * time.Minute)
				between.once = sync.Once{}
				between.act = func() { // the other group goes, as its owner takes it away
					now := w.cloud.Port(port)
					rest := slices.DeleteFunc(slices.Clone(now.SecurityGroups), func(id string) bool { return id == other.ID })
					if err := client.SetPortGroups(context.Background(), port, now.Revision, rest); err != nil {
						t.Error(err)
					}
					if err := client.DeleteSecurityGroup(context.Background(), other.ID); err != nil {
						t.Error(err)
					}
				}
				w.cloud.ResetCalls()
				end(w)
				pass(time.Minute)
				if got := w.cloud.Port(port).SecurityGroups; len(got) != 1 {
					t.Errorf("got groups %v on the port, want the default one alone", got)
				}
				for _, call := range w.cloud.Calls() {
					if call.Method == http.MethodDelete && strings.Contains(call.Path, "/security-groups/") && call.Status == http.StatusConflict {
						t.Error("the managed group was deleted while the port carried it")
					}
				}
				p.end()
			})
		})
	}
}

// The groups of many Services go on the same ports: each write is made once, and
// none of them undoes another.
func TestManyServicesWriteTheSamePorts(t *testing.T) {
	const services, nodes = 50, 3
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nodes, configured("manage-security-groups=true"))
		p := w.start()
		name := func(i int) string { return fmt.Sprintf("web-%02d", i) }
		for i := range services {
			w.service(name(i), nil)
		}
		w.settle(3 * time.Minute)
		for i := range services {
			if wrong := w.groupFlaw(name(i)); wrong != "" {
				t.Errorf("%s: %s", name(i), wrong)
			}
		}
		if got := w.cloud.Count("PUT /v2.0/ports/*"); got > services*nodes {
			t.Errorf("got %d writes of ports, want at most %d", got, services*nodes)
		}
		p.end()
	})
}

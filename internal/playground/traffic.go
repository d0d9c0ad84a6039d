package playground

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"underlay/internal/kube"
	"underlay/pkg/simulator"
)

// traffic has the load balancers of the simulated cloud carry packets: every
// listener at an address of this machine, and behind every member a web server
// that says on which node it stands for a pod.
type traffic struct {
	playground *Playground
	stop       context.CancelFunc
	work       sync.WaitGroup

	mu      sync.Mutex
	doors   map[string]string // addresses of listeners, by their ids
	pods    map[string]string // addresses of web servers, by those of members
	servers []*http.Server
}

// Carry lets the load balancers of the simulated cloud carry traffic until Close.
func (p *Playground) Carry(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &traffic{playground: p, stop: stop, doors: map[string]string{}, pods: map[string]string{}}
	p.mu.Lock()
	p.traffic = t
	p.mu.Unlock()
	t.work.Go(func() {
		p.Cloud.CarryTraffic(ctx, simulator.Traffic{
			Listen: func(_ simulator.LoadBalancerState, l simulator.ListenerState) string { return t.door(ctx, l.ID) },
			Member: func(m simulator.MemberState) string { return t.pod(ctx, m.Address) },
		})
	})
}

// Door is where a listener of the simulated cloud can be reached on this machine;
// "" while it cannot.
func (p *Playground) Door(listenerID string) string {
	p.mu.Lock()
	t := p.traffic
	p.mu.Unlock()
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doors[listenerID]
}

func (t *traffic) door(ctx context.Context, id string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.doors[id] == "" {
		ports, err := kube.FreePorts(ctx, 1)
		if err != nil {
			return "" // it is asked again soon
		}
		t.doors[id] = fmt.Sprintf("127.0.0.1:%d", ports[0])
	}
	return t.doors[id]
}

// pod is where the web server behind a member is, which begins with the first visit.
func (t *traffic) pod(ctx context.Context, member string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pods[member] != "" {
		return t.pods[member]
	}
	listener, err := kube.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "" // the visitor is turned away
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "Hello from %s\n", t.playground.NodeAt(member))
	})}
	server.SetKeepAlivesEnabled(false) // every visit is a new choice of the load balancer
	t.servers = append(t.servers, server)
	t.pods[member] = listener.Addr().String()
	t.work.Go(func() { _ = server.Serve(listener) }) // it ends with close, and with nothing else
	return t.pods[member]
}

func (t *traffic) close() {
	t.stop()
	t.mu.Lock()
	for _, server := range t.servers {
		_ = server.Close()
	}
	t.mu.Unlock()
	t.work.Wait()
}

// NodeAt is the name of the machine that has an address in the simulated cloud,
// or had it last; "" for none.
func (p *Playground) NodeAt(address string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, member := range p.members {
		for _, fixed := range p.Cloud.Port(member.PortID).FixedIPs {
			p.machines[fixed.Address] = member.Name
		}
	}
	return p.machines[address]
}

package simulator

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Traffic says how load balancers carry packets, for demos in which a Service
// shall answer. It is a plain proxy of TCP and UDP: it knows members, their
// states and weights of 0, SOURCE_IP and allowed CIDRs, and neither HTTP headers
// nor the PROXY protocol nor TLS, so TERMINATED_HTTPS is not carried.
type Traffic struct {
	// Listen says at which address and port of this machine a listener can be
	// reached, e.g. "127.0.0.1:18080"; "" leaves it out. It may be asked often.
	Listen func(LoadBalancerState, ListenerState) string
	// Member says where a member can be reached from here; nil takes its own
	// address and port.
	Member func(MemberState) string
	// Report hears of what cannot be listened at; nil drops it.
	Report func(error)
}

// trafficLook is how often the listeners are compared with what there should be.
const trafficLook = 100 * time.Millisecond

// CarryTraffic carries the traffic of every load balancer until the context
// ends. It is for a cloud in real time only: it opens sockets.
func (c *Cloud) CarryTraffic(ctx context.Context, t Traffic) {
	p := &trafficProxy{cloud: c, Traffic: t, open: map[trafficKey]io.Closer{}}
	defer p.close()
	ticker := time.NewTicker(trafficLook)
	defer ticker.Stop()
	for {
		p.follow(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// trafficKey is one socket: of which listener, over what and where.
type trafficKey struct{ balancer, listener, network, address string }

type trafficProxy struct {
	Traffic
	cloud *Cloud
	open  map[trafficKey]io.Closer
	turn  atomic.Uint64
	work  sync.WaitGroup
}

// follow opens and closes sockets so that they are what the listeners are.
func (p *trafficProxy) follow(ctx context.Context) {
	wanted := p.wanted()
	for key, socket := range p.open {
		if !wanted[key] {
			_ = socket.Close()
			delete(p.open, key)
		}
	}
	for key := range wanted {
		if p.open[key] != nil {
			continue
		}
		socket, err := p.listen(ctx, key)
		if err != nil {
			p.report(fmt.Errorf("listen at %s for listener %s: %w", key.address, key.listener, err))
			continue
		}
		p.open[key] = socket
	}
}

// wanted are the sockets that the listeners of now need.
func (p *trafficProxy) wanted() map[trafficKey]bool {
	wanted := map[trafficKey]bool{}
	for _, b := range p.cloud.LoadBalancers() {
		for _, l := range b.Listeners {
			network := map[string]string{"TCP": "tcp", "UDP": "udp"}[lbL4[l.Protocol]]
			if network == "" || l.Protocol == "TERMINATED_HTTPS" || l.OperatingStatus != lbOnline || !b.AdminStateUp {
				continue
			}
			if at := p.Listen(b, l); at != "" {
				wanted[trafficKey{b.ID, l.ID, network, at}] = true
			}
		}
	}
	return wanted
}

func (p *trafficProxy) report(err error) {
	if p.Report != nil {
		p.Report(err)
	}
}

func (p *trafficProxy) listen(ctx context.Context, key trafficKey) (io.Closer, error) {
	var config net.ListenConfig
	if key.network == "udp" {
		socket, err := config.ListenPacket(ctx, key.network, key.address)
		if err != nil {
			return nil, err
		}
		p.work.Go(func() { p.serveUDP(ctx, key, socket) })
		return socket, nil
	}
	socket, err := config.Listen(ctx, key.network, key.address)
	if err != nil {
		return nil, err
	}
	p.work.Go(func() { p.serveTCP(ctx, key, socket) })
	return socket, nil
}

// close ends everything and waits for it.
func (p *trafficProxy) close() {
	for _, socket := range p.open {
		_ = socket.Close()
	}
	p.work.Wait()
}

var errNoMember = errors.New("no member serves")

// choose takes the member for a client: the next one, or with SOURCE_IP always
// the same one.
func (p *trafficProxy) choose(key trafficKey, client netip.Addr) (string, error) {
	b := p.cloud.LoadBalancer(key.balancer)
	at := slices.IndexFunc(b.Listeners, func(l ListenerState) bool { return l.ID == key.listener })
	if at < 0 || !allowed(b.Listeners[at], client) {
		return "", errNoMember
	}
	pool := slices.IndexFunc(b.Pools, func(v PoolState) bool { return v.ID == b.Listeners[at].DefaultPoolID })
	if pool < 0 {
		return "", errNoMember
	}
	serving := slices.DeleteFunc(slices.Clone(b.Pools[pool].Members), func(m MemberState) bool {
		return m.Weight == 0 || m.OperatingStatus != lbOnline && m.OperatingStatus != lbNoMonitor
	})
	if len(serving) == 0 {
		return "", errNoMember
	}
	turn := p.turn.Add(1)
	if v := b.Pools[pool]; v.Algorithm == "SOURCE_IP" || v.Persistence == "SOURCE_IP" {
		hash := fnv.New64a()
		_, _ = hash.Write(client.AsSlice()) // it never fails
		turn = hash.Sum64()
	}
	m := serving[turn%uint64(len(serving))]
	if p.Member != nil {
		return p.Member(m), nil
	}
	return net.JoinHostPort(m.Address, strconv.Itoa(m.Port)), nil
}

func allowed(l ListenerState, client netip.Addr) bool {
	return len(l.AllowedCIDRs) == 0 || slices.ContainsFunc(l.AllowedCIDRs, func(text string) bool {
		prefix, err := netip.ParsePrefix(text)
		return err == nil && prefix.Contains(client)
	})
}

// addressOf is the address of a client.
func addressOf(a net.Addr) netip.Addr {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

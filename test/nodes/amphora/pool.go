package amphora

import (
	"context"
	"errors"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"underlay/test/nodes/tenant"
)

// pool chooses members.
type pool struct {
	mu     sync.Mutex
	spec   tenant.Pool
	credit map[string]int        // of members, by id: how much of their turn they wait for
	stuck  map[netip.Addr]string // the members of clients that stay with theirs, by id
	checks map[string]*check     // by member
}

func newPool() *pool {
	return &pool{credit: map[string]int{}, stuck: map[netip.Addr]string{}, checks: map[string]*check{}}
}

// set makes the pool what Octavia says. Members that stay keep their health.
func (p *pool) set(ctx context.Context, spec tenant.Pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spec = spec
	wanted := map[string]target{}
	for _, m := range spec.Serving {
		if spec.Monitor != nil && spec.Monitor.AdminUp && m.AdminUp {
			wanted[m.ID] = target{*spec.Monitor, checkedAt(m)}
		}
	}
	for id, running := range p.checks {
		if wanted[id] != running.target {
			running.stop()
			delete(p.checks, id)
		}
	}
	for id, target := range wanted {
		if p.checks[id] == nil {
			p.checks[id] = startCheck(ctx, target)
		}
	}
}

// stop ends the checks.
func (p *pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, running := range p.checks {
		running.stop()
		delete(p.checks, id)
	}
}

// proxy is the version of the PROXY protocol that members are spoken to in; 0 is none.
func (p *pool) proxy() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]int{"PROXY": 1, "PROXYV2": 2}[p.spec.Protocol]
}

var errNoMember = errors.New("no member serves")

// choose takes the member for a client: each in turn, as often as its weight says,
// or the one that the client stays with.
func (p *pool) choose(client netip.Addr) (address string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	serving := slices.DeleteFunc(slices.Clone(p.spec.Serving), func(m tenant.Member) bool {
		return m.Weight == 0 || !m.AdminUp || p.checks[m.ID] != nil && !p.checks[m.ID].healthy()
	})
	if len(serving) == 0 {
		return "", errNoMember
	}
	stays := p.spec.Persistence != nil && p.spec.Persistence.Type == "SOURCE_IP"
	if stays {
		at := slices.IndexFunc(serving, func(m tenant.Member) bool { return m.ID == p.stuck[client] })
		if at >= 0 {
			return addressOf(serving[at]), nil
		}
	}
	chosen := p.next(serving)
	if p.spec.Algorithm == "SOURCE_IP" {
		hash := fnv.New64a()
		_, _ = hash.Write(client.AsSlice()) // it never fails
		chosen = serving[hash.Sum64()%uint64(len(serving))]
	}
	if stays {
		p.stuck[client] = chosen.ID
	}
	return addressOf(chosen), nil
}

// next takes the one that has waited most: every round each member earns its
// weight, and the one that is taken pays for all.
func (p *pool) next(serving []tenant.Member) tenant.Member {
	sum, best := 0, serving[0]
	for _, m := range serving {
		sum += m.Weight
		p.credit[m.ID] += m.Weight
		if p.credit[m.ID] > p.credit[best.ID] {
			best = m
		}
	}
	p.credit[best.ID] -= sum
	return best
}

func addressOf(m tenant.Member) string { return net.JoinHostPort(m.Address, strconv.Itoa(m.Port)) }

// checkedAt is where a member's health is asked for.
func checkedAt(m tenant.Member) string {
	if m.MonitorAddress != "" {
		m.Address = m.MonitorAddress
	}
	if m.MonitorPort != 0 {
		m.Port = m.MonitorPort
	}
	return addressOf(m)
}

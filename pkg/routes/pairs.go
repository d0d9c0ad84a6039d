package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/batch"
	"underlay/internal/cloud"
)

const (
	// portWrites bounds how many ports are written at the same time. Neutron's
	// port update is its slow call: more in parallel only queue up there.
	portWrites = 8
	// portTime bounds one port's batch with all its retries.
	portTime = 2 * time.Minute
	// pairAttempts bounds how often one write meets a port that others change.
	pairAttempts = 6
)

// pairChange is one caller's wish for one port: prefixes to let through, and
// prefixes of nodes that left.
type pairChange struct {
	node           string
	ensure, remove []netip.Prefix
}

// portPairs writes allowed address pairs. All writes of one port pass through
// its own queue, so that two families of one node are one write and none
// overwrites the other.
type portPairs struct {
	api   PortAPI
	group *batch.Keyed[string, pairChange]
	// exhausted is told of a port that may have no more pairs.
	exhausted func(ctx context.Context, node string, port Port, err error)

	mu      sync.Mutex
	ports   map[string]knownPort
	refused cooldown[string]
}

// knownPort is a port as last seen. at is when it was read or written by
// itself, zero when it comes from a list.
type knownPort struct {
	Port
	at time.Time
}

func newPortPairs(api PortAPI, exhausted func(context.Context, string, Port, error)) *portPairs {
	p := &portPairs{api: api, exhausted: exhausted}
	p.group = batch.NewKeyed(p.commit, batch.Parallel(portWrites), batch.Timeout(portTime))
	return p
}

// learn takes over a port list that is at most maxAge old. A port that was
// read or written by itself since keeps what that answered. It returns the ports
// as they are now known.
func (p *portPairs) learn(ports []Port, maxAge time.Duration) []Port {
	oldest := time.Now().Add(-maxAge)
	p.mu.Lock()
	defer p.mu.Unlock()
	current := make([]Port, len(ports))
	next := make(map[string]knownPort, len(ports))
	for i, port := range ports {
		known := knownPort{Port: port}
		if before, ok := p.ports[port.ID]; ok && before.Revision > port.Revision && before.at.After(oldest) {
			known = before
		}
		current[i], next[port.ID] = known.Port, known
	}
	p.ports = next
	return current
}

// commit carries out one port's batch with at most one write that succeeds.
func (p *portPairs) commit(ctx context.Context, portID string, changes []pairChange) []error {
	all := pairChange{}
	for _, c := range changes {
		all.ensure = append(all.ensure, c.ensure...)
		all.remove = append(all.remove, c.remove...)
		if c.node != "" {
			all.node = c.node
		}
	}
	all.ensure = sorted(all.ensure, netip.Prefix.Compare)
	all.remove = sorted(all.remove, netip.Prefix.Compare)
	err := p.write(ctx, portID, all)
	if errors.Is(err, cloud.ErrNotFound) && len(all.ensure) == 0 {
		err = nil // a port that is gone allows nothing
	}
	if err == nil {
		return nil
	}
	return slices.Repeat([]error{fmt.Errorf("allow pod CIDRs on port %s: %w", portID, err)}, len(changes))
}

func (p *portPairs) write(ctx context.Context, portID string, c pairChange) error {
	port, err := p.seen(ctx, portID)
	for attempt := 1; err == nil; attempt++ {
		merged := mergePairs(port.AddressPairs, c.ensure, c.remove)
		if !port.PortSecurity || slices.Equal(merged, port.AddressPairs) {
			return nil
		}
		err = p.refused.resting(portID, port.Revision)
		if full := errors.Is(err, cloud.ErrQuota); err != nil && (!full || len(merged) > len(port.AddressPairs)) {
			return err // a full port still takes what makes it no fuller
		}
		var written Port
		written, err = p.api.SetAddressPairs(ctx, portID, port.Revision, merged)
		if err == nil {
			p.remember(written)
			p.refused.accepted(portID)
			klog.FromContext(ctx).Info("Applied", "step", setPairs(portID, c).String())
			return nil
		}
		if port, err = p.recover(ctx, port, c, attempt, err); err != nil {
			return err
		}
	}
	return err
}

// recover decides what a failed write means: a port to try again with, or the error.
func (p *portPairs) recover(ctx context.Context, port Port, c pairChange, attempt int, err error) (Port, error) {
	busy := errors.Is(err, cloud.ErrBusy) || errors.Is(err, cloud.ErrAmbiguous)
	invalid := errors.Is(err, cloud.ErrInvalid)
	if errors.Is(err, cloud.ErrNotFound) {
		p.forget(port.ID)
	}
	if busy && attempt < pairAttempts || invalid {
		if pauseErr := pause(ctx, attempt); pauseErr != nil {
			return Port{}, cloud.Join(err, pauseErr)
		}
		again, readErr := p.api.Port(ctx, port.ID)
		if readErr != nil {
			return Port{}, cloud.Join(err, readErr)
		}
		p.remember(again)
		// Refused as invalid: port security may have been turned off meanwhile.
		if busy || !again.PortSecurity {
			return again, nil
		}
		port = again
	}
	if errors.Is(err, cloud.ErrQuota) {
		p.exhausted(ctx, c.node, port, err)
		err = fmt.Errorf("the port has %s already: %w", count(len(port.AddressPairs), "address pair"), err)
	}
	p.refused.refuse(port.ID, port.Revision, err)
	return Port{}, err
}

func (p *portPairs) seen(ctx context.Context, portID string) (Port, error) {
	p.mu.Lock()
	known, ok := p.ports[portID]
	p.mu.Unlock()
	if ok {
		return known.Port, nil
	}
	port, err := p.api.Port(ctx, portID)
	if err == nil {
		p.remember(port)
	}
	return port, err
}

func (p *portPairs) remember(port Port) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ports == nil {
		p.ports = map[string]knownPort{}
	}
	p.ports[port.ID] = knownPort{Port: port, at: time.Now()}
}

func (p *portPairs) forget(portID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ports, portID)
}

func setPairs(portID string, c pairChange) SetPairs {
	s := SetPairs{PortID: portID, Node: c.node}
	for _, prefix := range c.ensure {
		s.Add = append(s.Add, prefix.String())
	}
	for _, prefix := range c.remove {
		s.Remove = append(s.Remove, prefix.String())
	}
	return s
}

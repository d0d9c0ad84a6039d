package amphora

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	"underlay/test/nodes/tenant"
)

// target is what is checked, and how.
type target struct {
	tenant.Monitor
	address string
}

// check asks one member again and again.
type check struct {
	target
	stop context.CancelFunc
	up   atomic.Bool
}

func (c *check) healthy() bool { return c.up.Load() }

// startCheck begins as haproxy does: the member serves, and the first failure
// takes it out.
func startCheck(ctx context.Context, t target) *check {
	ctx, stop := context.WithCancel(ctx)
	c := &check{target: t, stop: stop}
	c.up.Store(true)
	go c.run(ctx)
	return c
}

func (c *check) run(ctx context.Context) {
	now := health{up: true}
	for ctx.Err() == nil {
		err := ask(ctx, c.target)
		if ctx.Err() != nil {
			return
		}
		if now.hear(err == nil, c.Rise, c.Fall) {
			c.up.Store(now.up)
			klog.FromContext(ctx).Info("A member's health changed", "member", c.address, "healthy", now.up, "because", fmt.Sprint(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(c.Delay) * time.Second):
		}
	}
}

// health is what the answers so far say.
type health struct {
	up, heard bool
	against   int // answers in a row that speak against it
}

// hear takes one answer into account and says whether it changed the member's
// health. So many good ones in a row bring it up, so many bad ones down; of a new
// member one is enough.
func (h *health) hear(good bool, rise, fall int) (changed bool) {
	limit := fall
	if good {
		limit = rise
	}
	if !h.heard {
		limit = 1
	}
	h.heard = true
	if good == h.up {
		h.against = 0
		return false
	}
	if h.against++; h.against < limit {
		return false
	}
	h.up, h.against = good, 0
	return true
}

// ask asks once.
func ask(ctx context.Context, t target) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(t.Timeout)*time.Second)
	defer cancel()
	switch t.Type {
	case "HTTP":
		return askHTTP(ctx, t)
	case "TCP":
		return dial(ctx, "tcp", t.address)
	case "UDP-CONNECT":
		return askUDP(ctx, t)
	}
	return fmt.Errorf("a monitor of type %s is not carried out here", t.Type)
}

func askHTTP(ctx context.Context, t target) error {
	request, err := http.NewRequestWithContext(ctx, t.Method, "http://"+t.address+t.Path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if !expected(t.Codes, response.StatusCode) {
		return fmt.Errorf("status %d, want %s", response.StatusCode, t.Codes)
	}
	return nil
}

// expected reads "200", "200,202" and "200-204".
func expected(codes string, status int) bool {
	for part := range strings.SplitSeq(codes, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		low, errLow := strconv.Atoi(from)
		high, errHigh := strconv.Atoi(to)
		if errLow == nil && errHigh == nil && low <= status && status <= high {
			return true
		}
	}
	return false
}

func dial(ctx context.Context, network, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// askUDP sends a packet: where nobody listens, the kernel says so.
func askUDP(ctx context.Context, t target) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", t.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(nil); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Duration(t.Timeout) * time.Second / 2)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	if silence, ok := err.(net.Error); ok && silence.Timeout() { //nolint:errorlint // Read returns it as it is
		return nil // silence is as good as an answer
	}
	return err
}

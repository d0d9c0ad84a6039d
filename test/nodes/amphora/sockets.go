package amphora

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"
)

const (
	// dialTimeout is Octavia's timeout_member_connect.
	dialTimeout = 5 * time.Second
	// idleTimeout is how long a UDP client keeps its member without a packet.
	idleTimeout = 30 * time.Second
	// longest is the longest packet.
	longest = 64 << 10
)

// route is where a listener leads: to a pool, or nowhere, and with which headers.
type route struct {
	to     atomic.Pointer[pool]
	insert atomic.Pointer[map[string]string]
}

func (r *route) lead(to *pool, insert map[string]string) {
	r.to.Store(to)
	r.insert.Store(&insert)
}

// choose takes the member for a client, an address with its port.
func (r *route) choose(client string) (address string, to *pool, err error) {
	to = r.to.Load()
	if to == nil {
		return "", nil, errNoMember
	}
	address, err = to.choose(portOf(client).Addr())
	return address, to, err
}

// portOf reads an address with its port.
func portOf(address string) netip.AddrPort {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// open begins to listen for a protocol of Octavia's at an address.
func open(ctx context.Context, protocol, address string) (*socket, error) {
	var config net.ListenConfig
	to := &route{}
	if protocol == "UDP" {
		packets, err := config.ListenPacket(ctx, "udp", address)
		if err != nil {
			return nil, fmt.Errorf("listen at %s: %w", address, err)
		}
		go to.serveUDP(ctx, packets)
		return &socket{packets, to}, nil
	}
	stream, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	if protocol == "HTTP" {
		go to.serveHTTP(ctx, stream)
	} else {
		go to.serveTCP(ctx, stream)
	}
	return &socket{stream, to}, nil
}

func (r *route) serveTCP(ctx context.Context, stream net.Listener) {
	for {
		client, err := stream.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer func() { _ = client.Close() }()
			if err := r.carry(ctx, client); err != nil {
				klog.FromContext(ctx).Info("A connection was not carried", "client", client.RemoteAddr(), "because", err.Error())
			}
		}()
	}
}

// carry carries one connection until either side ends it.
func (r *route) carry(ctx context.Context, client net.Conn) error {
	address, to, err := r.choose(client.RemoteAddr().String())
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	member, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = member.Close() }()
	if version := to.proxy(); version > 0 {
		if _, err := member.Write(proxyHeader(version, portOf(client.RemoteAddr().String()), portOf(client.LocalAddr().String()))); err != nil {
			return err
		}
	}
	var both sync.WaitGroup
	both.Go(func() { pour(member, client) })
	both.Go(func() { pour(client, member) })
	both.Wait()
	return nil
}

// pour copies one direction and passes its end on.
func pour(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(*net.TCPConn)
	if err != nil || !ok || half.CloseWrite() != nil {
		_ = to.Close()
	}
}

// serveUDP gives each client a socket towards its member.
func (r *route) serveUDP(ctx context.Context, packets net.PacketConn) {
	var mu sync.Mutex
	members := map[string]net.Conn{} // by client
	packet := make([]byte, longest)
	for {
		n, client, err := packets.ReadFrom(packet)
		if err != nil {
			return // closed; members end when they have been silent for long
		}
		mu.Lock()
		member := members[client.String()]
		mu.Unlock()
		if member == nil {
			if member, err = r.dialUDP(ctx, client); err != nil {
				continue // what is lost is lost
			}
			mu.Lock()
			members[client.String()] = member
			mu.Unlock()
			go func() {
				answer(packets, client, member)
				mu.Lock()
				delete(members, client.String())
				mu.Unlock()
			}()
		}
		_ = member.SetReadDeadline(time.Now().Add(idleTimeout))
		_, _ = member.Write(packet[:n])
	}
}

func (r *route) dialUDP(ctx context.Context, client net.Addr) (net.Conn, error) {
	address, _, err := r.choose(client.String())
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "udp", address)
}

// answer carries a member's packets back until it has been silent for long.
func answer(packets net.PacketConn, client net.Addr, member net.Conn) {
	defer func() { _ = member.Close() }()
	packet := make([]byte, longest)
	for {
		n, err := member.Read(packet)
		if err != nil {
			return
		}
		if _, err := packets.WriteTo(packet[:n], client); err != nil {
			return
		}
	}
}

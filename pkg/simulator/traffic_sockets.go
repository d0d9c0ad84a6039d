package simulator

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// trafficDial is how long a member may take to answer a connection: Octavia's timeout_member_connect.
	trafficDial = 5 * time.Second
	// trafficIdle is how long a UDP client keeps its member without a packet.
	trafficIdle = 30 * time.Second
	// trafficPacket is the longest packet.
	trafficPacket = 64 << 10
)

func (p *trafficProxy) serveTCP(ctx context.Context, key trafficKey, socket net.Listener) {
	for {
		client, err := socket.Accept()
		if err != nil {
			return // the socket is closed
		}
		p.work.Go(func() { p.connect(ctx, key, client) })
	}
}

// connect carries one connection until either side ends it, or the context does.
func (p *trafficProxy) connect(ctx context.Context, key trafficKey, client net.Conn) {
	defer func() { _ = client.Close() }()
	address, err := p.choose(key, addressOf(client.RemoteAddr()))
	if err != nil {
		return
	}
	dialer := net.Dialer{Timeout: trafficDial}
	member, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = member.Close() }()
	stop := context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = member.Close()
	})
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { pour(member, client) })
	both.Go(func() { pour(client, member) })
	both.Wait()
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
func (p *trafficProxy) serveUDP(ctx context.Context, key trafficKey, socket net.PacketConn) {
	var mu sync.Mutex
	clients := map[string]net.Conn{}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, member := range clients {
			_ = member.Close()
		}
	}()
	packet := make([]byte, trafficPacket)
	for {
		n, client, err := socket.ReadFrom(packet)
		if err != nil {
			return // the socket is closed
		}
		mu.Lock()
		member := clients[client.String()]
		mu.Unlock()
		if member == nil {
			if member = p.dialUDP(ctx, key, client); member == nil {
				continue
			}
			mu.Lock()
			clients[client.String()] = member
			mu.Unlock()
			p.work.Go(func() {
				answer(socket, client, member)
				mu.Lock()
				delete(clients, client.String())
				mu.Unlock()
			})
		}
		_ = member.SetReadDeadline(time.Now().Add(trafficIdle))
		_, _ = member.Write(packet[:n]) // what is lost is lost
	}
}

func (p *trafficProxy) dialUDP(ctx context.Context, key trafficKey, client net.Addr) net.Conn {
	address, err := p.choose(key, addressOf(client))
	if err != nil {
		return nil
	}
	var dialer net.Dialer
	member, err := dialer.DialContext(ctx, "udp", address)
	if err != nil {
		return nil
	}
	return member
}

// answer carries a member's packets back until it has been silent for long.
func answer(socket net.PacketConn, client net.Addr, member net.Conn) {
	defer func() { _ = member.Close() }()
	packet := make([]byte, trafficPacket)
	for {
		n, err := member.Read(packet)
		if err != nil {
			return
		}
		if _, err := socket.WriteTo(packet[:n], client); err != nil {
			return
		}
	}
}

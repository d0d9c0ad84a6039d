package simulator_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"underlay/pkg/simulator"
)

// tcpMember answers every connection with its name and what was sent.
func tcpMember(t *testing.T, name string) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			sent, _ := io.ReadAll(conn)
			_, _ = conn.Write([]byte(name + " " + string(sent)))
			conn.Close()
		}
	}()
	return socket.Addr().String()
}

// freePort is an address at which nobody listens.
func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		return socket.LocalAddr().String()
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	return socket.Addr().String()
}

// ask sends a text over TCP and returns the answer, "" if there is none.
func ask(address, text string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(text))
	_ = conn.(*net.TCPConn).CloseWrite()
	got, _ := io.ReadAll(conn)
	return string(got)
}

// until asks until the answer is as wanted.
func until(t *testing.T, what, want string, ask func() string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got = ask(); got == want {
			return
		}
	}
	t.Fatalf("%s: got %q, want %q", what, got, want)
}

// carry lets a cloud carry traffic until the test ends.
func carry(t *testing.T, c *simulator.Cloud, traffic simulator.Traffic) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.CarryTraffic(ctx, traffic)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func TestTrafficTCP(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	lb := b.AddLoadBalancer(b.tree("web"))
	front := freePort(t, "tcp")
	members := map[string]string{"10.0.0.101": tcpMember(t, "one"), "10.0.0.102": tcpMember(t, "two")}
	carry(t, b.Cloud, simulator.Traffic{
		Listen: func(v simulator.LoadBalancerState, l simulator.ListenerState) string {
			if v.ID == lb.ID && l.Port == 80 {
				return front
			}
			return ""
		},
		Member: func(m simulator.MemberState) string { return members[m.Address] },
	})
	until(t, "one of two", "one hello", func() string { return ask(front, "hello") })
	until(t, "the other of two", "two hello", func() string { return ask(front, "hello") })
	b.SetMemberOperatingStatus(lb.Pools[0].Members[0].ID, "ERROR")
	for range 5 {
		if got := ask(front, "x"); got != "two x" {
			t.Errorf("with one member down: got %q", got)
		}
	}
	b.EditLoadBalancer(lb.Pools[0].ID, simulator.Attributes{"lb_algorithm": "SOURCE_IP"})
	b.SetMemberOperatingStatus(lb.Pools[0].Members[0].ID, "")
	first, _, _ := strings.Cut(ask(front, "x"), " ")
	for range 5 {
		if got := ask(front, "x"); got != first+" x" {
			t.Errorf("SOURCE_IP: got %q, want always %s", got, first)
		}
	}
	b.EditLoadBalancer(lb.Listeners[0].ID, simulator.Attributes{"allowed_cidrs": []string{"192.0.2.0/24"}})
	if got := ask(front, "x"); got != "" {
		t.Errorf("from outside of the allowed CIDRs: got %q", got)
	}
	b.EditLoadBalancer(lb.Listeners[0].ID, simulator.Attributes{"allowed_cidrs": []string{"127.0.0.0/8"}})
	if got := ask(front, "x"); got != first+" x" {
		t.Errorf("from within the allowed CIDRs: got %q", got)
	}
	b.DeleteLoadBalancer(lb.ID)
	until(t, "a load balancer that is gone", "refused", func() string {
		conn, err := net.Dial("tcp", front)
		if err != nil {
			return "refused"
		}
		conn.Close()
		return "taken"
	})
}

func TestTrafficUDP(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { echo.Close() })
	go func() {
		packet := make([]byte, 2000)
		for {
			n, from, err := echo.ReadFrom(packet)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo(append([]byte("echo "), packet[:n]...), from)
		}
	}()
	b.AddLoadBalancer(simulator.Attributes{"vip_subnet_id": b.subnet, "listeners": []any{object{
		"protocol": "UDP", "protocol_port": 53, "default_pool": object{
			"name": "dns", "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN", "members": []any{object{"address": "10.0.0.101", "protocol_port": 53}},
		},
	}}})
	front := freePort(t, "udp")
	carry(t, b.Cloud, simulator.Traffic{
		Listen: func(simulator.LoadBalancerState, simulator.ListenerState) string { return front },
		Member: func(simulator.MemberState) string { return echo.LocalAddr().String() },
	})
	conn, err := net.Dial("udp", front)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	until(t, "a packet there and back", "echo hello", func() string {
		_, _ = conn.Write([]byte("hello"))
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		packet := make([]byte, 2000)
		n, err := conn.Read(packet)
		if err != nil {
			return ""
		}
		return string(packet[:n])
	})
}

func TestTrafficReportsWhatIsTaken(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	b.AddLoadBalancer(b.tree("web"))
	taken := tcpMember(t, "somebody")
	errs := make(chan error, 100)
	carry(t, b.Cloud, simulator.Traffic{
		Listen: func(simulator.LoadBalancerState, simulator.ListenerState) string { return taken },
		Report: func(err error) {
			select {
			case errs <- err:
			default:
			}
		},
	})
	select {
	case err := <-errs:
		if !strings.Contains(err.Error(), taken) {
			t.Errorf("got %v, want %s in it", err, taken)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody hears that the address is taken")
	}
}

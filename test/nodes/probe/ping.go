package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	echoRequest = 8 // RFC 792
	echoReply   = 0
	interval    = 100 * time.Millisecond
)

// ping sends ICMP echo requests with the Don't Fragment bit, so that a packet
// either fits the path as it is or does not arrive. payload is the number of bytes
// after the ICMP header: an IPv4 packet of 1500 bytes has 1472. It fails unless
// every request is answered.
func ping(ctx context.Context, address string, payload, count int) error {
	to, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	conn, err := listen.ListenPacket(ctx, "ip4:icmp", "0.0.0.0")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := neverFragment(conn.(*net.IPConn)); err != nil {
		return fmt.Errorf("set Don't Fragment: %w", err)
	}
	answered := 0
	for sequence := range count {
		if err := exchange(conn, to, payload, sequence); err != nil {
			_, _ = fmt.Fprintf(os.Stdout, "%d: %v\n", sequence, err)
			continue
		}
		answered++
		time.Sleep(interval)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%d of %d answered\n", answered, count)
	if answered < count {
		return fmt.Errorf("%d of %d requests to %s were not answered", count-answered, count, address)
	}
	return nil
}

// neverFragment is IP_MTU_DISCOVER = IP_PMTUDISC_DO (ip(7)).
func neverFragment(conn *net.IPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER, syscall.IP_PMTUDISC_DO)
	}); err != nil {
		return err
	}
	return set
}

// exchange sends one request and waits for its answer.
func exchange(conn net.PacketConn, to netip.Addr, payload, sequence int) error {
	id := uint16(os.Getpid()) // any 16 bits tell processes of one pod apart
	if _, err := conn.WriteTo(request(id, uint16(sequence), payload), &net.IPAddr{IP: to.AsSlice()}); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience / 2)); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		answer := buffer[:n]
		if from.String() == to.String() && n == payload+8 && answer[0] == echoReply &&
			binary.BigEndian.Uint16(answer[4:]) == id && binary.BigEndian.Uint16(answer[6:]) == uint16(sequence) {
			return nil
		}
	}
}

func request(id, sequence uint16, payload int) []byte {
	packet := make([]byte, 8+payload)
	packet[0] = echoRequest
	binary.BigEndian.PutUint16(packet[4:], id)
	binary.BigEndian.PutUint16(packet[6:], sequence)
	binary.BigEndian.PutUint16(packet[2:], checksum(packet))
	return packet
}

// checksum is that of RFC 1071.
func checksum(packet []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	if len(packet)%2 == 1 {
		sum += uint32(packet[len(packet)-1]) << 8
	}
	for sum>>16 > 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

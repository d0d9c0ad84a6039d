package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// udpPort is where a datagram is answered with who sent it and this host's name.
const udpPort = "8083"

func serveUDP(ctx context.Context, name string) error {
	var listen net.ListenConfig
	packets, err := listen.ListenPacket(ctx, "udp", ":"+udpPort)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = packets.Close() })
	go func() {
		buffer := make([]byte, 1<<10)
		for {
			_, from, err := packets.ReadFrom(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // an ICMP error of an earlier answer is not the end
				continue
			}
			source, _, _ := net.SplitHostPort(from.String()) // it always has a port
			_, _ = packets.WriteTo(fmt.Appendf(nil, "%s asked %s\n", source, name), from)
		}
	}()
	return nil
}

// askUDP prints what a server answers to one datagram.
func askUDP(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("who?")); err != nil {
		return err
	}
	buffer := make([]byte, 1<<10)
	n, err := conn.Read(buffer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(buffer[:n])
	return err
}

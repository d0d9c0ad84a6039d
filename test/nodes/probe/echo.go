package main

import (
	"context"
	"errors"
	"io"
	"net"
)

// echoPort is where every byte and every datagram comes back.
const echoPort = "8081"

// echo serves TCP and UDP until the context ends.
func echo(ctx context.Context) error {
	var listen net.ListenConfig
	stream, err := listen.Listen(ctx, "tcp", ":"+echoPort)
	if err != nil {
		return err
	}
	packets, err := listen.ListenPacket(ctx, "udp", ":"+echoPort)
	if err != nil {
		return errors.Join(err, stream.Close())
	}
	go func() {
		<-ctx.Done()
		_, _ = stream.Close(), packets.Close()
	}()
	go echoPackets(packets)
	go func() {
		for {
			conn, err := stream.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				_, _ = io.Copy(conn, conn) // the other side says when it ends
				_ = conn.Close()
			}()
		}
	}()
	return nil
}

func echoPackets(packets net.PacketConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := packets.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil { // an ICMP error of an earlier answer is not the end
			_, _ = packets.WriteTo(buffer[:n], from)
		}
	}
}

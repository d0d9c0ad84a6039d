package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// proxiedPort is where HTTP begins with a header of the PROXY protocol.
const proxiedPort = "8082"

// serveProxied answers "CLIENT by way of SOURCE asked NAME", where the client is the
// one that the header names. Without a header it answers nothing.
func serveProxied(ctx context.Context, name string) error {
	var listen net.ListenConfig
	stream, err := listen.Listen(ctx, "tcp", ":"+proxiedPort)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = stream.Close() })
	go func() {
		for {
			conn, err := stream.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_ = answerProxied(conn, name) // the client sees its connection end
			}()
		}
	}()
	return nil
}

func answerProxied(conn net.Conn, name string) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	reader := bufio.NewReader(conn)
	client, err := readHeader(reader)
	if err != nil {
		return err
	}
	for line := " "; strings.TrimSpace(line) != ""; { // the request ends with an empty line
		if line, err = reader.ReadString('\n'); err != nil {
			return err
		}
	}
	source, _, _ := net.SplitHostPort(conn.RemoteAddr().String()) // it always has a port
	body := fmt.Sprintf("%s by way of %s asked %s\n", client, source, name)
	_, err = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

// signature begins a header of version 2 (doc/proxy-protocol.txt of haproxy).
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// readHeader reads version 1 or 2, over IPv4, and returns the client's address with
// the version.
func readHeader(reader *bufio.Reader) (string, error) {
	begin, err := reader.Peek(len(signature))
	if err != nil {
		return "", err
	}
	if string(begin) != signature {
		line, err := reader.ReadString('\n')
		fields := strings.Fields(line)
		if err != nil || len(fields) != 6 || fields[0] != "PROXY" || fields[1] != "TCP4" {
			return "", errors.Join(fmt.Errorf("no header of the PROXY protocol: %q", line), err)
		}
		return "v1 " + fields[2], nil
	}
	header := make([]byte, len(signature)+4)
	if _, err := io.ReadFull(reader, header); err != nil {
		return "", err
	}
	kind := header[len(signature):]
	rest := make([]byte, binary.BigEndian.Uint16(kind[2:]))
	if _, err := io.ReadFull(reader, rest); err != nil {
		return "", err
	}
	if kind[0] != 0x21 || kind[1] != 0x11 || len(rest) < 12 {
		return "", fmt.Errorf("a header of the PROXY protocol that is not TCP over IPv4: %x", kind)
	}
	client, _ := netip.AddrFromSlice(rest[:4]) // it has four bytes
	return "v2 " + client.String(), nil
}

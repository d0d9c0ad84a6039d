package relay

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
)

// echo answers each connection with what it got, once the caller has ended its half.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				all, _ := io.ReadAll(conn)
				_, _ = conn.Write(all)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func say(t *testing.T, address net.Addr, text string) (string, error) {
	t.Helper()
	conn, err := net.Dial(address.Network(), address.String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

func TestBothDirectionsAndTheirEndsAreRelayed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	socket := filepath.Join(t.TempDir(), "s")
	if _, err := Open(ctx, "unix", socket, "tcp", echo(t)); err != nil {
		t.Fatal(err)
	}
	entrance, err := Open(ctx, "tcp", "127.0.0.1:0", "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		if got, err := say(t, entrance, text); err != nil || got != text {
			t.Errorf("got %q (%v), want %q", got, err, text)
		}
	}
}

func TestWhereNobodyListensTheConnectionEnds(t *testing.T) {
	entrance, err := Open(t.Context(), "tcp", "127.0.0.1:0", "unix", filepath.Join(t.TempDir(), "nobody"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := say(t, entrance, "hello"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestARelayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	entrance, err := Open(ctx, "tcp", "127.0.0.1:0", "tcp", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for {
		if _, err := say(t, entrance, "hello"); err != nil {
			return // closed, at once or in a moment
		}
	}
}

func TestATakenAddressIsAnError(t *testing.T) {
	if _, err := Open(t.Context(), "tcp", echo(t), "tcp", "127.0.0.1:1"); err == nil {
		t.Error("no error")
	}
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Relay passes connections on from one listener to one address, until the context
// ends. A socket in a folder reaches from one network namespace to another, which
// is the only way in or out of a lab, and exists only where somebody made it.
func Relay(ctx context.Context, from net.Listener, network, address string) error {
	stop := context.AfterFunc(ctx, func() { _ = from.Close() })
	defer stop()
	for {
		conn, err := from.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("relay to %s: %w", address, err)
		}
		go relay(ctx, conn, network, address)
	}
}

func relay(ctx context.Context, in net.Conn, network, address string) {
	defer func() { _ = in.Close() }()
	var dialer net.Dialer
	out, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return // the caller sees its connection end
	}
	defer func() { _ = out.Close() }()
	stop := context.AfterFunc(ctx, func() { _, _ = in.Close(), out.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { half(out, in) })
	both.Go(func() { half(in, out) })
	both.Wait()
}

// half copies one direction and passes its end on.
func half(to, from net.Conn) {
	_, _ = io.Copy(to, from) // either end may break; the other is then told so
	if closer, canClose := to.(interface{ CloseWrite() error }); canClose {
		_ = closer.CloseWrite()
	}
}

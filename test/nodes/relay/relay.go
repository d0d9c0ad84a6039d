// Package relay leads connections from one network namespace into another: over a
// socket in a folder that both see, since such a socket is bound to no network.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Open listens on an address and passes connections on to another until the context
// ends. Networks are those of package net: "tcp", "unix".
func Open(ctx context.Context, fromNetwork, from, toNetwork, to string) (net.Addr, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, fromNetwork, from)
	if err != nil {
		return nil, fmt.Errorf("relay to %s: %w", to, err)
	}
	go func() { _ = serve(ctx, listener, toNetwork, to) }() // it ends with the context
	return listener.Addr(), nil
}

func serve(ctx context.Context, from net.Listener, network, address string) error {
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
		go pass(ctx, conn, network, address)
	}
}

func pass(ctx context.Context, in net.Conn, network, address string) {
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

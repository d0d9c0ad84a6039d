// Command probe is what runs in the test's pods: a server that says who asked, a
// client of it, the same with the PROXY protocol and over UDP, a ping that refuses to be fragmented, a watch that misses nothing, a
// measure of latency, a reader and writer of files and devices, and the pause of a pod's sandbox. It is one static binary, so
// an image needs nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const usage = `usage: probe serve | get URL | udp ADDRESS:PORT | ping ADDRESS PAYLOAD COUNT | pingpong ADDRESS COUNT | watch | pause | write FILE TEXT | read FILE COUNT | room FILE | size DEVICE`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// command is what the first argument names; it is given the others.
type command struct {
	arguments int
	run       func(ctx context.Context, args []string) error
}

var commands = map[string]command{
	"serve": {0, func(ctx context.Context, _ []string) error { return serve(ctx) }},
	"get":   {1, func(ctx context.Context, args []string) error { return get(ctx, args[0]) }},
	"udp":   {1, func(ctx context.Context, args []string) error { return askUDP(ctx, args[0]) }},
	"ping": {3, func(ctx context.Context, args []string) error {
		payload, errPayload := strconv.Atoi(args[1])
		count, errCount := strconv.Atoi(args[2])
		if err := errors.Join(errPayload, errCount); err != nil {
			return err
		}
		return ping(ctx, args[0], payload, count)
	}},
	"pingpong": {2, func(ctx context.Context, args []string) error {
		count, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return pingpong(ctx, args[0], count)
	}},
	"write": {2, func(_ context.Context, args []string) error { return write(args[0], args[1]) }},
	"read": {2, func(_ context.Context, args []string) error {
		count, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return err
		}
		return read(args[0], count)
	}},
	"room":  onPath(room),
	"size":  onPath(size),
	"watch": {0, func(ctx context.Context, _ []string) error { return watch(ctx, os.Stdin) }},
	"pause": {0, func(ctx context.Context, _ []string) error {
		<-ctx.Done()
		return nil
	}},
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	wanted, known := commands[args[0]]
	if !known || len(args)-1 != wanted.arguments {
		return errors.New(usage)
	}
	return wanted.run(ctx, args[1:])
}

// serve answers every request with the client's address and this host's name; with
// X-Forwarded-For it says by way of whom the client came. On other ports it does so to whom the PROXY protocol names, and over UDP, and echoes.
func serve(ctx context.Context) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	if err := errors.Join(echo(ctx), serveUDP(ctx, name), serveProxied(ctx, name)); err != nil {
		return err
	}
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source, _, _ := net.SplitHostPort(r.RemoteAddr) // net/http always sets host:port
		if clients := r.Header.Values("X-Forwarded-For"); len(clients) > 0 {
			source = clients[len(clients)-1] + " by way of " + source
		}
		_, _ = fmt.Fprintf(w, "%s asked %s\n", source, name)
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

// patience is how long one question may take.
const patience = 2 * time.Second

// get prints what a server answers.
func get(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

// Command probe is what runs in the test's pods: a server that says who asked, a
// client of it, a ping that refuses to be fragmented, and the pause of a pod's
// sandbox. It is one static binary, so an image needs nothing else.
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

const usage = `usage: probe serve | get URL | ping ADDRESS PAYLOAD COUNT | pause`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch {
	case args[0] == "serve":
		return serve(ctx)
	case args[0] == "pause":
		<-ctx.Done()
		return nil
	case args[0] == "get" && len(args) == 2:
		return get(ctx, args[1])
	case args[0] == "ping" && len(args) == 4:
		payload, errPayload := strconv.Atoi(args[2])
		count, errCount := strconv.Atoi(args[3])
		if err := errors.Join(errPayload, errCount); err != nil {
			return err
		}
		return ping(ctx, args[1], payload, count)
	default:
		return errors.New(usage)
	}
}

// serve answers every request with the client's address and this host's name.
func serve(ctx context.Context) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source, _, _ := net.SplitHostPort(r.RemoteAddr) // net/http always sets host:port
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

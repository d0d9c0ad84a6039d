package amphora

import (
	"context"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"
	"time"
)

// memberKey is the key of a request's member in its context.
type memberKey struct{}

// serveHTTP reads requests, chooses a member for each, and adds the headers that the
// listener asks for.
func (r *route) serveHTTP(ctx context.Context, stream net.Listener) {
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorLog:  log.New(os.Stderr, "", log.LstdFlags),
		Rewrite: func(request *httputil.ProxyRequest) {
			request.Out.URL.Scheme, request.Out.URL.Host = "http", request.In.Context().Value(memberKey{}).(string)
			request.Out.Host = request.In.Host
			r.addHeaders(request)
		},
	}
	server := &http.Server{
		ReadHeaderTimeout: dialTimeout, IdleTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
			address, _, err := r.choose(in.RemoteAddr)
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			proxy.ServeHTTP(w, in.WithContext(context.WithValue(in.Context(), memberKey{}, address)))
		}),
	}
	_ = server.Serve(stream) // it ends when the socket is closed
}

// addHeaders adds those of the listener's insert_headers that are known here. The
// client's address comes after what the client says of it (haproxy's "option
// forwardfor"); the others take the place of what it says ("set-header").
func (r *route) addHeaders(request *httputil.ProxyRequest) {
	asked, _ := request.In.Context().Value(http.LocalAddrContextKey).(net.Addr) // net/http sets it
	values := map[string][]string{
		"X-Forwarded-For":   append(request.In.Header.Values("X-Forwarded-For"), portOf(request.In.RemoteAddr).Addr().String()),
		"X-Forwarded-Port":  {strconv.Itoa(int(portOf(asked.String()).Port()))},
		"X-Forwarded-Proto": {"http"},
	}
	insert := *r.insert.Load()
	for name, value := range values {
		request.Out.Header[name] = request.In.Header[name] // httputil has taken it away
		if strings.EqualFold(insert[name], "true") {
			request.Out.Header[name] = value
		}
	}
}

package session

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/simulator"
)

// These tests go over real connections of the loopback interface.

// served is a simulated cloud behind TLS.
func served(t *testing.T, settings *tls.Config) (*httptest.Server, config.Global) {
	t.Helper()
	server := httptest.NewUnstartedServer(simulator.New(simulator.Options{}))
	server.TLS = settings
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, config.Global{
		AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", TenantName: "demo", Region: "RegionOne",
	}
}

// certificateOf writes the server's certificate to a file.
func certificateOf(t *testing.T, server *httptest.Server, name string) string {
	t.Helper()
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func check(t *testing.T, g config.Global) error {
	t.Helper()
	client, err := connect(g, Options{MaxAttempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	return client.Check(t.Context())
}

func TestTLSIsVerified(t *testing.T) {
	server, g := served(t, nil)
	err := check(t, g)
	var untrusted *tls.CertificateVerificationError
	if !errors.Is(err, cloud.ErrUnavailable) || !errors.As(err, &untrusted) {
		t.Errorf("an unknown certificate: got %v, want it refused", err)
	}
	g.CAFile = certificateOf(t, server, filepath.Join(t.TempDir(), "ca.pem"))
	if err := check(t, g); err != nil {
		t.Errorf("with the CA: %v", err)
	}
	g.CAFile, g.TLSInsecure = "", true
	if err := check(t, g); err != nil {
		t.Errorf("tls-insecure: %v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	_, g := served(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	g.TLSInsecure = true
	if err := check(t, g); !errors.Is(err, cloud.ErrUnavailable) {
		t.Errorf("TLS 1.1: got %v, want it refused", err)
	}
}

func TestClientCertificate(t *testing.T) {
	server, g := served(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12})
	directory := t.TempDir()
	g.CAFile = certificateOf(t, server, filepath.Join(directory, "ca.pem"))
	if err := check(t, g); err == nil {
		t.Error("without a client certificate: got no error")
	}
	g.CertFile, g.KeyFile = clientPair(t, directory)
	if err := check(t, g); err != nil {
		t.Errorf("with a client certificate: %v", err)
	}
}

func TestBadTLSFiles(t *testing.T) {
	directory := t.TempDir()
	empty := filepath.Join(directory, "empty")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key := clientPair(t, directory)
	for name, g := range map[string]config.Global{
		"no such CA":          {CAFile: filepath.Join(directory, "none")},
		"a CA without PEM":    {CAFile: empty},
		"a certificate alone": {CertFile: cert},
		"a key alone":         {KeyFile: key},
		"no pair":             {CertFile: empty, KeyFile: key},
	} {
		g.AuthURL, g.UserID, g.Password = "https://127.0.0.1/identity", "u", "password"
		if _, err := New(g, Options{}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// A CA that is exchanged on disk is used without a restart.
func TestChangedCA(t *testing.T) {
	server, g := served(t, nil)
	file := filepath.Join(t.TempDir(), "ca.pem")
	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.TLS = &tls.Config{Certificates: []tls.Certificate{newPair(t)}, MinVersion: tls.VersionTLS12}
	other.StartTLS()
	t.Cleanup(other.Close)

	g.CAFile = certificateOf(t, other, file)
	client, err := connect(g, Options{MaxAttempts: 1, Reload: func() (config.Global, error) { return g, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Check(t.Context()); !errors.Is(err, cloud.ErrUnavailable) {
		t.Errorf("the wrong CA: got %v, want it refused", err)
	}
	certificateOf(t, server, file)
	if err := client.reload(t.Context()); err != nil {
		t.Errorf("reload: %v", err)
	}
	if err := client.Check(t.Context()); err != nil {
		t.Errorf("after the change: %v", err)
	}
	certificateOf(t, other, file)
	if err := client.reload(t.Context()); err == nil {
		t.Error("a CA that does not fit: got no error")
	}
	if err := client.Check(t.Context()); err != nil {
		t.Errorf("the CA that fits was given up: %v", err)
	}
}

// pointedAt is a client whose Neutron is at an address of its own.
func pointedAt(t *testing.T, neutron string) client {
	t.Helper()
	keystone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		said := login("token-of-the-loopback", time.Hour)
		for name, values := range said.Header {
			w.Header()[name] = values
		}
		body, err := readAnswer(said.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(strings.ReplaceAll(string(body), "http://cloud", neutron)))
	}))
	t.Cleanup(keystone.Close)
	g := testConfig()
	g.AuthURL = keystone.URL
	client, err := connect(g, Options{MaxAttempts: 3, jitter: func(time.Duration) time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Nobody listens: a write was certainly not sent.
func TestRefusedConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	err = pointedAt(t, "http://"+address).SetRoutes(t.Context(), "r1")
	if !errors.Is(err, cloud.ErrUnavailable) || errors.Is(err, cloud.ErrAmbiguous) {
		t.Errorf("got %v, want cloud.ErrUnavailable", err)
	}
}

// The connection breaks after the request: a write may have happened, and is not
// sent again unless that is harmless.
func TestBrokenConnection(t *testing.T) {
	for i, kind := range kindsOfCall {
		t.Run(kind.name, func(t *testing.T) {
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				calls.Add(1)
				panic(http.ErrAbortHandler)
			}))
			t.Cleanup(server.Close)
			err := kind.do(t.Context(), pointedAt(t, server.URL))
			if !errors.Is(err, unsure[i].class) || int(calls.Load()) != unsure[i].attempts {
				t.Errorf("got %v after %d attempts, want %v after %d", err, calls.Load(), unsure[i].class, unsure[i].attempts)
			}
		})
	}
}

// Cancelling reaches the connection itself.
func TestCancelOverTheWire(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	client := pointedAt(t, server.URL)
	go func() { _, err := client.Router(ctx, "r1"); done <- err }()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	<-gone
}

func TestOversizedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(int, *http.Request) (*http.Response, error) {
			out := routerAnswer()
			out.Body = endless{}
			return out, nil
		}}
		client := newTestClient(t, cloudy, func(o *Options) { o.MaxAttempts = 1 })
		if _, err := client.Router(t.Context(), "r1"); !errors.Is(err, cloud.ErrUnavailable) || !strings.Contains(err.Error(), "longer than") {
			t.Errorf("got %v, want the answer refused", err)
		}
	})
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

// A certificate that is not trusted stops a write before it is sent, and once.
func TestUntrustedCertificateIsNeverSentTo(t *testing.T) {
	var calls atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	err := pointedAt(t, server.URL).SetRoutes(t.Context(), "r1")
	if !errors.Is(err, cloud.ErrUnavailable) || errors.Is(err, cloud.ErrAmbiguous) || calls.Load() != 0 {
		t.Errorf("got %v after %d calls, want cloud.ErrUnavailable after none", err, calls.Load())
	}
}

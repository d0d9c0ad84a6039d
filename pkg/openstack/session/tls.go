package session

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"underlay/pkg/config"
)

// newBase makes the transport that really talks: verified TLS of 1.2 or newer,
// with the CA and client certificate of the configuration, as they are on disk now.
func newBase(g config.Global) (*http.Transport, error) {
	settings, err := tlsSettings(g)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       settings,
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}, nil
}

func tlsSettings(g config.Global) (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: g.TLSInsecure}
	if g.CAFile != "" {
		pem, err := os.ReadFile(g.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca-file: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca-file %s: no PEM certificate in it", g.CAFile)
		}
	}
	switch {
	case g.CertFile != "" && g.KeyFile != "":
		pair, err := tls.LoadX509KeyPair(g.CertFile, g.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read cert-file and key-file: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	case g.CertFile != "" || g.KeyFile != "":
		return nil, errors.New("read client certificate: cert-file and key-file belong together, one is missing")
	}
	return settings, nil
}

// Package cluster reads the few things of the Kubernetes API that the controller
// service needs, and writes its events, over plain HTTPS with the service account
// of its Pod. docs/adr says why it is not client-go.
package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"underlay/internal/cloud"
)

// Options say where the API is and who asks.
type Options struct {
	// URL is the API server's, e.g. https://10.96.0.1:443.
	URL string
	// Folder holds the files token and ca.crt of a service account; both are
	// read anew, since they are renewed.
	Folder string
}

// folder is where every Pod has its service account
// (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/).
const folder = "/var/run/secrets/kubernetes.io/serviceaccount"

// ErrOutside means that this process runs in no Pod with a service account.
var ErrOutside = errors.New("not in a Pod: KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set")

// InPod are the Options of a Pod.
func InPod() (Options, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return Options{}, ErrOutside
	}
	return Options{URL: "https://" + net.JoinHostPort(host, port), Folder: folder}, nil
}

// Reader talks to the API. It is safe for concurrent use.
type Reader struct{ options Options }

// timeout bounds one request: a claim's annotations hold up a volume no longer.
const timeout = 15 * time.Second

// longest is how much of an answer is read, in bytes.
const longest = 4 << 20

// New makes a Reader. It touches nothing.
func New(o Options) *Reader { return &Reader{options: o} }

// Claim gives the annotations and the UID of a PersistentVolumeClaim;
// cloud.ErrNotFound when there is none.
func (r *Reader) Claim(ctx context.Context, namespace, name string) (annotations map[string]string, uid string, err error) {
	var claim struct {
		Metadata struct {
			UID         string            `json:"uid"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/persistentvolumeclaims/" + url.PathEscape(name)
	if err := r.do(ctx, http.MethodGet, path, nil, &claim); err != nil {
		return nil, "", fmt.Errorf("read claim %s/%s: %w", namespace, name, err)
	}
	return claim.Metadata.Annotations, claim.Metadata.UID, nil
}

// do makes one request. The token and the CA are those of this moment.
func (r *Reader) do(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, token, err := r.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.options.URL+path, content)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", cloud.ErrUnavailable, err)
	}
	defer func() { _ = answer.Body.Close() }()
	return read(answer, into)
}

// read reads an answer, or says why there is none.
func read(answer *http.Response, into any) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, longest))
	if err != nil {
		return fmt.Errorf("%w: read the answer: %w", cloud.ErrUnavailable, err)
	}
	if answer.StatusCode >= 300 {
		var reason struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(text, &reason) // what is no Status has no message
		return fmt.Errorf("%w: %s: %s", class(answer.StatusCode), answer.Status, reason.Message)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func class(code int) error {
	switch {
	case code == http.StatusNotFound:
		return cloud.ErrNotFound
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return cloud.ErrDenied
	case code == http.StatusTooManyRequests || code >= 500:
		return cloud.ErrUnavailable
	case code == http.StatusConflict:
		return cloud.ErrBusy
	default:
		return cloud.ErrInvalid
	}
}

func (r *Reader) client() (*http.Client, string, error) {
	token, err := os.ReadFile(filepath.Join(r.options.Folder, "token"))
	if err != nil {
		return nil, "", fmt.Errorf("read the service account's token: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(r.options.Folder, "ca.crt"))
	if err != nil {
		return nil, "", fmt.Errorf("read the API server's CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, "", errors.New("read the API server's CA: ca.crt holds no certificate")
	}
	// No proxy: the token is for the API server alone.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: timeout}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: refuse}, strings.TrimSpace(string(token)), nil
}

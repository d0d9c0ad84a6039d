// Package api speaks to any OpenStack in plain HTTP and JSON: enough to set one
// up and to look at it from outside, without a client library whose reading
// of the API would stand between the tests and the services.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Account is a user with a password in a project, all in the Default domain.
type Account struct {
	// AuthURL is Keystone's, with /v3.
	AuthURL                             string
	Username, Password, Project, Region string
}

// Client acts for an account. It may be used by several goroutines.
type Client struct {
	// ProjectID and UserID are the account's.
	ProjectID, UserID string

	http    *http.Client
	account Account

	mu        sync.Mutex
	token     string
	endpoints map[string]string // public, by service type, without a final slash
}

// Login gets a token and reads the catalog.
func Login(ctx context.Context, client *http.Client, account Account) (*Client, error) {
	c := &Client{http: client, account: account}
	return c, c.login(ctx)
}

// Endpoint is the public address of a service, without a final slash; "" when
// the catalog has none.
func (c *Client) Endpoint(service string) string {
	if service == "identity" {
		return strings.TrimRight(c.account.AuthURL, "/")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endpoints[service]
}

// StatusError is an answer other than 2xx.
type StatusError struct {
	Request string
	Status  int
	Body    string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s: %.600s", e.Request, e.Status, http.StatusText(e.Status), e.Body)
}

// Do sends a request, and decodes the answer into out unless out is nil. path
// follows the service's address. A token that has expired is renewed.
func (c *Client) Do(ctx context.Context, method, service, path string, body, out any, headers ...string) error {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode the body of %s %s: %w", method, path, err)
		}
	}
	send := func() (int, []byte, error) {
		return c.send(ctx, method, c.Endpoint(service)+path, "application/json", bytes.NewReader(payload), headers...)
	}
	status, answer, err := send()
	if err == nil && status == http.StatusUnauthorized {
		if err := c.login(ctx); err != nil {
			return err
		}
		status, answer, err = send()
	}
	switch {
	case err != nil:
		return err
	case status < 200 || status > 299:
		return &StatusError{Request: method + " " + service + path, Status: status, Body: string(answer)}
	case out == nil || len(answer) == 0:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode the answer of %s %s%s: %w", method, service, path, err)
	}
	return nil
}

// Upload sends content as it is.
func (c *Client) Upload(ctx context.Context, method, service, path string, content io.Reader) error {
	status, answer, err := c.send(ctx, method, c.Endpoint(service)+path, "application/octet-stream", content)
	if err == nil && (status < 200 || status > 299) {
		err = &StatusError{Request: method + " " + service + path, Status: status, Body: string(answer)}
	}
	return err
}

// send makes one request; headers are "Name: value".
func (c *Client) send(ctx context.Context, method, url, contentType string, body io.Reader, headers ...string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, nil, fmt.Errorf("make request: %w", err)
	}
	c.mu.Lock()
	request.Header.Set("X-Auth-Token", c.token)
	c.mu.Unlock()
	request.Header.Set("Content-Type", contentType)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("send request: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer of %s %s: %w", method, url, err)
	}
	return response.StatusCode, answer, nil
}

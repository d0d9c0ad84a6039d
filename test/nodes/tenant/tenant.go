// Package tenant does in an OpenStack what people and machines do around a
// cluster: it makes the network and the router, boots and deletes servers,
// reads what Neutron's agents are told, and changes routes by hand.
//
// It speaks plain HTTP, so that it shares no reading of the API with the product
// that is tested. API: https://docs.openstack.org/api-ref/
package tenant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Account is a user with a password in a project, all of the Default domain.
type Account struct {
	// AuthURL is Keystone's v3 endpoint.
	AuthURL                             string
	Username, Password, Project, Region string
}

// CloudConf is the text of a cloud.conf for the account, with routes on a router.
func (a Account) CloudConf(routerID string) string {
	return fmt.Sprintf("[Global]\nauth-url=%s\nusername=%q\npassword=%q\ntenant-name=%q\ndomain-name=Default\nregion=%q\n\n[Route]\nrouter-id=%s\n",
		a.AuthURL, a.Username, a.Password, a.Project, a.Region, routerID)
}

// Client is logged in as an account. It is safe for concurrent use.
type Client struct {
	account Account
	http    *http.Client

	mu        sync.Mutex
	token     string
	endpoints map[string]string // public, by service type
}

// requestTimeout is how long one call may take: real services on a busy machine.
const requestTimeout = time.Minute

// Login gets a token and the catalog.
func Login(ctx context.Context, account Account) (*Client, error) {
	// Connections of its own: one that somebody else's cloud has closed is no surprise here.
	c := &Client{account: account, http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{IdleConnTimeout: time.Minute}}}
	if err := c.login(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

type object = map[string]any

func (c *Client) login(ctx context.Context) error {
	domain := object{"id": "default"}
	body, err := json.Marshal(object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": object{
			"name": c.account.Username, "password": c.account.Password, "domain": domain,
		}}},
		"scope": object{"project": object{"name": c.account.Project, "domain": domain}},
	}})
	if err != nil {
		return fmt.Errorf("log in to OpenStack: %w", err)
	}
	answer, header, err := c.send(ctx, http.MethodPost, c.account.AuthURL+"/auth/tokens", "", body)
	if err != nil {
		return fmt.Errorf("log in to OpenStack: %w", err)
	}
	var token struct {
		Token struct {
			Catalog []struct {
				Type      string
				Endpoints []struct{ Interface, Region, URL string }
			}
		}
	}
	if err := json.Unmarshal(answer, &token); err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.endpoints = header.Get("X-Subject-Token"), map[string]string{"identity": c.account.AuthURL}
	for _, service := range token.Token.Catalog {
		for _, endpoint := range service.Endpoints {
			if endpoint.Interface == "public" && endpoint.Region == c.account.Region && service.Type != "identity" {
				c.endpoints[service.Type] = strings.TrimSuffix(endpoint.URL, "/")
			}
		}
	}
	return nil
}

// Endpoints are the public addresses of the services that are spoken to here.
func (c *Client) Endpoints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []string{c.endpoints["identity"], c.endpoints["network"], c.endpoints["compute"], c.endpoints["image"]}
	for _, service := range []string{Balancing, Storage} { // which not every cloud has
		if endpoint := c.endpoints[service]; endpoint != "" {
			all = append(all, endpoint)
		}
	}
	return all
}

// StatusError is an answer that is not a success.
type StatusError struct {
	Status        int
	Request, Body string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: status %d: %.300s", e.Request, e.Status, e.Body)
}

// IsNotFound says whether an error means that the object is not there.
func IsNotFound(err error) bool { return isStatus(err, http.StatusNotFound) }

func isConflict(err error) bool { return isStatus(err, http.StatusConflict) }

func isStatus(err error, status int) bool {
	var answer *StatusError
	return errors.As(err, &answer) && answer.Status == status
}

// call sends one request to a service and reads its answer into "into", which may
// be nil. A token that has expired is renewed once.
func (c *Client) call(ctx context.Context, method, service, path string, body, into any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	for attempt := 1; ; attempt++ {
		c.mu.Lock()
		token, base := c.token, c.endpoints[service]
		c.mu.Unlock()
		answer, _, err := c.send(ctx, method, base+path, token, content)
		var status *StatusError
		if errors.As(err, &status) && status.Status == http.StatusUnauthorized && attempt == 1 {
			if err := c.login(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil || into == nil {
			return err
		}
		return json.Unmarshal(answer, into)
	}
}

func (c *Client) send(ctx context.Context, method, url, token string, body []byte) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("X-Auth-Token", token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("read the answer of %s %s: %w", method, url, err)
	}
	if response.StatusCode >= 300 {
		return nil, nil, &StatusError{Status: response.StatusCode, Request: method + " " + url, Body: string(answer)}
	}
	return answer, response.Header, nil
}

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// login gets a token for the account's project.
// https://docs.openstack.org/api-ref/identity/v3/#password-authentication-with-scoped-authorization
func (c *Client) login(ctx context.Context) error {
	body, err := json.Marshal(c.account.request())
	if err != nil {
		return fmt.Errorf("encode the request for a token: %w", err)
	}
	url := c.Endpoint("identity") + "/auth/tokens"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request for a token: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("get a token for %s: %s answers %s", c.account.Username, url, response.Status)
	}
	var answer struct {
		Token struct {
			Project, User struct{ ID string }
			Catalog       []struct {
				Type      string
				Endpoints []struct{ Interface, Region, URL string }
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("decode the token: %w", err)
	}
	endpoints := map[string]string{}
	for _, service := range answer.Token.Catalog {
		for _, endpoint := range service.Endpoints {
			if endpoint.Interface == "public" && (c.account.Region == "" || endpoint.Region == c.account.Region) {
				endpoints[service.Type] = strings.TrimRight(endpoint.URL, "/")
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.endpoints = response.Header.Get("X-Subject-Token"), endpoints
	c.ProjectID, c.UserID = answer.Token.Project.ID, answer.Token.User.ID
	return nil
}

type object = map[string]any

func (a Account) request() object {
	domain := object{"id": "default"}
	return object{"auth": object{
		"identity": object{
			"methods":  []string{"password"},
			"password": object{"user": object{"name": a.Username, "domain": domain, "password": a.Password}},
		},
		"scope": object{"project": object{"name": a.Project, "domain": domain}},
	}}
}

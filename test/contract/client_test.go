package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cloud is one OpenStack under test, spoken to in plain HTTP so that no client
// library's reading of the API stands between the case and the service.
type cloud struct {
	name    string
	http    *http.Client
	authURL string // Keystone's v3 endpoint
	account
	project string            // id of the project of the token
	token   string            // scoped to the project
	catalog map[string]string // public endpoint by service type, without a final slash
	userID  string
	// partial: cases whose service is not in the catalog are left out.
	partial bool
	known   known
	pool    pool
	node    sharedServer
}

// account is a user with a password in a project, all in the Default domain.
type account struct{ Username, Password, Project, Region string }

// answer is one HTTP answer.
type answer struct {
	request string
	Status  int
	Header  http.Header
	raw     []byte
	json    any
}

// call sends one request. The path begins with "/" and follows the service's
// endpoint; headers are "Name: value".
func (c *cloud) call(t *testing.T, method, service, path string, body any, headers ...string) answer {
	t.Helper()
	base := c.authURL
	if service != "identity" {
		base = c.catalog[service]
	}
	if base == "" {
		t.Fatalf("%s has no %s service in its catalog", c.name, service)
	}
	return c.send(t, method, base+path, body, append([]string{"X-Auth-Token: " + c.token}, headers...)...)
}

func (c *cloud) send(t *testing.T, method, url string, body any, headers ...string) answer {
	t.Helper()
	var payload io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		payload = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		payload = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, payload)
	if err != nil {
		t.Fatal(err)
	}
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	a := answer{request: method + " " + url, Status: resp.StatusCode, Header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		t.Fatalf("read answer of %s: %v", a.request, err)
	}
	if len(a.raw) > 0 && json.Unmarshal(a.raw, &a.json) != nil {
		a.json = nil // not JSON: cases that read it fail on the missing field
	}
	return a
}

// want ends the case unless the answer has this status and, for an error, this
// type: NeutronError.type, Keystone's error.title, or the one key of a Nova error.
func (a answer) want(t *testing.T, status int, errorType ...string) answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: got %d, want %d: %.400s", a.request, a.Status, status, a.raw)
	}
	if len(errorType) == 1 && a.errorType() != errorType[0] {
		t.Fatalf("%s: got error type %q, want %q: %.400s", a.request, a.errorType(), errorType[0], a.raw)
	}
	return a
}

func (a answer) errorType() string {
	object, _ := a.json.(map[string]any)
	if e, ok := object["NeutronError"].(map[string]any); ok {
		return fmt.Sprint(e["type"])
	}
	if e, ok := object["error"].(map[string]any); ok {
		return fmt.Sprint(e["title"])
	}
	if len(object) == 1 {
		for key, value := range object {
			if e, ok := value.(map[string]any); ok && e["code"] != nil {
				return key
			}
		}
	}
	return ""
}

// at walks into the answer: "router.routes.0.destination". nil when absent.
func (a answer) at(path string) any {
	value := a.json
	for key := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// text is at as a string; "" when absent or no string.
func (a answer) text(path string) string { s, _ := a.at(path).(string); return s }

// number is at as an int; -1 when absent or no number.
func (a answer) number(path string) int {
	if f, ok := a.at(path).(float64); ok {
		return int(f)
	}
	return -1
}

// list is at as a list; nil when absent or no list.
func (a answer) list(path string) []any { l, _ := a.at(path).([]any); return l }

// texts collects one string field of every object in a list.
func (a answer) texts(path, field string) []string {
	var out []string
	for _, item := range a.list(path) {
		if object, ok := item.(map[string]any); ok {
			out = append(out, fmt.Sprint(object[field]))
		}
	}
	return out
}

// field compares one field of the answer.
func (a answer) field(t *testing.T, path string, want any) {
	t.Helper()
	got, err := json.Marshal(a.at(path))
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, wanted) {
		t.Errorf("%s: %s: got %s, want %s", a.request, path, got, wanted)
	}
}

// obj makes JSON objects short to write.
type obj = map[string]any

// passwordAuth is the body of POST /auth/tokens for the account.
func (c *cloud) passwordAuth(password string, scoped bool) obj {
	domain := obj{"id": "default"}
	auth := obj{"identity": obj{"methods": []string{"password"}, "password": obj{"user": obj{"name": c.Username, "domain": domain, "password": password}}}}
	if scoped {
		auth["scope"] = obj{"project": obj{"name": c.Project, "domain": domain}}
	} else {
		auth["scope"] = "unscoped"
	}
	return obj{"auth": auth}
}

// login fills token, project and catalog.
func (c *cloud) login(t *testing.T) {
	t.Helper()
	a := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", c.passwordAuth(c.Password, true)).want(t, http.StatusCreated)
	c.token, c.project, c.userID = a.Header.Get("X-Subject-Token"), a.text("token.project.id"), a.text("token.user.id")
	c.catalog = map[string]string{}
	for _, entry := range a.list("token.catalog") {
		service := answer{json: entry}
		for _, e := range service.list("endpoints") {
			endpoint := answer{json: e}
			if endpoint.text("interface") == "public" && (c.Region == "" || endpoint.text("region") == c.Region) {
				c.catalog[service.text("type")] = strings.TrimSuffix(endpoint.text("url"), "/")
			}
		}
	}
}

// eventually polls until the condition holds, a minute at most.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	within(t, time.Minute, what, condition)
}

// within is eventually for what takes longer.
func within(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

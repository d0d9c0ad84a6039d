package contract_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func tags(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint("t", i))
	}
	return out
}

var tagCases = []contractCase{
	{"tags/fifty fit, one more is refused", func(t *testing.T, c *cloud) {
		path := portsPath + "/" + c.make(t, "port", obj{"network_id": c.lan(t).network}) + "/tags"
		c.call(t, http.MethodPut, "network", path, obj{"tags": tags(51)}).want(t, http.StatusBadRequest, "BadRequest")
		c.call(t, http.MethodPut, "network", path, obj{"tags": tags(50)}).want(t, http.StatusOK)
		c.call(t, http.MethodPut, "network", path+"/more", nil).want(t, http.StatusBadRequest, "BadRequest")
	}},
	{"tags/long ones, duplicates and other bodies are InvalidInput", func(t *testing.T, c *cloud) {
		path := portsPath + "/" + c.make(t, "port", obj{"network_id": c.lan(t).network}) + "/tags"
		for _, body := range []obj{{"tags": []string{strings.Repeat("x", 256)}}, {"tags": []string{"a", "a"}}, {"tags": "a"}, {}} {
			c.call(t, http.MethodPut, "network", path, body).want(t, http.StatusBadRequest, "InvalidInput")
		}
		c.call(t, http.MethodPut, "network", path+"/"+strings.Repeat("x", 256), nil).want(t, http.StatusBadRequest, "InvalidInput")
		c.call(t, http.MethodPut, "network", path, obj{"tags": []string{strings.Repeat("x", 255), "a,b"}}).want(t, http.StatusOK)
	}},
	{"tags/a change is a new revision, the same again is none", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network})
		path := portsPath + "/" + p.text("port.id")
		revision := func() int {
			return c.call(t, http.MethodGet, "network", path+"?fields=revision_number", nil).want(t, http.StatusOK).number("port.revision_number")
		}
		c.call(t, http.MethodPut, "network", path+"/tags/a", nil).want(t, http.StatusCreated)
		first := revision()
		if first <= p.number("port.revision_number") {
			t.Errorf("revision after a tag: got %d, was %d", first, p.number("port.revision_number"))
		}
		c.call(t, http.MethodPut, "network", path+"/tags/a", nil).want(t, http.StatusCreated)
		if got := revision(); got != first {
			t.Errorf("revision after the same tag: got %d, was %d", got, first)
		}
	}},
	{"tags/are read, emptied and added to", func(t *testing.T, c *cloud) {
		path := portsPath + "/" + c.make(t, "port", obj{"network_id": c.lan(t).network}) + "/tags"
		c.call(t, http.MethodPut, "network", path, obj{"tags": []string{"a"}}).want(t, http.StatusOK)
		c.call(t, http.MethodGet, "network", path+"/a", nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodGet, "network", path+"/b", nil).want(t, http.StatusNotFound, "TagNotFound")
		c.call(t, http.MethodPost, "network", path, obj{"tags": []string{"b"}}).want(t, http.StatusOK).field(t, "tags", []string{"b"})
		if got := c.call(t, http.MethodGet, "network", path, nil).want(t, http.StatusOK).list("tags"); len(got) != 2 {
			t.Errorf("tags: got %v, want a and b", got)
		}
		c.call(t, http.MethodDelete, "network", path, nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodGet, "network", path, nil).want(t, http.StatusOK).field(t, "tags", []string{})
	}},
	{"tags/of what is not there Neutron stumbles: 500", func(t *testing.T, c *cloud) {
		const path = portsPath + "/00000000-0000-4000-8000-000000000000/tags"
		c.call(t, http.MethodGet, "network", path, nil).want(t, http.StatusInternalServerError, "HTTPInternalServerError")
		c.call(t, http.MethodPut, "network", path, obj{"tags": []string{}}).want(t, http.StatusInternalServerError, "HTTPInternalServerError")
	}},
	{"tags/only ports take them in POST", func(t *testing.T, c *cloud) {
		for path, kind := range map[string]string{"networks": "network", "routers": "router", "security-groups": "security_group", "floatingips": "floatingip"} {
			c.call(t, http.MethodPost, "network", "/v2.0/"+path, obj{kind: obj{"tags": []string{"a"}}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		}
	}},
}

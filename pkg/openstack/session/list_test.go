package session

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"underlay/internal/cloud"
)

func portsPage(next string, ids ...string) *http.Response {
	var ports []string
	for _, id := range ids {
		ports = append(ports, fmt.Sprintf(`{"id": %q}`, id))
	}
	links := ""
	if next != "" {
		links = fmt.Sprintf(`, "ports_links": [{"rel": "previous", "href": "http://x/?p"}, {"rel": "next", "href": %q}]`, next)
	}
	return answer(200, fmt.Sprintf(`{"ports": [%s]%s}`, strings.Join(ports, ","), links))
}

// Of the link to the next page only the query counts: the service need not know
// under which URL it is reached, and the token goes to no other host. What the
// link forgets of the first query is asked again.
func TestNextPageIsAskedForAtOurEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return portsPage("http://10.1.2.3:9696/v2.0/ports?marker=p2&project_id=p1", "p1", "p2"), nil
			}
			return portsPage("", "p3"), nil
		}}
		ports, err := newTestClient(t, cloudy).Ports(t.Context())
		if err != nil || len(ports) != 3 {
			t.Errorf("got %v, %v; want 3 ports", ports, err)
		}
		again := url.Values{"fields": {"id"}, "marker": {"p2"}, "project_id": {"p1"}}
		if got, want := cloudy.Calls[1].URL.String(), "http://cloud/network/v2.0/ports?"+again.Encode(); got != want {
			t.Errorf("got second page at %s, want %s", got, want)
		}
		for _, call := range cloudy.Calls {
			if got := call.Header.Get("User-Agent"); !strings.HasPrefix(got, "underlay ") {
				t.Errorf("got user agent %q", got)
			}
		}
	})
}

func TestBadLists(t *testing.T) {
	tests := []struct {
		name    string
		service func(n int, r *http.Request) (*http.Response, error)
		calls   int
	}{
		{"pages in a circle", func(n int, _ *http.Request) (*http.Response, error) {
			return portsPage(fmt.Sprintf("http://cloud/ports?marker=%d", n%2), "p"), nil
		}, 3},
		{"pages without end", func(n int, _ *http.Request) (*http.Response, error) {
			return portsPage(fmt.Sprintf("http://cloud/ports?marker=%d", n), "p"), nil
		}, maxPages},
		{"another list", func(int, *http.Request) (*http.Response, error) { return answer(200, `{"servers": []}`), nil }, 1},
		{"not a list", func(int, *http.Request) (*http.Response, error) { return answer(200, `{"ports": {}}`), nil }, 1},
		{"bad links", func(int, *http.Request) (*http.Response, error) {
			return answer(200, `{"ports": [], "ports_links": 1}`), nil
		}, 1},
		{"bad link", func(int, *http.Request) (*http.Response, error) { return portsPage("http://a b/%zz", "p"), nil }, 1},
		{"the marker is gone, Neutron", func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return portsPage("http://cloud/?marker=p", "p"), nil
			}
			return neutronError(404, "PortNotFound"), nil
		}, 2},
		{"the marker is gone, Nova", func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return portsPage("http://cloud/?marker=p", "p"), nil
			}
			return answer(400, `{"badRequest": {"code": 400, "message": "marker [p] not found"}}`), nil
		}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloudy := &script{Service: test.service}
				if _, err := newTestClient(t, cloudy, fast).Ports(t.Context()); !errors.Is(err, cloud.ErrUnavailable) {
					t.Errorf("got %v, want cloud.ErrUnavailable", err)
				}
				if _, calls := cloudy.Counts(); calls != test.calls {
					t.Errorf("got %d calls, want %d", calls, test.calls)
				}
			})
		})
	}
}

// Cinder's links to more groups are not named as its lists are.
func TestPagesOfGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return answer(200, `{"groups": [{"id": "g1"}], "group_links": [{"rel": "next", "href": "http://x/?marker=g1"}]}`), nil
			}
			return answer(200, `{"groups": [{"id": "g2"}]}`), nil
		}}
		client := newTestClient(t, cloudy)
		listing := Listing{Op: Operation{Name: "group_list", Method: http.MethodGet}, Of: network, Path: []string{"groups"}}
		if all, err := Collect[object](t.Context(), client.Session, listing); err != nil || len(all) != 2 {
			t.Errorf("got %v, %v; want 2 groups", all, err)
		}
		listing.Query = url.Values{"marker": {"g1"}}
		if page, next, err := Leaf[object](t.Context(), client.Session, listing); err != nil || len(page) != 1 || next != nil {
			t.Errorf("the last page: got %v, next %v, %v", page, next, err)
		}
	})
}

// A catalog without the service fails every call in the same clear way, and a
// write is certain not to have happened.
func TestServiceMissingFromTheCatalog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Keystone: func(int, *http.Request) (*http.Response, error) {
			return answer(201, `{"token": {"catalog": []}}`, "X-Subject-Token: "+testToken), nil
		}}
		client := newTestClient(t, cloudy)
		_, one := client.Router(t.Context(), "r1")
		_, two := client.Ports(t.Context())
		_, three := client.Servers(t.Context())
		for i, err := range []error{
			one, two, three, client.SetRoutes(t.Context(), "r1"), client.Server(t.Context(), "s1"), client.Check(t.Context()),
		} {
			if !errors.Is(err, cloud.ErrUnsupported) || !strings.Contains(err.Error(), "catalog") {
				t.Errorf("call %d: got %v, want cloud.ErrUnsupported by the catalog", i+1, err)
			}
		}
	})
}

// A version document that says nothing of use means the oldest version.
func TestNegotiationWithoutAnAnswer(t *testing.T) {
	for body, want := range map[string]error{
		`{"version": {"version": ""}}`:       nil,
		`{"version": {"version": "2.53"}}`:   nil,
		`{"version": {"version": "banana"}}`: nil,
		`<html>`:                             cloud.ErrUnavailable,
	} {
		synctest.Test(t, func(t *testing.T) {
			cloudy := &script{Service: func(_ int, r *http.Request) (*http.Response, error) {
				switch {
				case r.URL.Path == "/compute/v2.1/":
					return answer(200, body), nil
				case r.Header.Get("X-OpenStack-Nova-API-Version") == "2.90":
					return answer(406, `{"computeFault": {"code": 406, "message": "Version 2.90 is not supported by the API."}}`), nil
				}
				return answer(200, `{"servers": []}`), nil
			}}
			_, err := newTestClient(t, cloudy).Servers(t.Context())
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", body, err, want)
			}
		})
	}
}

func FuzzReadFault(f *testing.F) {
	for _, seed := range []string{`{"NeutronError": {"type": "X", "message": "m"}}`, `{"a": 1}`, `[`, "", `{"message": null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := readFault(body)
		if len(got.Message) > maxMessage+len("…") || strings.ContainsAny(got.Message, "\n\r") || !utf8.ValidString(got.Message) {
			t.Errorf("got message %q", got.Message)
		}
	})
}

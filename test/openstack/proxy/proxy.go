// Package proxy stands between a client and a whole OpenStack: all services
// answer at one address, every call is counted, and an extension can be hidden.
// It changes nothing else and fails nothing.
package proxy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Call is one request.
type Call struct {
	Method string
	// Pattern is the method and the path without the service's address and its
	// /v2.1, with {id} for every id: "PUT /v2.0/routers/{id}/add_extraroutes".
	Pattern string
	// Query is what was asked for, nil for nothing.
	Query url.Values
	// Status is 0 until the answer is there.
	Status int
}

// Proxy is a http.Handler. /network, /compute and so on lead to the services.
type Proxy struct {
	services []service

	mu     sync.Mutex
	calls  []*Call
	kinds  map[Kind]bool
	hidden []extension
}

// Kind is what calls have in common that differ in ids and queries only.
type Kind struct {
	Service, Method string
	// Path is that of the service, with {id} for every id: "/v2.1/servers/{id}".
	Path string
}

type service struct {
	kind string
	root *url.URL // without the version at its end
}

// extension is a Neutron extension that the client shall not know.
type extension struct {
	alias   string
	actions []string // last words of the paths that it adds
}

// New makes a proxy for services by their types, each with its public address.
func New(endpoints map[string]string) (*Proxy, error) {
	p := &Proxy{kinds: map[Kind]bool{}}
	for kind, endpoint := range endpoints {
		root, err := url.Parse(version.ReplaceAllString(strings.TrimRight(endpoint, "/"), ""))
		if err != nil || root.Host == "" {
			return nil, fmt.Errorf("the address of %s is not one: %q", kind, endpoint)
		}
		p.services = append(p.services, service{kind, root})
	}
	// Addresses that contain others are recognised first.
	slices.SortFunc(p.services, func(a, b service) int {
		return len(b.root.String()) - len(a.root.String())
	})
	return p, nil
}

// version is what catalogs have at the end of some addresses.
var version = regexp.MustCompile(`/v\d+(\.\d+)?$`)

// HideExtension makes Neutron look as if it had no such extension: it is not
// among the extensions, and paths that end in one of its actions are not found.
func (p *Proxy) HideExtension(alias string, actions ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hidden = append(p.hidden, extension{alias, actions})
}

// Calls are all since the last Reset, in the order of their arrival: who sees the
// effect of a call sees the call here.
func (p *Proxy) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	var calls []Call
	for _, call := range p.calls {
		calls = append(calls, *call)
	}
	return calls
}

// Count counts calls by a pattern in which * is any part of one segment.
func (p *Proxy) Count(pattern string) int {
	count := 0
	for _, call := range p.Calls() {
		if matches, err := path.Match(pattern, call.Pattern); err == nil && matches {
			count++
		}
	}
	return count
}

// Kinds are those of all calls there ever were; Reset forgets none.
func (p *Proxy) Kinds() []Kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	kinds := slices.Collect(maps.Keys(p.kinds))
	slices.SortFunc(kinds, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return kinds
}

// Reset forgets the calls so far.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
}

// ServeHTTP answers for the service that the first segment of the path names.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	i := slices.IndexFunc(p.services, func(s service) bool { return s.kind == kind })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	call := p.arrived(r, kind, "/"+rest)
	if p.isHidden(kind, "/"+rest) {
		p.answered(call, http.StatusNotFound)
		refuse(w)
		return
	}
	target := *p.services[i].root
	target.Path, target.RawQuery = target.Path+"/"+rest, r.URL.RawQuery
	forward := httputil.ReverseProxy{
		Rewrite: func(out *httputil.ProxyRequest) {
			out.Out.URL, out.Out.Host = &target, target.Host
			out.Out.Header.Del("Accept-Encoding") // the answer is read here
		},
		ModifyResponse: func(answer *http.Response) error {
			p.answered(call, answer.StatusCode)
			return p.edit(answer, kind, "/"+rest, "http://"+r.Host)
		},
		// A client that was killed hears nothing of it, and the log need not either.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	forward.ServeHTTP(w, r)
}

func (p *Proxy) arrived(r *http.Request, kind, path string) *Call {
	path = withoutIDs(path)
	short := path
	if kind == "compute" {
		short = strings.TrimPrefix(path, "/v2.1")
	}
	call := &Call{Method: r.Method, Pattern: r.Method + " " + short}
	if r.URL.RawQuery != "" {
		call.Query = r.URL.Query()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, call)
	p.kinds[Kind{kind, r.Method, path}] = true
	return call
}

func (p *Proxy) answered(call *Call, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	call.Status = status
}

var id = regexp.MustCompile(`/([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(/|$)`)

func withoutIDs(path string) string { return id.ReplaceAllString(path, "/{id}$3") }

// isHidden says whether the path is there only by a hidden extension.
func (p *Proxy) isHidden(kind, path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return kind == "network" && slices.ContainsFunc(p.hidden, func(e extension) bool {
		last := path[strings.LastIndexByte(path, '/')+1:]
		return slices.Contains(e.actions, last) || strings.HasSuffix(path, "/extensions/"+e.alias)
	})
}

// refuse answers as Neutron does where it has no such path.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, `{"NeutronError": {"type": "HTTPNotFound", "message": "The resource could not be found.", "detail": ""}}`)
}

// edit has every address in an answer lead through the proxy, and takes hidden
// extensions from the list of them.
func (p *Proxy) edit(answer *http.Response, kind, path, self string) error {
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if err := answer.Body.Close(); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if kind == "network" && strings.HasSuffix(path, "/extensions") {
		if body, err = p.withoutHidden(body); err != nil {
			return err
		}
	}
	for _, s := range p.services {
		body = replaceRoot(body, s.root.String(), self+"/"+s.kind)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.ContentLength = int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// replaceRoot leaves alone an address that only begins like the root, such as
// that of port 80800 where the root has 8080.
func replaceRoot(body []byte, root, replacement string) []byte {
	return regexp.MustCompile(regexp.QuoteMeta(root)+`(["/?])`).ReplaceAll(body, []byte(replacement+"$1"))
}

func (p *Proxy) withoutHidden(body []byte) ([]byte, error) {
	var list struct {
		Extensions []map[string]any `json:"extensions"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("decode the extensions: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	list.Extensions = slices.DeleteFunc(list.Extensions, func(seen map[string]any) bool {
		return slices.ContainsFunc(p.hidden, func(e extension) bool { return seen["alias"] == e.alias })
	})
	return json.Marshal(list)
}

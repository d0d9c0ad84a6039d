package session

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/gophercloud/gophercloud/v2"
	"k8s.io/klog/v2"
)

// minors remembers the newest minor version that each endpoint knows. A service
// is spoken to in the newest that we know, without asking; it is asked only once
// it has said that it does not know that.
type minors struct {
	mu sync.Mutex
	// newest is by endpoint; an endpoint that was not asked is not in it.
	newest map[string]int
}

func (m *minors) of(endpoint string, wanted int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if newest, asked := m.newest[endpoint]; asked {
		return min(newest, wanted)
	}
	return wanted
}

func (m *minors) settle(endpoint string, newest int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newest == nil {
		m.newest = map[string]int{}
	}
	m.newest[endpoint] = newest
}

func (m *minors) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest = nil
}

// With runs one request to a service, in the newest minor version that both
// sides know. request may be run twice: a service that does not know a version
// has done nothing.
func (s *Session) With(ctx context.Context, of Service, request func(*gophercloud.ServiceClient) error) error {
	return s.with(ctx, of, func(client *gophercloud.ServiceClient, _ int) error { return request(client) })
}

// with tells the request the minor version too.
func (s *Session) with(ctx context.Context, of Service, request func(client *gophercloud.ServiceClient, minor int) error) error {
	client, err := s.Use(ctx, of)
	if err != nil {
		return err
	}
	if of.Minor == 0 {
		return request(client, of.Oldest)
	}
	minor := s.minors.of(client.Endpoint, of.Minor)
	client.Microversion = of.microversion(minor)
	err = request(client, minor)
	if !gophercloud.ResponseCodeIs(err, http.StatusNotAcceptable) {
		return err
	}
	newest, err := s.ask(ctx, of, client)
	if err != nil {
		return err
	}
	s.minors.settle(client.Endpoint, newest)
	minor = min(newest, of.Minor)
	client.Microversion = of.microversion(minor)
	return request(client, minor)
}

// Minor is the minor version in which a service is spoken to, as far as is known
// by now: before the first call, and as long as the service takes it, the newest
// that we know.
func (s *Session) Minor(ctx context.Context, of Service) (int, error) {
	client, err := s.Use(ctx, of)
	if err != nil {
		return 0, err
	}
	if of.Minor == 0 {
		return of.Oldest, nil
	}
	return s.minors.of(client.Endpoint, of.Minor), nil
}

// microversion is a minor version with the major one in which the service lives:
// "2.90" for one at v2.1, "3.71" for one at v3.
func (s Service) microversion(minor int) string {
	major, _, _ := strings.Cut(strings.TrimPrefix(s.Version, "v"), ".")
	return fmt.Sprintf("%s.%d", major, minor)
}

// ask reads the newest version that a service knows from its version document,
// which stands at the version itself, without a project id. Nova gives it as one
// object, Cinder as a list of one (nova/api/openstack/compute/versions.py,
// cinder/api/versions.py).
func (s *Session) ask(ctx context.Context, of Service, client *gophercloud.ServiceClient) (int, error) {
	op := Operation{Name: strings.ReplaceAll(of.Kind, "-", "_") + "_version_get", Method: http.MethodGet}
	ctx, made := s.Begin(ctx, op)
	root, err := url.Parse(client.Endpoint)
	if err != nil {
		return 0, made.Classify(err)
	}
	before, from := splitVersion(root.Path)
	version, _, _ := strings.Cut(from, "/")
	root.Path = before + version + "/"
	type document struct{ Version string }
	var said struct {
		Version  document
		Versions []document
	}
	plain := *client
	plain.Microversion = "" // the document is there for those who do not know it yet
	if err := Get(ctx, &plain, root.String(), &said); err != nil {
		return 0, made.Classify(err)
	}
	newest := of.Oldest // what the service speaks when it names no version
	for _, one := range append(said.Versions, said.Version) {
		var major, minor int
		if _, err := fmt.Sscanf(one.Version, "%d.%d", &major, &minor); err == nil && of.microversion(minor) == one.Version {
			newest = max(newest, minor)
		}
	}
	klog.FromContext(ctx).Info("The "+of.Kind+" API is older than preferred", "version", of.microversion(min(newest, of.Minor)),
		"preferred", of.microversion(of.Minor))
	return newest, nil
}

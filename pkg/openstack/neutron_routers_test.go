package openstack_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"underlay/pkg/simulator"
)

// shortURLs is a server that takes request lines of 4 KiB, as uWSGI does by
// default; eventlet and Apache take 8.
type shortURLs struct{ next http.RoundTripper }

func (s shortURLs) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(r.URL.RequestURI()) <= 4<<10 {
		return s.next.RoundTrip(r)
	}
	refusal := httptest.NewRecorder()
	refusal.WriteHeader(http.StatusRequestURITooLong)
	return refusal.Result(), nil
}

// A project with hundreds of subnets, or a router on them, is asked for in parts.
func TestManySubnets(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	var cidrs []string
	for i := range 200 {
		cidrs = append(cidrs, fmt.Sprintf("10.%d.0.0/24", i))
	}
	many := w.AddNetwork(simulator.NetworkSpec{Name: "many", Subnets: cidrs})
	router := w.AddRouter(simulator.RouterSpec{Name: "wide", SubnetIDs: many.SubnetIDs})
	client := w.behind(t, shortURLs{w.Transport()})
	found, err := client.RoutersOn(t.Context(), append(slices.Clone(many.SubnetIDs), w.network.SubnetIDs...))
	want := []string{router, w.router}
	slices.Sort(want)
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("routers: got %v, %v; want %v", found, err, want)
	}
	interfaces, err := client.Interfaces(t.Context(), router)
	if err != nil || len(interfaces) != len(cidrs) {
		t.Errorf("got %d interfaces, %v; want %d", len(interfaces), err, len(cidrs))
	}
}

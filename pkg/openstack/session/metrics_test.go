package session

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/component-base/metrics/testutil"

	"underlay/internal/signal"
)

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(n int, _ *http.Request) (*http.Response, error) {
			switch n {
			case 1:
				return nil, errBroken
			case 2:
				return neutronError(503, ""), nil
			default:
				return routerAnswer(), nil
			}
		}}
		client := newTestClient(t, cloudy)
		requestsTotal.Reset()
		requestErrorsTotal.Reset()
		requestDuration.Reset()
		callAll(t, client, 2)

		want := `
# HELP openstack_api_request_errors_total [ALPHA] Attempts of OpenStack API requests that got a status of 400 or more, or no answer.
# TYPE openstack_api_request_errors_total counter
openstack_api_request_errors_total{code="503",request="router_get"} 1
openstack_api_request_errors_total{code="none",request="router_get"} 1
# HELP openstack_api_requests_total [ALPHA] Attempts of OpenStack API requests, by resource_verb and HTTP status code; code is none when no answer came.
# TYPE openstack_api_requests_total counter
openstack_api_requests_total{code="200",request="router_get"} 2
openstack_api_requests_total{code="201",request="token_create"} 1
openstack_api_requests_total{code="503",request="router_get"} 1
openstack_api_requests_total{code="none",request="router_get"} 1
# HELP underlay_cloud_reachable [ALPHA] 1 when the last attempt of a request got an answer from OpenStack, 0 when it got none or a proxy answered 502, 503 or 504.
# TYPE underlay_cloud_reachable gauge
underlay_cloud_reachable 1
`
		if err := testutil.GatherAndCompare(legacyregistry.DefaultGatherer, strings.NewReader(want),
			"openstack_api_requests_total", "openstack_api_request_errors_total", "underlay_cloud_reachable"); err != nil {
			t.Error(err)
		}
		observations, err := testutil.GetHistogramMetricCount(requestDuration.WithLabelValues("router_get"))
		if err != nil || observations != 4 {
			t.Errorf("got %d durations, %v; want 4", observations, err)
		}
	})
}

func TestReachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		cloudy := &script{Service: func(int, *http.Request) (*http.Response, error) {
			if down {
				return nil, errRefused
			}
			return neutronError(404, "RouterNotFound"), nil
		}}
		client := newTestClient(t, cloudy)
		for want := range 2 {
			if _, err := client.Router(t.Context(), "r1"); err == nil {
				t.Error("got no error")
			}
			if got, err := testutil.GetGaugeMetricValue(cloudReachable); err != nil || int(got) != want {
				t.Errorf("got %v, %v; want %d", got, err, want)
			}
			down = false
		}
	})
}

// The table has everything that a reference page needs.
func TestMetricsTable(t *testing.T) {
	all := Metrics()
	if len(all) != 5 || !slices.IsSortedFunc(all, func(a, b signal.Metric) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("got %d metrics, want 5, sorted by name", len(all))
	}
	for _, m := range all {
		if m.Name == "" || m.Type == "" || !strings.HasSuffix(m.Meaning, ".") {
			t.Errorf("%+v: something is missing", m)
		}
	}
}

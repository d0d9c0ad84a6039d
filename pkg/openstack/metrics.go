package openstack

import (
	"slices"
	"strings"
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// Metric describes one metric, for the reference page.
type Metric struct {
	Name, Kind, Help string
	Labels           []string
	Stability        metrics.StabilityLevel
}

// The table of all metrics of this package. The first three have the names that
// openstack-cloud-controller-manager gives them, so that dashboards keep working;
// the label code is ours.
var table = struct{ duration, requests, failures, reachable, lastAnswer Metric }{
	duration: Metric{
		Name: "openstack_api_request_duration_seconds", Kind: "histogram", Labels: []string{"request"},
		Help:      "Time of one attempt of an OpenStack API request, in seconds, from sending to the last byte of the answer.",
		Stability: metrics.ALPHA,
	},
	requests: Metric{
		Name: "openstack_api_requests_total", Kind: "counter", Labels: []string{"request", "code"},
		Help:      "Attempts of OpenStack API requests, by resource_verb and HTTP status code; code is none when no answer came.",
		Stability: metrics.ALPHA,
	},
	failures: Metric{
		Name: "openstack_api_request_errors_total", Kind: "counter", Labels: []string{"request", "code"},
		Help:      "Attempts of OpenStack API requests that got a status of 400 or more, or no answer.",
		Stability: metrics.ALPHA,
	},
	reachable: Metric{
		Name: "underlay_cloud_reachable", Kind: "gauge",
		Help:      "1 when the last attempt of a request got an answer from OpenStack, 0 when it got none or a proxy answered 502, 503 or 504.",
		Stability: metrics.ALPHA,
	},
	lastAnswer: Metric{
		Name: "underlay_cloud_last_answer_timestamp_seconds", Kind: "gauge",
		Help:      "When OpenStack last answered, in seconds since 1970.",
		Stability: metrics.ALPHA,
	},
}

// Metrics lists what this package measures, sorted by name.
func Metrics() []Metric {
	all := []Metric{table.duration, table.requests, table.failures, table.reachable, table.lastAnswer}
	slices.SortFunc(all, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var (
	requestDuration = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name: table.duration.Name, Help: table.duration.Help, StabilityLevel: table.duration.Stability,
		Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
	}, table.duration.Labels)
	requestsTotal      = counterVec(table.requests)
	requestErrorsTotal = counterVec(table.failures)
	cloudReachable     = gauge(table.reachable)
	cloudLastAnswer    = gauge(table.lastAnswer)
)

func counterVec(m Metric) *metrics.CounterVec {
	return metrics.NewCounterVec(&metrics.CounterOpts{Name: m.Name, Help: m.Help, StabilityLevel: m.Stability}, m.Labels)
}

func gauge(m Metric) *metrics.Gauge {
	return metrics.NewGauge(&metrics.GaugeOpts{Name: m.Name, Help: m.Help, StabilityLevel: m.Stability})
}

// registerMetrics makes the metrics visible to the process's /metrics.
var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(requestDuration, requestsTotal, requestErrorsTotal, cloudReachable, cloudLastAnswer)
})

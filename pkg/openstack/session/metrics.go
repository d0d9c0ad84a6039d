package session

import (
	"slices"
	"strings"
	"sync"

	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/internal/signal"
)

// The table of all metrics of this package. The first three have the names that
// openstack-cloud-controller-manager gives them, so that dashboards keep working;
// the label code is ours.
var table = struct{ duration, requests, failures, reachable, lastAnswer signal.Metric }{
	duration: signal.Metric{
		Name: "openstack_api_request_duration_seconds", Type: "histogram", Labels: []string{"request"},
		Meaning: "Time of one attempt of an OpenStack API request, in seconds, from sending to the last byte of the answer.",
	},
	requests: signal.Metric{
		Name: "openstack_api_requests_total", Type: "counter", Labels: []string{"request", "code"},
		Meaning: "Attempts of OpenStack API requests, by resource_verb and HTTP status code; code is none when no answer came.",
	},
	failures: signal.Metric{
		Name: "openstack_api_request_errors_total", Type: "counter", Labels: []string{"request", "code"},
		Meaning: "Attempts of OpenStack API requests that got a status of 400 or more, or no answer.",
	},
	reachable: signal.Metric{
		Name: "underlay_cloud_reachable", Type: "gauge",
		Meaning: "1 when the last attempt of a request got an answer from OpenStack, 0 when it got none or a proxy answered 502, 503 or 504.",
	},
	lastAnswer: signal.Metric{
		Name: "underlay_cloud_last_answer_timestamp_seconds", Type: "gauge",
		Meaning: "When OpenStack last answered, in seconds since 1970.",
	},
}

// Metrics lists what this package measures, sorted by name.
func Metrics() []signal.Metric {
	all := []signal.Metric{table.duration, table.requests, table.failures, table.reachable, table.lastAnswer}
	slices.SortFunc(all, func(a, b signal.Metric) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var (
	requestDuration    = table.duration.HistogramVec([]float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60})
	requestsTotal      = table.requests.CounterVec()
	requestErrorsTotal = table.failures.CounterVec()
	cloudReachable     = table.reachable.Gauge()
	cloudLastAnswer    = table.lastAnswer.Gauge()
)

// registerMetrics makes the metrics visible to the process's /metrics.
var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(requestDuration, requestsTotal, requestErrorsTotal, cloudReachable, cloudLastAnswer)
})

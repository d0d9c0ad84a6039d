package instances

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/internal/signal"
)

// Metrics lists all metrics of this package.
func Metrics() []signal.Metric {
	return []signal.Metric{metricMissing, metricLimit, metricGone, metricAlone}
}

var (
	metricMissing = signal.Metric{
		Name: "underlay_node_servers_missing", Type: "gauge",
		Meaning: "Nodes whose servers Nova's list lacked when it was last compared with the Nodes.",
		Advice:  "More than underlay_node_deletion_brake_limit: Nodes are being kept; see the event NodeDeletionHeld.",
	}
	metricLimit = signal.Metric{
		Name: "underlay_node_deletion_brake_limit", Type: "gauge",
		Meaning: "How many servers may be missing at once before no Node is removed any more; -1 when the brake is off.",
	}
	metricGone = signal.Metric{
		Name: "underlay_node_servers_gone_total", Type: "counter",
		Meaning: "Times that a server was found to be gone, so that Kubernetes was told to remove its Node.",
	}
	metricAlone = signal.Metric{
		Name: "underlay_node_left_alone_total", Type: "counter",
		Meaning: "Nodes met that are not ours: another provider's, another region's, or with a malformed provider ID. Each counts once.",
		Advice:  "Expected in a mixed cluster; else check the region in cloud.conf.",
	}
)

// meters are the live metrics of the process.
var meters = struct {
	once           sync.Once
	missing, limit *metrics.Gauge
	gone, alone    *metrics.Counter
}{
	missing: metricMissing.Gauge(), limit: metricLimit.Gauge(),
	gone: metricGone.Counter(), alone: metricAlone.Counter(),
}

// registerMetrics adds them to the registry that the controller manager
// serves at /metrics, once a process.
func registerMetrics() {
	meters.once.Do(func() {
		legacyregistry.MustRegister(meters.missing, meters.limit, meters.gone, meters.alone)
	})
}

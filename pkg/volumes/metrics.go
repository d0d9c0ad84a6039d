package volumes

import (
	"sync"

	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/internal/signal"
)

var table = struct{ calls, panics signal.Metric }{
	calls: signal.Metric{
		Name: "underlay_csi_call_duration_seconds", Type: "histogram", Labels: []string{"rpc", "code"},
		Meaning: "Time of one CSI call, in seconds, by its name and gRPC code. Served by the CSI driver.",
		Advice:  "Aborted and DeadlineExceeded that do not end: look at the volume that the log names.",
	},
	panics: signal.Metric{
		Name: "underlay_csi_panics_total", Type: "counter",
		Meaning: "CSI calls that ended in a panic and were answered with Aborted. Served by the CSI driver.",
		Advice:  "Any: report it, with the stack in the log.",
	},
}

// Metrics lists what this package measures.
func Metrics() []signal.Metric { return []signal.Metric{table.calls, table.panics} }

var (
	calls  = table.calls.HistogramVec([]float64{0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120})
	panics = table.panics.Counter()
)

var registerMetrics = sync.OnceFunc(func() { legacyregistry.MustRegister(calls, panics) })

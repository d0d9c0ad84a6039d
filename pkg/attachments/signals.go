package attachments

import (
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/internal/signal"
)

var eventDeleted = signal.Event{
	Reason: "VolumeAttachmentDeleted", Type: v1.EventTypeNormal, Object: "Node",
	Meaning: "The Node and its server were deleted, and its pods are gone. The VolumeAttachment that the message names is deleted, so that the volume can be used elsewhere within about a minute. " +
		"The Node is no more: `kubectl get events --field-selector reason=VolumeAttachmentDeleted` shows it.",
}

// Events are all events that this package sends.
var Events = []signal.Event{eventDeleted}

var metricDeleted = signal.Metric{
	Name: "underlay_volume_attachments_deleted_total", Type: "counter",
	Meaning: "VolumeAttachments deleted because their Node and its server were deleted.",
}

// Metrics lists all metrics of this package.
func Metrics() []signal.Metric { return []signal.Metric{metricDeleted} }

// meters are the live metrics of the process.
var meters = struct {
	once    sync.Once
	deleted *metrics.Counter
}{deleted: metricDeleted.Counter()}

// registerMetrics adds them to the registry that the controller manager
// serves at /metrics, once a process.
func registerMetrics() {
	meters.once.Do(func() { legacyregistry.MustRegister(meters.deleted) })
}

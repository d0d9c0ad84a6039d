// Package signal is how features declare what they tell operators: events and
// metrics, each once, with its meaning and what to do about it. The reference
// pages are made from these declarations, and the metrics themselves are too.
package signal

import "k8s.io/component-base/metrics"

// Event declares one Kubernetes event.
type Event struct {
	// Reason and Type are those of the event; Object is the kind that it is on.
	Reason, Type, Object string
	// Meaning says what happened, Advice what the reader should do.
	Meaning, Advice string
}

// Metric declares one Prometheus metric.
type Metric struct {
	Name string
	// Type is gauge, counter or histogram.
	Type   string
	Labels []string
	// Meaning says what is counted, and is the metric's help text; Advice what a
	// value calls for, "" where nothing does.
	Meaning, Advice string
}

// Gauge makes the declared gauge. It must be registered by the caller.
func (m Metric) Gauge() *metrics.Gauge {
	return metrics.NewGauge(&metrics.GaugeOpts{Name: m.Name, Help: m.Meaning, StabilityLevel: metrics.ALPHA})
}

// GaugeVec makes the declared gauge with its labels. It must be registered by the caller.
func (m Metric) GaugeVec() *metrics.GaugeVec {
	return metrics.NewGaugeVec(&metrics.GaugeOpts{Name: m.Name, Help: m.Meaning, StabilityLevel: metrics.ALPHA}, m.Labels)
}

// Counter makes the declared counter. It must be registered by the caller.
func (m Metric) Counter() *metrics.Counter {
	return metrics.NewCounter(&metrics.CounterOpts{Name: m.Name, Help: m.Meaning, StabilityLevel: metrics.ALPHA})
}

// CounterVec makes the declared counter with its labels. It must be registered by the caller.
func (m Metric) CounterVec() *metrics.CounterVec {
	return metrics.NewCounterVec(&metrics.CounterOpts{Name: m.Name, Help: m.Meaning, StabilityLevel: metrics.ALPHA}, m.Labels)
}

// HistogramVec makes the declared histogram with its labels and the given
// buckets. It must be registered by the caller.
func (m Metric) HistogramVec(buckets []float64) *metrics.HistogramVec {
	return metrics.NewHistogramVec(&metrics.HistogramOpts{Name: m.Name, Help: m.Meaning, Buckets: buckets, StabilityLevel: metrics.ALPHA}, m.Labels)
}

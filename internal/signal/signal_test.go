package signal_test

import (
	"testing"

	"k8s.io/component-base/metrics"

	"underlay/internal/signal"
)

// TestDeclaredMetricsAreServed registers one of each type and reads it back.
func TestDeclaredMetricsAreServed(t *testing.T) {
	registry := metrics.NewKubeRegistry()
	declared := map[string]signal.Metric{
		"a": {Name: "a", Type: "gauge", Meaning: "A."},
		"b": {Name: "b", Type: "counter", Meaning: "B."},
		"c": {Name: "c", Type: "counter", Labels: []string{"code"}, Meaning: "C."},
		"d": {Name: "d", Type: "histogram", Labels: []string{"request"}, Meaning: "D."},
	}
	gauge, counter := declared["a"].Gauge(), declared["b"].Counter()
	vec, histogram := declared["c"].CounterVec(), declared["d"].HistogramVec([]float64{1, 2})
	registry.MustRegister(gauge, counter, vec, histogram)
	gauge.Set(1)
	counter.Inc()
	vec.WithLabelValues("200").Inc()
	histogram.WithLabelValues("router_get").Observe(1)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		want := declared[family.GetName()]
		if got := family.GetHelp(); got != "[ALPHA] "+want.Meaning {
			t.Errorf("%s: help: got %q", want.Name, got)
		}
		if got := len(family.GetMetric()[0].GetLabel()); got != len(want.Labels) {
			t.Errorf("%s: got %d labels, want %v", want.Name, got, want.Labels)
		}
		delete(declared, family.GetName())
	}
	if len(declared) > 0 {
		t.Errorf("not served: %v", declared)
	}
}

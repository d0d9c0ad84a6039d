package routes

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/internal/signal"
)

var (
	metricLimit = signal.Metric{
		Name: "underlay_router_routes_limit", Type: "gauge",
		Meaning: "Number of routes at which the router refused one more; 0 while it never did, and after it has passed it.",
		Advice:  "Above 0: nodes wait for their routes; see the event RouteLimitReached.",
	}
	metricRepaired = signal.Metric{
		Name: "underlay_address_pairs_repaired_total", Type: "counter",
		Meaning: "Ports that lost an address pair, found by the check once a minute and put right.",
		Advice:  "Growing: something else writes the address pairs of the nodes' ports, and takes ours off.",
	}
)

// observed are the gauges that show the latest observation.
var observed = []struct {
	signal.Metric
	value func(v *view) float64
}{
	{signal.Metric{
		Name: "underlay_routes_desired", Type: "gauge",
		Meaning: "Routes that the nodes' pod CIDRs need.",
	}, func(v *view) float64 { return float64(len(v.desired.Wants) + len(v.desired.Problems)) }},
	{signal.Metric{
		Name: "underlay_routes_healthy", Type: "gauge",
		Meaning: "Needed routes that are on the router and whose port lets the pod CIDR through.",
		Advice:  "Less than underlay_routes_desired for minutes: some node has no pod network; see its events.",
	}, func(v *view) float64 { return float64(v.healthy()) }},
	{signal.Metric{
		Name: "underlay_routes_without_next_hop", Type: "gauge",
		Meaning: "Needed routes that cannot be written: no next hop on a subnet of the router, or a pod CIDR that is unusable.",
		Advice:  "Above 0: the event FailedToCreateRoute of the node says what is missing.",
	}, func(v *view) float64 { return float64(len(v.desired.Problems)) }},
	{signal.Metric{
		Name: "underlay_routes_leftover", Type: "gauge",
		Meaning: "Routes of this cluster that no node needs, or whose address pair is left on a port.",
		Advice:  "Above 0 for minutes: they cannot be removed; the log says why.",
	}, func(v *view) float64 { return float64(len(v.assessment.leftovers)) }},
	{signal.Metric{
		Name: "underlay_routes_contested", Type: "gauge",
		Meaning: "Routes of others for a pod CIDR of this cluster.",
		Advice:  "Above 0: a node loses packets; see the event ForeignNextHop.",
	}, func(v *view) float64 { return float64(len(v.assessment.contests)) }},
	{signal.Metric{
		Name: "underlay_router_routes", Type: "gauge",
		Meaning: "All routes on the router, whoever wrote them.",
		Advice:  "Near max_routes, or the quota router_route: raise it before the next nodes come.",
	}, func(v *view) float64 { return float64(len(v.actual.Router.Routes)) }},
	{signal.Metric{
		Name: "underlay_router_routes_own", Type: "gauge",
		Meaning: "Routes of this cluster on the router.",
	}, func(v *view) float64 { return float64(v.assessment.own) }},
}

// Metrics lists all metrics of this package.
func Metrics() []signal.Metric {
	all := []signal.Metric{metricLimit, metricRepaired}
	for _, o := range observed {
		all = append(all, o.Metric)
	}
	return all
}

var (
	gauges = map[string]*metrics.Gauge{} // of observed, by name

	routeLimitSeen = metricLimit.Gauge()
	pairsRepaired  = metricRepaired.Counter()
)

// RegisterMetrics registers the metrics of this package with the registry that
// the controller manager serves. It may be called more than once.
var RegisterMetrics = sync.OnceFunc(func() {
	for _, o := range observed {
		gauges[o.Name] = o.Gauge()
		legacyregistry.MustRegister(gauges[o.Name])
	}
	legacyregistry.MustRegister(routeLimitSeen, pairsRepaired)
})

// record shows an observation in the gauges.
func record(v *view) {
	RegisterMetrics()
	for _, o := range observed {
		gauges[o.Name].Set(o.value(v))
	}
}

func (v *view) healthy() int {
	n := 0
	for _, s := range v.assessment.states {
		if s.healthy() {
			n++
		}
	}
	return n
}

package routes

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// Gauge is one metric of this package that shows the latest observation.
type Gauge struct {
	Name, Help string
	value      func(v *view) float64
	gauge      *metrics.Gauge
}

// Gauges are declared here once; the reference page is generated from them.
var Gauges = []*Gauge{
	{
		Name:  "underlay_routes_desired",
		Help:  "Routes that the nodes' pod CIDRs need.",
		value: func(v *view) float64 { return float64(len(v.desired.Wants) + len(v.desired.Problems)) },
	},
	{
		Name:  "underlay_routes_healthy",
		Help:  "Needed routes that are on the router and whose port lets the pod CIDR through.",
		value: func(v *view) float64 { return float64(v.healthy()) },
	},
	{
		Name:  "underlay_routes_without_next_hop",
		Help:  "Needed routes that cannot be written: no next hop on a subnet of the router, or a bad pod CIDR.",
		value: func(v *view) float64 { return float64(len(v.desired.Problems)) },
	},
	{
		Name:  "underlay_routes_leftover",
		Help:  "Routes and address pairs of this cluster that no node needs and that are to be removed.",
		value: func(v *view) float64 { return float64(len(v.assessment.leftovers)) },
	},
	{
		Name:  "underlay_routes_contested",
		Help:  "Routes of others for a pod CIDR of this cluster.",
		value: func(v *view) float64 { return float64(len(v.assessment.contests)) },
	},
	{
		Name:  "underlay_router_routes",
		Help:  "All routes on the router, whoever wrote them. Compare with max_routes or the quota router_route.",
		value: func(v *view) float64 { return float64(len(v.actual.Router.Routes)) },
	},
	{
		Name:  "underlay_router_routes_own",
		Help:  "Routes of this cluster on the router.",
		value: func(v *view) float64 { return float64(v.assessment.own) },
	},
}

var (
	routeLimitSeen = metrics.NewGauge(&metrics.GaugeOpts{
		Name: "underlay_router_routes_limit", StabilityLevel: metrics.ALPHA,
		Help: "Number of routes at which the router refused one more; 0 while it never did or has passed it.",
	})
	pairsRepaired = metrics.NewCounter(&metrics.CounterOpts{
		Name: "underlay_address_pairs_repaired_total", StabilityLevel: metrics.ALPHA,
		Help: "Ports whose address pairs were found changed and put right.",
	})
)

var registerOnce sync.Once

// RegisterMetrics registers the metrics of this package with the registry that
// the controller manager serves. It may be called more than once.
func RegisterMetrics() {
	registerOnce.Do(func() {
		for _, g := range Gauges {
			g.gauge = metrics.NewGauge(&metrics.GaugeOpts{Name: g.Name, Help: g.Help, StabilityLevel: metrics.ALPHA})
			legacyregistry.MustRegister(g.gauge)
		}
		legacyregistry.MustRegister(routeLimitSeen, pairsRepaired)
	})
}

// record shows an observation in the gauges.
func record(v *view) {
	RegisterMetrics()
	for _, g := range Gauges {
		g.gauge.Set(g.value(v))
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

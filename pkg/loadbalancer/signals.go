package loadbalancer

import (
	"slices"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/internal/signal"
	"underlay/pkg/loadbalancer/spec"
)

var (
	eventGone = signal.Event{
		Reason: "LoadBalancerGone", Type: v1.EventTypeWarning, Object: "Service",
		Meaning: "The load balancer of the Service was deleted by somebody else. It is made anew; a floating IP that is still there is used again.",
		Advice:  "Find out who deleted it. An internal address may have changed: see the status of the Service.",
	}
	eventNameTaken = signal.Event{
		Reason: "LoadBalancerNameTaken", Type: v1.EventTypeWarning, Object: "Service",
		Meaning: "Another load balancer has the name that this Service's would have, and it belongs to another cluster or to nobody that can be told. It is left alone, and the Service gets its own.",
		Advice:  "Give each cluster of a project its own `--cluster-name`. If the load balancer is this cluster's, stop the controller manager, mark it with `openstack loadbalancer set --tag underlay_cluster_UID ID`, with the UID of the namespace `kube-system`, write its id into the annotation `loadbalancer.openstack.org/load-balancer-id`, and start the controller manager again: the load balancer that the Service got meanwhile is deleted then.",
	}
	eventFailed = signal.Event{
		Reason: "LoadBalancerFailed", Type: v1.EventTypeWarning, Object: "Service",
		Meaning: "Octavia has the load balancer in ERROR. It is failed over where the cloud allows that, else made anew with the same addresses; a second attempt waits five minutes, and each further one twice as long, up to two hours.",
		Advice:  "Ask the operator of the cloud why: `openstack loadbalancer show` has the id that the message names.",
	}
	eventUnhealthy = signal.Event{
		Reason: "LoadBalancerUnhealthy", Type: v1.EventTypeWarning, Object: "Service",
		Meaning: "The operating status of the load balancer has turned to what the message says. DEGRADED: some members fail their health check. ERROR: all do, of some pool. OFFLINE: it serves nobody.",
		Advice:  "Look at the Service's endpoints and at the nodes; with `externalTrafficPolicy: Local` nodes without a pod of the Service count as failed.",
	}
	eventRepaired = signal.Event{
		Reason: "LoadBalancerRepaired", Type: v1.EventTypeNormal, Object: "Service",
		Meaning: "Something of the load balancer was changed in the cloud by somebody else, and is put right. The message has the steps.",
		Advice:  "Change the Service instead of its load balancer.",
	}
)

// Events are all events of this package and of what Services ask for.
var Events = append([]signal.Event{eventGone, eventNameTaken, eventFailed, eventUnhealthy, eventRepaired}, spec.Events...)

// The first three have the names that openstack-cloud-controller-manager gives them.
var (
	metricDuration = signal.Metric{
		Name: "cloudprovider_openstack_reconcile_duration_seconds", Type: "histogram", Labels: []string{"operation"},
		Meaning: "Time that one call of the service controller took, waiting for Octavia included, by operation: loadbalancer_ensure, loadbalancer_update or loadbalancer_delete.",
	}
	metricTotal = signal.Metric{
		Name: "cloudprovider_openstack_reconcile_total", Type: "counter", Labels: []string{"operation"},
		Meaning: "Calls of the service controller, by operation.",
	}
	metricErrors = signal.Metric{
		Name: "cloudprovider_openstack_reconcile_errors_total", Type: "counter", Labels: []string{"operation"},
		Meaning: "Calls of the service controller that failed, by operation.",
		Advice:  "Growing: the events of the Services say why.",
	}
	metricBalancers = signal.Metric{
		Name: "underlay_load_balancers", Type: "gauge", Labels: []string{"operating_status"},
		Meaning: "Load balancers of this cluster by Octavia's operating status, as the last repair pass saw them.",
		Advice:  "ERROR, DEGRADED or OFFLINE above 0: see the event LoadBalancerUnhealthy.",
	}
	metricFailed = signal.Metric{
		Name: "underlay_load_balancers_failed", Type: "gauge",
		Meaning: "Load balancers of this cluster whose provisioning status is ERROR, as the last repair pass saw them.",
		Advice:  "Above 0 for long: see the event LoadBalancerFailed.",
	}
	metricRepaired = signal.Metric{
		Name: "underlay_load_balancers_repaired_total", Type: "counter",
		Meaning: "Load balancers that the repair pass found changed by somebody else and put right.",
		Advice:  "Growing: something else writes the load balancers of this cluster.",
	}
)

// Metrics lists all metrics of this package.
func Metrics() []signal.Metric {
	return []signal.Metric{metricDuration, metricTotal, metricErrors, metricBalancers, metricFailed, metricRepaired}
}

var (
	reconcileDuration = metricDuration.HistogramVec([]float64{0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600})
	reconcileTotal    = metricTotal.CounterVec()
	reconcileErrors   = metricErrors.CounterVec()
	balancersByHealth = metricBalancers.GaugeVec()
	balancersFailed   = metricFailed.Gauge()
	balancersRepaired = metricRepaired.Counter()
)

// registerMetrics makes the metrics visible to the process's /metrics.
var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(reconcileDuration, reconcileTotal, reconcileErrors, balancersByHealth, balancersFailed, balancersRepaired)
})

// measure counts an operation; the function that it gives is called at its end.
func measure(operation string) func(err *error) {
	began := time.Now()
	return func(err *error) {
		reconcileDuration.WithLabelValues(operation).Observe(time.Since(began).Seconds())
		reconcileTotal.WithLabelValues(operation).Inc()
		if *err != nil {
			reconcileErrors.WithLabelValues(operation).Inc()
		}
	}
}

// sayNotices says what the Service asks for and does not get.
func (c *Controller) sayNotices(s *subject, notices []spec.Notice) {
	for _, n := range notices {
		i := slices.IndexFunc(spec.Events, func(e signal.Event) bool { return e.Reason == n.Reason })
		if i >= 0 {
			c.voice.Say(s.service, spec.Events[i], n.Message, n.Message)
		}
	}
}

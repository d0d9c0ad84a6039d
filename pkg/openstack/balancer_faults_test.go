package openstack_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

// balancerCall is one call that load balancers need. again says that it is sent
// again after an answer was lost.
type balancerCall struct {
	pattern string
	again   bool
	run     func(context.Context, *openstack.Client) error
}

// balancerCalls are all of them, on objects that do not exist.
func balancerCalls() []balancerCall {
	type ctx = context.Context
	type client = *openstack.Client
	return []balancerCall{
		{"GET /", true, func(x ctx, c client) error { _, err := c.APIVersion(x); return err }},
		{"GET /v2/lbaas/loadbalancers", true, func(x ctx, c client) error {
			_, err := c.LoadBalancers(x, loadbalancer.BalancerQuery{})
			return err
		}},
		{"GET /v2/lbaas/loadbalancers/{id}", true, func(x ctx, c client) error {
			_, err := c.LoadBalancers(x, loadbalancer.BalancerQuery{ID: missing})
			return err
		}},
		{"GET /v2/lbaas/listeners", true, func(x ctx, c client) error { _, err := c.Listeners(x, missing); return err }},
		{"GET /v2/lbaas/pools", true, func(x ctx, c client) error { _, err := c.Pools(x, missing); return err }},
		{"GET /v2/lbaas/pools/{pool}/members", true, func(x ctx, c client) error { _, err := c.Members(x, missing); return err }},
		{"GET /v2/lbaas/healthmonitors", true, func(x ctx, c client) error { _, err := c.Monitors(x); return err }},
		{"GET /v2/lbaas/healthmonitors/{id}", true, func(x ctx, c client) error { _, err := c.Monitor(x, missing); return err }},
		{"GET /v2/lbaas/loadbalancers/{id}/status", true, func(x ctx, c client) error { _, err := c.StatusMembers(x, missing); return err }},
		{"POST /v2/lbaas/loadbalancers", false, func(x ctx, c client) error { _, err := c.CreateLoadBalancer(x, tree.Balancer{}); return err }},
		{"PUT /v2/lbaas/loadbalancers/{id}", true, func(x ctx, c client) error {
			return c.UpdateLoadBalancer(x, missing, loadbalancer.BalancerChange{})
		}},
		{"DELETE /v2/lbaas/loadbalancers/{id}", true, func(x ctx, c client) error { return c.DeleteLoadBalancer(x, missing, true) }},
		{"PUT /v2/lbaas/loadbalancers/{id}/failover", false, func(x ctx, c client) error { return c.FailoverLoadBalancer(x, missing) }},
		{"POST /v2/lbaas/listeners", false, func(x ctx, c client) error {
			_, err := c.CreateListener(x, missing, "", tree.Listener{Protocol: tree.TCP, Port: 80})
			return err
		}},
		{"PUT /v2/lbaas/listeners/{id}", true, func(x ctx, c client) error {
			return c.UpdateListener(x, missing, loadbalancer.ListenerChange{})
		}},
		{"DELETE /v2/lbaas/listeners/{id}", true, func(x ctx, c client) error { return c.DeleteListener(x, missing) }},
		{"POST /v2/lbaas/pools", false, func(x ctx, c client) error { _, err := c.CreatePool(x, missing, tree.Pool{}); return err }},
		{"PUT /v2/lbaas/pools/{id}", true, func(x ctx, c client) error { return c.UpdatePool(x, missing, loadbalancer.PoolChange{}) }},
		{"DELETE /v2/lbaas/pools/{id}", true, func(x ctx, c client) error { return c.DeletePool(x, missing) }},
		{"PUT /v2/lbaas/pools/{pool}/members", true, func(x ctx, c client) error { return c.SetMembers(x, missing, nil) }},
		{"POST /v2/lbaas/healthmonitors", false, func(x ctx, c client) error {
			_, err := c.CreateMonitor(x, missing, tree.Monitor{})
			return err
		}},
		{"PUT /v2/lbaas/healthmonitors/{id}", true, func(x ctx, c client) error { return c.UpdateMonitor(x, missing, tree.Monitor{}) }},
		{"DELETE /v2/lbaas/healthmonitors/{id}", true, func(x ctx, c client) error { return c.DeleteMonitor(x, missing) }},
		{"GET /v2.0/floatingips", true, func(x ctx, c client) error { _, err := c.FloatingIPs(x, ""); return err }},
		{"GET /v2.0/floatingips", true, func(x ctx, c client) error { _, err := c.FloatingIPAt(x, "203.0.113.1"); return err }},
		{"POST /v2.0/floatingips", false, func(x ctx, c client) error {
			_, err := c.CreateFloatingIP(x, loadbalancer.FloatingIPRequest{})
			return err
		}},
		{"PUT /v2.0/floatingips/{id}", true, func(x ctx, c client) error { _, err := c.UpdateFloatingIP(x, missing, nil, nil); return err }},
		{"DELETE /v2.0/floatingips/{id}", true, func(x ctx, c client) error { return c.DeleteFloatingIP(x, missing) }},
		{"GET /v2.0/networks", true, func(x ctx, c client) error { _, err := c.ExternalNetworks(x); return err }},
		{"GET /v2.0/subnets", true, func(x ctx, c client) error { _, err := c.Subnets(x); return err }},
		{"GET /v2.0/security-groups", true, func(x ctx, c client) error { _, err := c.SecurityGroups(x, ""); return err }},
		{"POST /v2.0/security-groups", false, func(x ctx, c client) error { _, err := c.CreateSecurityGroup(x, "g", ""); return err }},
		{"DELETE /v2.0/security-groups/{id}", true, func(x ctx, c client) error { return c.DeleteSecurityGroup(x, missing) }},
		{"POST /v2.0/security-group-rules", false, func(x ctx, c client) error {
			return c.CreateRules(x, missing, "", []tree.RuleMatch{{Direction: "ingress"}})
		}},
		{"DELETE /v2.0/security-group-rules/{id}", true, func(x ctx, c client) error { return c.DeleteRule(x, missing) }},
		{"GET /v2.0/ports", true, func(x ctx, c client) error { _, err := c.BalancerPorts(x, time.Minute); return err }},
		{"PUT /v2.0/ports/{id}", false, func(x ctx, c client) error { return c.SetPortGroups(x, missing, 1, nil) }},
		{"PUT /v2.0/ports/{id}", true, func(x ctx, c client) error { return c.DescribePort(x, missing, "") }},
	}
}

// Whatever goes wrong with a call, the class of its error says whether it may
// have been done, and it is sent again only where that is harmless.
func TestEveryBalancerCallFailsClearly(t *testing.T) {
	read := func(c balancerCall) bool { return c.pattern[:4] == "GET " }
	for _, fault := range []struct {
		name       string
		fault      simulator.Fault
		onRead     error
		onWrite    error
		sentAlways bool
	}{
		{"the service fails", simulator.Fault{Kind: simulator.FailBefore, Status: 500}, cloud.ErrUnavailable, cloud.ErrAmbiguous, false},
		{"the answer is lost", simulator.Fault{Kind: simulator.DropAfter}, cloud.ErrUnavailable, cloud.ErrAmbiguous, false},
		{"no answer", simulator.Fault{Kind: simulator.Hang}, cloud.ErrUnavailable, cloud.ErrAmbiguous, false},
		{"too many calls", simulator.Fault{Kind: simulator.FailBefore, Status: 429, RetryAfter: time.Second}, cloud.ErrUnavailable, cloud.ErrUnavailable, true},
		{"denied", simulator.Fault{Kind: simulator.FailBefore, Status: 403}, cloud.ErrDenied, cloud.ErrDenied, false},
	} {
		t.Run(fault.name, func(t *testing.T) {
			for _, call := range balancerCalls() {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, simulator.Options{}, 0)
					client := w.newClient(t, openstack.Options{MaxAttempts: 3, RequestTimeout: time.Second})
					fault.fault.Match = call.pattern
					w.AddFault(fault.fault)
					err := call.run(t.Context(), client)
					want, attempts := fault.onRead, 3
					if !read(call) {
						want = fault.onWrite
					}
					if !call.again && !fault.sentAlways || errors.Is(want, cloud.ErrDenied) {
						attempts = 1
					}
					var told *cloud.Error
					if !errors.As(err, &told) || !errors.Is(told.Class, want) {
						t.Errorf("%s: got %v, want %v", call.pattern, err, want)
					}
					if got := w.Count(call.pattern); got != attempts {
						t.Errorf("%s: got %d attempts, want %d", call.pattern, got, attempts)
					}
				})
			}
		})
	}
}

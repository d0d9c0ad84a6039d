package routes_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	v1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/internal/batch"
	"underlay/internal/cloud"
	"underlay/pkg/routes"
	"underlay/pkg/simulator"
)

// A node that came after the last ListRoutes is looked at when its route is asked for.
func TestCreateRouteOfANodeThatCameJustNow(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 1)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.join(1, 2)
		pass(time.Millisecond)
		err := p.controller.CreateRoute(t.Context(), "kubernetes", "", &cloudprovider.Route{
			TargetNode: "node-001", DestinationCIDR: w.podCIDRs(1)[0],
		})
		if err != nil {
			t.Fatal(err)
		}
		w.wantRoutes()
		w.wantPairs()
	})
}

func TestCreateRouteOfNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.join(0, 1)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		for _, route := range []cloudprovider.Route{
			{TargetNode: "nobody", DestinationCIDR: "10.244.9.0/24"},
			{TargetNode: "node-000", DestinationCIDR: "10.244.9.0/24"},
		} {
			err := p.controller.CreateRoute(t.Context(), "kubernetes", "", &route)
			if err == nil || !strings.Contains(err.Error(), string(route.TargetNode)) || !strings.Contains(err.Error(), "10.244.9.0/24") {
				t.Errorf("got %v, want an error that names %s and its CIDR", err, route.TargetNode)
			}
		}
		w.wantRoutes()
	})
}

// What a node wants is not deleted, whoever asks: the question may be old.
func TestDeleteRouteKeepsWhatANodeWants(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 2)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		listed, err := p.controller.ListRoutes(t.Context(), "kubernetes")
		if err != nil || len(listed) != 2 {
			t.Fatalf("listed %d routes: %v", len(listed), err)
		}
		for _, route := range listed {
			if err := p.controller.DeleteRoute(t.Context(), "kubernetes", route); err != nil {
				t.Error(err)
			}
		}
		w.wantRoutes()
		w.wantPairs()
	})
}

func TestDeleteRouteOfNonsense(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		defer p.end()
		err := p.controller.DeleteRoute(t.Context(), "kubernetes", &cloudprovider.Route{Name: "x", DestinationCIDR: "nonsense"})
		if err == nil {
			t.Error("got no error")
		}
	})
}

// The router that was found is deleted and another one takes its subnet.
func TestAnotherRouterTakesOver(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, findsRouter)
		w.join(0, 3)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.SetRoutes(w.router, nil)
		w.cloud.DetachSubnet(w.router, w.net.SubnetIDs[0])
		w.deleteRouter()
		w.router = w.cloud.AddRouter(simulator.RouterSpec{Name: "second", SubnetIDs: w.net.SubnetIDs})
		pass(30 * time.Second)
		w.wantRoutes()
	})
}

// deleteRouter deletes the router as its owner does, over the API.
func (w *world) deleteRouter() {
	w.t.Helper()
	provider, err := openstack.NewClient(simulator.Endpoint + "/identity/v3")
	if err != nil {
		w.t.Fatal(err)
	}
	provider.HTTPClient.Transport = w.cloud.Transport()
	err = openstack.Authenticate(w.t.Context(), provider, gophercloud.AuthOptions{
		IdentityEndpoint: simulator.Endpoint + "/identity/v3",
		Username:         "demo", Password: "simulated", TenantName: "demo", DomainName: "Default",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	neutron, err := openstack.NewNetworkV2(provider, gophercloud.EndpointOpts{})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := routers.Delete(w.t.Context(), neutron, w.router).ExtractErr(); err != nil {
		w.t.Fatal(err)
	}
}

func TestAConfiguredRouterThatIsNotThereIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.routerID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
		w.join(0, 1)
		p := w.start()
		defer p.end()
		pass(time.Minute)
		wantError(t, p, w.routerID, "[Route] router-id")
	})
}

func TestANeutronWithoutStaticRoutesIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.SetExtension("extraroute", false)
		w.join(0, 1)
		p := w.start()
		defer p.end()
		pass(15 * time.Second)
		_, err := p.controller.ListRoutes(t.Context(), "kubernetes")
		if !errors.Is(err, cloud.ErrUnsupported) || !strings.Contains(err.Error(), "extraroute") {
			t.Errorf("got %v, want an error that names the extension", err)
		}
	})
}

// The cloud is down when we start, and comes back.
func TestTheCloudMayBeDownAtStart(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		w.cloud.AddFault(simulator.Fault{Match: "*", Kind: simulator.DropBefore})
		p := w.start()
		defer p.end()
		pass(5 * time.Minute)
		w.cloud.ClearFaults()
		w.settle(2 * time.Minute)
		w.wantRoutes()
		w.wantPairs()
	})
}

func TestPlanSaysAndDoesNot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.join(0, 2)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.SetRoutes(w.router, nil)
		w.cloud.ResetCalls()
		steps, err := p.controller.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) != 1 || !strings.HasPrefix(steps[0].String(), "add 2 routes to router "+w.router) {
			t.Errorf("got plan %v, want one step that adds two routes", steps)
		}
		atMost(t, "writes", w.cloud.Count("PUT *"), 0)
	})
}

// After its end a controller writes nothing more.
func TestAStoppedControllerRefusesToWrite(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.join(0, 1)
		p := w.start()
		w.settle(time.Minute)
		p.end()
		w.cloud.SetRoutes(w.router, nil)
		if _, err := p.controller.ListRoutes(t.Context(), "kubernetes"); err != nil {
			t.Fatal(err)
		}
		err := p.controller.CreateRoute(t.Context(), "kubernetes", "", &cloudprovider.Route{
			TargetNode: "node-000", DestinationCIDR: w.podCIDRs(0)[0],
		})
		if !errors.Is(err, batch.ErrClosed) {
			t.Errorf("got %v, want %v", err, batch.ErrClosed)
		}
	})
}

func TestMetricsShowTheLatestObservation(t *testing.T) {
	routes.RegisterMetrics()
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, maxRoutes(5))
		w.cloud.SetRoutes(w.router, []simulator.RouteState{route("192.168.0.0/24", "10.0.0.200")})
		w.join(0, 6)
		w.register(&v1.Node{
			ObjectMeta: w.server(7).ObjectMeta, Spec: v1.NodeSpec{PodCIDRs: w.podCIDRs(7), PodCIDR: w.podCIDRs(7)[0]},
		})
		p := w.start()
		defer p.end()
		pass(25 * time.Second)
		want := map[string]float64{
			"underlay_routes_desired": 7, "underlay_routes_healthy": 4, "underlay_routes_without_next_hop": 1,
			"underlay_routes_leftover": 0, "underlay_routes_contested": 0,
			"underlay_router_routes": 5, "underlay_router_routes_own": 4, "underlay_router_routes_limit": 5,
		}
		if diff := cmp.Diff(want, gauges(t)); diff != "" {
			t.Errorf("gauges (-want +got):\n%s", diff)
		}
	})
}

func gauges(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "underlay_route") && family.GetMetric()[0].GetGauge() != nil {
			values[family.GetName()] = family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return values
}

// The tables that the reference pages are made from say something everywhere.
func TestTheReferenceTablesAreComplete(t *testing.T) {
	for _, e := range routes.Events {
		if e.Reason == "" || e.Object == "" || e.Meaning == "" || e.Advice == "" || e.Type != v1.EventTypeNormal && e.Type != v1.EventTypeWarning {
			t.Errorf("event %+v lacks something", e)
		}
	}
	for _, m := range routes.Metrics() {
		if m.Name == "" || m.Meaning == "" || m.Type != "gauge" && m.Type != "counter" {
			t.Errorf("metric %+v lacks something", m)
		}
	}
}

package cloudprovider

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/simulator"
)

func TestServicesAreServedUntilTheProcessStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "\n[LoadBalancer]\ninternal-lb=true\n", RouteFlags{})
		if _, err := w.cluster.CoreV1().Namespaces().Create(t.Context(), &v1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"},
		}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: time.Minute, Update: time.Second, Delete: time.Second})
		w.lead(t)
		node := w.node(t)
		node.Spec.ProviderID = "openstack:///" + w.server.ID
		node.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: w.server.Addresses[0]}}
		if _, err := w.cluster.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		service, err := w.cluster.CoreV1().Services("shop").Create(t.Context(), &v1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2"},
			Spec:       v1.ServiceSpec{Type: v1.ServiceTypeLoadBalancer, Ports: []v1.ServicePort{{Protocol: v1.ProtocolTCP, Port: 80, NodePort: 30080}}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		balancers, ok := w.provider.LoadBalancer()
		if !ok {
			t.Fatal("load balancers are not served")
		}
		status, err := balancers.EnsureLoadBalancer(t.Context(), "blue", service, nil)
		if err != nil || len(status.Ingress) != 1 {
			t.Fatalf("got %+v, %v", status, err)
		}
		ended := make(chan error, 1)
		other := service.DeepCopy()
		other.Name, other.UID = "api", "5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b3"
		go func() {
			_, err := balancers.EnsureLoadBalancer(t.Context(), "blue", other, nil)
			ended <- err
		}()
		time.Sleep(10 * time.Second)
		began := time.Now()
		if err := w.provider.Stop(context.Background()); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if err := <-ended; err == nil || time.Since(began) > 5*time.Second {
			t.Errorf("who waited for a load balancer got %v, %v after the stop", err, time.Since(began))
		}
		if _, err := balancers.EnsureLoadBalancer(t.Context(), "blue", service, nil); !errors.Is(err, errStopping) {
			t.Errorf("EnsureLoadBalancer after stop: got %v", err)
		}
		if err := balancers.UpdateLoadBalancer(t.Context(), "blue", service, nil); !errors.Is(err, errStopping) {
			t.Errorf("UpdateLoadBalancer after stop: got %v", err)
		}
		if err := balancers.EnsureLoadBalancerDeleted(t.Context(), "blue", service); !errors.Is(err, errStopping) {
			t.Errorf("EnsureLoadBalancerDeleted after stop: got %v", err)
		}
	})
}

func TestLoadBalancersCanBeTurnedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "\n[LoadBalancer]\nenabled=false\n", RouteFlags{})
		if _, ok := w.provider.LoadBalancer(); ok {
			t.Error("load balancers are served")
		}
		if err := w.provider.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

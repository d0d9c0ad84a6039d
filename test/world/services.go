package world

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// Annotation begins the annotations of load balancers.
const Annotation = "loadbalancer.openstack.org/"

// serviceTime is more than a load balancer takes on a busy machine.
const serviceTime = 8 * time.Minute

// TCP is a port of a Service.
func TCP(number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: fmt.Sprintf("tcp-%d", number), Port: number}
}

// UDP is a port of a Service.
func UDP(number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: fmt.Sprintf("udp-%d", number), Port: number, Protocol: corev1.ProtocolUDP}
}

// Serve creates a Service of type LoadBalancer in the namespace default.
func (w *World) Serve(name string, annotations map[string]string, ports ...corev1.ServicePort) {
	w.t.Helper()
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": name}, Ports: ports},
	}
	if _, err := w.Client.CoreV1().Services(metav1.NamespaceDefault).Create(w.t.Context(), s, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// Service reads one.
func (w *World) Service(name string) *corev1.Service {
	w.t.Helper()
	return w.service(w.t.Context(), name)
}

func (w *World) service(ctx context.Context, name string) *corev1.Service {
	w.t.Helper()
	s, err := w.Client.CoreV1().Services(metav1.NamespaceDefault).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// Edit changes a Service as kubectl edit does.
func (w *World) Edit(name string, change func(*corev1.Service)) {
	w.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		s := w.Service(name)
		change(s)
		_, err := w.Client.CoreV1().Services(s.Namespace).Update(w.t.Context(), s, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Address waits until a Service has one.
func (w *World) Address(name string) string {
	w.t.Helper()
	var address string
	w.Until(serviceTime, name+" has an address", func(ctx context.Context) bool {
		for _, ingress := range w.service(ctx, name).Status.LoadBalancer.Ingress {
			address = ingress.IP
		}
		return address != ""
	})
	return address
}

// Forget deletes a Service and waits until it is gone, which it is when its load
// balancer is.
func (w *World) Forget(name string) {
	w.t.Helper()
	services := w.Client.CoreV1().Services(metav1.NamespaceDefault)
	if err := services.Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
	w.Until(serviceTime, name+" is gone", func(ctx context.Context) bool {
		_, err := services.Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// Ensured counts how often the service controller was done with a Service.
func (w *World) Ensured(name string) int {
	w.t.Helper()
	return w.ensured(w.t.Context(), name)
}

func (w *World) ensured(ctx context.Context, name string) int {
	w.t.Helper()
	events, err := w.Client.CoreV1().Events(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{
		FieldSelector: "involvedObject.kind=Service,involvedObject.name=" + name + ",reason=EnsuredLoadBalancer",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	count := 0
	for _, event := range events.Items {
		count += int(max(event.Count, 1))
	}
	return count
}

// UntilEnsured waits until the service controller was done with a Service more
// often than that.
func (w *World) UntilEnsured(name string, before int) {
	w.t.Helper()
	w.Until(serviceTime, name+" has been looked at", func(ctx context.Context) bool { return w.ensured(ctx, name) > before })
}

// Untainted waits until nodes are all that they will be.
func (w *World) Untainted(names ...string) {
	w.t.Helper()
	w.Until(2*time.Minute, "nodes without taints", func(ctx context.Context) bool {
		for _, name := range names {
			node, err := w.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil || len(node.Spec.Taints) > 0 {
				return false
			}
		}
		return true
	})
}

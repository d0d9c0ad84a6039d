package nodes

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"underlay/test/nodes/lab"
)

// annotation begins those of load balancers.
const annotation = "loadbalancer.openstack.org/"

// The Services of the test. All of them lead to the one pod "page".
const (
	everyNode = "every-node" // externalTrafficPolicy: Cluster
	podsNode  = "pods-node"  // externalTrafficPolicy: Local
	proxied   = "proxied"    // with the PROXY protocol, X-Forwarded-For and sessionAffinity
)

// balancerTime is more than a real Octavia on a busy machine takes.
const balancerTime = 6 * time.Minute

// TestLoadBalancer fetches a pod's page through a floating IP, from outside of the
// tenant network. Between the two are a load balancer that knows what Octavia's API
// says, NodePorts, kube-proxy, and security groups that let in what Neutron's API says.
func TestLoadBalancer(t *testing.T) {
	if !built.CanBalance() {
		t.Log("left out: this OpenStack has no Octavia")
		if os.Getenv("CI") == "true" {
			t.Fail()
		}
		return
	}
	options := built
	options.Name, options.Balancers = "balancer", true
	w := startWorld(t, options)
	files, err := w.StaticPod(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.add(lab.MachineSpec{Name: "node-1", ControlPlane: true, StaticPod: true, Files: files}, lab.MachineSpec{Name: "node-2"}, lab.MachineSpec{Name: "node-3"})
	w.untilReady("node-1", "node-2", "node-3")
	w.addPod("page-1", "page", "node-2")
	w.exposePage()
	w.step("a pod's page through the floating IP", pageFromOutside)
	if t.Failed() {
		return // nothing below can hold
	}
	w.step("every node answers with the Cluster policy", everyNodeAnswers)
	w.step("UDP through the load balancer", throughUDP)
	w.step("with the Local policy only the pod's node answers", onlyThePodsNode)
	w.step("headers name the client, who stays with a node", namesTheClient)
	w.step("only clients of the source ranges", onlyFromRanges)
	w.step("the security group is the way in", groupIsTheWay)
	w.step("a pod that moves takes the health check with it", podMoves)
	w.step("a node that leaves is no member", memberLeaves)
	w.step("nothing of the Services is left", nothingOfServices)
}

// exposePage makes the Services, all at once.
func (w *world) exposePage() {
	w.t.Helper()
	tcp := func(port, target int32) corev1.ServicePort {
		return corev1.ServicePort{Name: fmt.Sprint("tcp-", port), Port: port, TargetPort: intstr.FromInt32(target)}
	}
	w.expose(everyNode, nil, func(s *corev1.ServiceSpec) {
		s.Ports = []corev1.ServicePort{tcp(80, 8080), {Name: "udp-53", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(8083)}}
	})
	w.expose(podsNode, map[string]string{
		"health-monitor-delay": "1", "health-monitor-timeout": "1", "health-monitor-max-retries-down": "1",
	}, func(s *corev1.ServiceSpec) {
		s.Ports, s.ExternalTrafficPolicy = []corev1.ServicePort{tcp(80, 8080)}, corev1.ServiceExternalTrafficPolicyLocal
	})
	w.expose(proxied, map[string]string{"port.80.proxy-protocol": "v1", "port.81.proxy-protocol": "v2", "port.82.x-forwarded-for": "true"}, func(s *corev1.ServiceSpec) {
		s.Ports, s.SessionAffinity = []corev1.ServicePort{tcp(80, 8082), tcp(81, 8082), tcp(82, 8080)}, corev1.ServiceAffinityClientIP
	})
}

func (w *world) expose(name string, annotations map[string]string, edit func(*corev1.ServiceSpec)) {
	w.t.Helper()
	made := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "page"}},
	}
	for key, value := range annotations {
		made.Annotations[annotation+key] = value
	}
	edit(&made.Spec)
	if _, err := w.Client.CoreV1().Services("default").Create(w.t.Context(), made, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// service reads one.
func (w *world) service(name string) *corev1.Service {
	w.t.Helper()
	found, err := w.Client.CoreV1().Services("default").Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// address waits until a Service has one.
func (w *world) address(name string) string {
	w.t.Helper()
	address := ""
	w.until(balancerTime, func(context.Context) string {
		for _, ingress := range w.service(name).Status.LoadBalancer.Ingress {
			address = ingress.IP
		}
		if address == "" {
			return name + " has no address"
		}
		return ""
	})
	return address
}

// asked is what a page says.
type asked struct{ source, pod string }

// fetch asks from outside; udp asks over UDP.
func (w *world) fetch(ctx context.Context, how, at string) (asked, error) {
	out, err := w.Outside(ctx, how, at)
	if err != nil {
		return asked{}, err
	}
	source, pod, found := strings.Cut(strings.TrimSpace(out), " asked ")
	if !found {
		return asked{}, fmt.Errorf("%s says %q", at, out)
	}
	return asked{source, pod}, nil
}

// often asks so many times in a row, each time a new connection.
func (w *world) often(ctx context.Context, times int, how, at string) ([]asked, error) {
	var all []asked
	for range times {
		got, err := w.fetch(ctx, how, at)
		if err != nil {
			return all, err
		}
		all = append(all, got)
	}
	return all, nil
}

// rounds is how often the three nodes are asked: each of them comes twice.
const rounds = 6

// always waits until all answers in a row are good.
func (w *world) always(how, at string, good func([]asked) bool) {
	w.t.Helper()
	w.until(balancerTime, func(ctx context.Context) string {
		got, err := w.often(ctx, rounds, how, at)
		if err != nil {
			return err.Error()
		}
		if !good(got) {
			return fmt.Sprintf("%s answered %v", at, got)
		}
		return ""
	})
}

// never waits until no answer comes, and sees that it stays so.
func (w *world) never(how, at string) {
	w.t.Helper()
	w.until(balancerTime, func(ctx context.Context) string {
		if got, err := w.fetch(ctx, how, at); err == nil {
			return fmt.Sprintf("%s still answers: %v", at, got)
		}
		return ""
	})
	if got, err := w.fetch(w.t.Context(), how, at); err == nil {
		w.t.Errorf("%s answers again: %v", at, got)
	}
}

// by says that a pod has given all answers.
func by(pod string) func([]asked) bool {
	return func(all []asked) bool { return !slices.ContainsFunc(all, func(a asked) bool { return a.pod != pod }) }
}

func pageAt(address string) string { return "http://" + address + "/" }

func pageFromOutside(w *world) {
	for _, name := range []string{everyNode, podsNode, proxied} {
		address := w.address(name)
		w.log(name + " has the address " + address)
		w.always("get", pageAt(address), by("page-1"))
		w.log("a pod's page is fetched from http://" + address + "/")
	}
}

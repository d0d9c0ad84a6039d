package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"underlay/test/nodes/lab"
	"underlay/test/nodes/tenant"
)

// wholePacket is the ICMP payload of an IPv4 packet of 1500 bytes. VXLAN would
// leave 1422.
const wholePacket = 1500 - 20 - 8

// fullMTU: nothing is wrapped, so nothing of the network's 1500 bytes is lost.
func fullMTU(w *world, pods []pod) {
	for _, from := range pods {
		for _, to := range pods {
			if from == to {
				continue
			}
			if problem := w.ping(w.t.Context(), from, to, wholePacket, 2); problem != "" {
				w.t.Error(problem)
			}
		}
	}
	// A byte more cannot pass, or else the packets above were fragmented.
	if w.ping(w.t.Context(), pods[0], pods[1], wholePacket+1, 1) == "" {
		w.t.Error("a packet of 1501 bytes passed unfragmented")
	}
}

// throughServices: a Service is kube-proxy's; the pods behind it, on other nodes,
// still see who asked. A pod that asks itself that way has another source, by
// kube-proxy's design.
func throughServices(w *world, pods []pod) {
	made, err := w.Client.CoreV1().Services("default").Create(w.t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	from := pods[0]
	answered := map[string]bool{}
	w.until(time.Minute, func(ctx context.Context) string {
		out, err := w.probe(ctx, from, "get", "http://"+made.Spec.ClusterIP+"/")
		source, by, found := strings.Cut(strings.TrimSpace(out), " asked ")
		if err != nil || !found || by != from.Name && source != from.IP {
			return fmt.Sprintf("got %q (%v), want an answer that names %s", out, err, from.IP)
		}
		answered[by] = true
		for _, to := range pods {
			if !answered[to.Name] {
				return to.Name + " never answered"
			}
		}
		return ""
	})
}

// routeIsThePath: without the controller manager nobody repairs, so what is done by
// hand stays done.
func routeIsThePath(w *world, pods []pod) {
	all, err := w.Cloud.Routes(w.t.Context(), w.Network.RouterID)
	if err != nil {
		w.t.Fatal(err)
	}
	cidr := w.podCIDR(pods[1].Node)
	without := slices.DeleteFunc(slices.Clone(all), func(r tenant.Route) bool { return r.Destination == cidr })
	if len(without) != len(all)-1 {
		w.t.Fatalf("routes %v: want one to %s", all, cidr)
	}
	if err := w.Cloud.SetRoutes(w.t.Context(), w.Network.RouterID, without); err != nil {
		w.t.Fatal(err)
	}
	w.broken(pods[0], pods[1])
	w.works(pods[0], pods[2])
	if err := w.Cloud.SetRoutes(w.t.Context(), w.Network.RouterID, all); err != nil {
		w.t.Fatal(err)
	}
	w.works(pods[0], pods[1])
}

// pairIsThePath: without its address pair a port drops what its pods send.
func pairIsThePath(w *world, pods []pod) {
	id := w.machine(pods[1].Node).Port.ID
	port, err := w.Cloud.Port(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(port.Pairs) != 1 || port.Pairs[0].Address != w.podCIDR(pods[1].Node) {
		w.t.Fatalf("pairs %v: want the pod CIDR", port.Pairs)
	}
	if err := w.Cloud.SetPairs(w.t.Context(), id, nil); err != nil {
		w.t.Fatal(err)
	}
	w.broken(pods[1], pods[0])
	w.works(pods[0], pods[2])
	if err := w.Cloud.SetPairs(w.t.Context(), id, port.Pairs); err != nil {
		w.t.Fatal(err)
	}
	w.works(pods[1], pods[0])
}

// repairs: with the controller manager, what is removed by hand comes back.
func repairs(w *world, pods []pod) {
	if err := w.Cloud.SetRoutes(w.t.Context(), w.Network.RouterID, nil); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range w.Machines() {
		if err := w.Cloud.SetPairs(w.t.Context(), m.Port.ID, nil); err != nil {
			w.t.Fatal(err)
		}
	}
	w.until(3*time.Minute, func(ctx context.Context) string {
		routes, err := w.Cloud.Routes(ctx, w.Network.RouterID)
		if err != nil || len(routes) != len(pods) {
			return fmt.Sprintf("routes %v (%v)", routes, err)
		}
		for _, m := range w.Machines() {
			if port, err := w.Cloud.Port(ctx, m.Port.ID); err != nil || len(port.Pairs) != 1 {
				return fmt.Sprintf("%s has pairs %v (%v)", m.Name, port.Pairs, err)
			}
		}
		return ""
	})
	w.reach(pods)
}

// joinAndLeave: a node that is added later is reached; one whose server is deleted
// leaves nothing.
func joinAndLeave(w *world, pods []pod) {
	w.add(lab.MachineSpec{Name: "node-late"})
	w.untilReady("node-late")
	late := w.pods("node-late")[0]
	w.reach(append(slices.Clone(pods), late))
	cidr := w.podCIDR("node-late")
	if err := w.Remove(w.t.Context(), w.machine("node-late")); err != nil {
		w.t.Fatal(err)
	}
	w.until(3*time.Minute, func(ctx context.Context) string {
		if _, err := w.Client.CoreV1().Nodes().Get(ctx, "node-late", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("its Node is still there (%v)", err)
		}
		routes, err := w.Cloud.Routes(ctx, w.Network.RouterID)
		if err != nil || slices.ContainsFunc(routes, func(r tenant.Route) bool { return r.Destination == cidr }) {
			return fmt.Sprintf("its route is still there: %v (%v)", routes, err)
		}
		return ""
	})
}

// overlays are the kinds of network device that wrap packets (ip-link(8)).
var overlays = []string{
	"vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan", "ipip", "sit", "ip6tnl",
	"vti", "vti6", "wireguard", "tun", "xfrm", "bareudp", "gtp", "amt",
}

// fallbacks are devices that the kernel makes by itself in every namespace where
// such a module is loaded. They carry nothing while they are down.
var fallbacks = []string{"tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "ip6gre0", "erspan0", "ip_vti0", "ip6_vti0"}

// residents are all programs that a node runs, as /proc/PID/comm has them: none
// is a network agent. Those of the second line come and go.
var residents = []string{
	"exe", "containerd", "containerd-shim", "kubelet", "kube-proxy", "probe", "openstack-cloud",
	"runc", "runc:[1:CHILD]", "runc:[2:INIT]", "loopback", "ptp", "host-local", "portmap", "nft", "iptables", "ip6tables", "xtables-nft-mul", "sh", "cat",
}

func noOverlay(w *world) {
	for _, m := range w.Machines() {
		out, err := m.Exec(w.t.Context(), "ip", "-details", "-json", "link")
		if err != nil {
			w.t.Fatal(err)
		}
		var links []struct {
			IfName   string
			Flags    []string
			LinkInfo struct {
				Kind string `json:"info_kind"`
			}
		}
		if err := json.Unmarshal([]byte(out), &links); err != nil {
			w.t.Fatal(err)
		}
		if len(links) < 3 {
			w.t.Fatalf("%s has only %v: pods have interfaces too", m.Name, links)
		}
		for _, link := range links {
			idle := slices.Contains(fallbacks, link.IfName) && !slices.Contains(link.Flags, "UP")
			if slices.Contains(overlays, link.LinkInfo.Kind) && !idle {
				w.t.Errorf("%s has an overlay device: %s of kind %s", m.Name, link.IfName, link.LinkInfo.Kind)
			}
		}
		names, err := m.Exec(w.t.Context(), "sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null || true")
		if err != nil {
			w.t.Fatal(err)
		}
		for name := range strings.FieldsSeq(names) {
			if !slices.Contains(residents, name) {
				w.t.Errorf("%s runs %s", m.Name, name)
			}
		}
		if !strings.Contains(names, "kubelet") {
			w.t.Errorf("%s: no kubelet among %q: the list proves nothing", m.Name, names)
		}
	}
}

package loadbalancer_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/simulator"
)

// flaw says what is not as the Service wants it, "" when all is.
func (w *world) flaw(name string) string {
	w.t.Helper()
	s := w.get(name)
	var mine []simulator.LoadBalancerState
	for _, b := range w.cloud.LoadBalancers() {
		if b.Name == "kube_service_"+clusterName+"_shop_"+name {
			mine = append(mine, b)
		}
	}
	var ips []simulator.FloatingIPState
	for _, ip := range w.cloud.FloatingIPs() {
		if strings.Contains(ip.Description, " shop/"+name+" from cluster "+clusterName+" [") {
			ips = append(ips, ip)
		}
	}
	if s == nil {
		if len(mine)+len(ips) > 0 {
			return fmt.Sprintf("left over: %d load balancers and %d floating IPs", len(mine), len(ips))
		}
		return ""
	}
	if s.DeletionTimestamp != nil {
		return "still being deleted"
	}
	if len(mine) != 1 || mine[0].ProvisioningStatus != "ACTIVE" {
		text := fmt.Sprintf("%d load balancers", len(mine))
		for _, b := range mine {
			text += fmt.Sprintf("; %s is %s, created %s", b.ID, b.ProvisioningStatus, b.Created)
		}
		return text
	}
	if len(ips) != 1 || ips[0].PortID != mine[0].VIPPortID {
		return fmt.Sprintf("floating IPs: %+v", ips)
	}
	if len(s.Status.LoadBalancer.Ingress) != 1 || s.Status.LoadBalancer.Ingress[0].IP != ips[0].Address || s.Annotations[idKey] != mine[0].ID {
		return fmt.Sprintf("the Service shows %+v and %v", s.Status.LoadBalancer, s.Annotations)
	}
	return w.partFlaw(s, mine[0])
}

// partFlaw compares listeners, pools and members.
func (w *world) partFlaw(s *v1.Service, b simulator.LoadBalancerState) string {
	want := map[string][]string{}
	for _, port := range s.Spec.Ports {
		var members []string
		for _, node := range w.nodes() {
			members = append(members, fmt.Sprintf("%s:%d", node.Status.Addresses[0].Address, port.NodePort))
		}
		slices.Sort(members)
		want[fmt.Sprintf("%s/%d", port.Protocol, port.Port)] = members
	}
	got := map[string][]string{}
	for _, l := range b.Listeners {
		for _, p := range b.Pools {
			if p.ID != l.DefaultPoolID {
				continue
			}
			var members []string
			for _, m := range p.Members {
				members = append(members, fmt.Sprintf("%s:%d", m.Address, m.Port))
			}
			slices.Sort(members)
			got[fmt.Sprintf("%s/%d", l.Protocol, l.Port)] = members
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return "members (-want +got):\n" + diff
	}
	if len(b.Pools) != len(s.Spec.Ports) {
		return fmt.Sprintf("%d pools for %d ports", len(b.Pools), len(s.Spec.Ports))
	}
	return ""
}

func (w *world) nodes() []v1.Node {
	w.t.Helper()
	list, err := w.kube.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return list.Items
}

// groupFlaw compares the managed security group of a Service, and who carries it.
func (w *world) groupFlaw(name string) string {
	s := w.get(name)
	var mine []simulator.SecurityGroupState
	for _, g := range w.cloud.SecurityGroups() {
		if strings.HasSuffix(g.Name, "-shop-"+name) {
			mine = append(mine, g)
		}
	}
	if s == nil {
		if len(mine) > 0 {
			return "left over: a security group"
		}
		return ""
	}
	if len(mine) != 1 {
		return fmt.Sprintf("%d security groups", len(mine))
	}
	for _, port := range s.Spec.Ports {
		if !slices.ContainsFunc(mine[0].Rules, func(r simulator.SecurityRuleState) bool { return r.PortMin == int(port.NodePort) }) {
			return fmt.Sprintf("no rule for port %d: %+v", port.NodePort, mine[0].Rules)
		}
	}
	for _, node := range w.nodes() {
		if !slices.Contains(w.cloud.Port(w.servers[node.Name].PortIDs[0]).SecurityGroups, mine[0].ID) {
			return fmt.Sprintf("node %s does not carry the group", node.Name)
		}
	}
	return ""
}

// foreign is what others have in the project: nothing of it may ever change.
func (w *world) foreign() []any {
	var all []any
	for _, b := range w.cloud.LoadBalancers() {
		if !strings.HasPrefix(b.Name, "kube_service_"+clusterName) {
			b.OperatingStatus = ""
			all = append(all, b)
		}
	}
	for _, ip := range w.cloud.FloatingIPs() {
		if !strings.Contains(ip.Description, clusterUID) {
			all = append(all, ip)
		}
	}
	for _, g := range w.cloud.SecurityGroups() {
		if !strings.HasPrefix(g.Name, "lb-sg-") && !strings.HasPrefix(g.Name, "lb-") {
			all = append(all, g)
		}
	}
	return all
}

// addForeign gives the project things of others.
func (w *world) addForeign() {
	w.t.Helper()
	w.cloud.AddLoadBalancer(simulator.Attributes{
		"name": "kube_service_green_shop_web", "vip_subnet_id": w.net.SubnetIDs[0], "tags": []string{"kube_service_green_shop_web"},
		"listeners": []any{map[string]any{"protocol": "TCP", "protocol_port": 80, "default_pool": map[string]any{
			"name": "p", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN",
			"members": []any{map[string]any{"address": "10.0.9.9", "protocol_port": 30080}},
		}}},
	})
	w.cloud.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: w.external.ID, Description: "Floating IP for Kubernetes external service shop/web from cluster green"})
}

// story is the life of a Service, in steps.
func (w *world) story() []func() {
	return []func(){
		func() { w.service("web", nil, tcp(80), tcp(443)) },
		func() {
			w.change("web", func(s *v1.Service) { s.Spec.Ports = []v1.ServicePort{tcp(443), tcp(8080)} })
		},
		func() { w.join(2) },
		func() { w.leave(0) },
		func() { w.delete("web") },
	}
}

const patience = 40 * time.Minute

// until lets time go by until the Service is as it should be, or until stop says
// so; it gives what is wrong at the end.
func (w *world) until(name string, stop func() bool) string {
	w.t.Helper()
	wrong := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pass(3 * time.Second) {
		synctest.Wait()
		w.collect()
		if stop != nil && stop() {
			return ""
		}
		if wrong = w.flaw(name); wrong == "" {
			return ""
		}
	}
	return wrong
}

// collect does what the API server does with deleted Services without finalizers.
func (w *world) collect() {
	list, err := w.kube.CoreV1().Services("").List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range list.Items {
		if s.DeletionTimestamp != nil && len(s.Finalizers) == 0 {
			if err := w.kube.CoreV1().Services(s.Namespace).Delete(w.t.Context(), s.Name, metav1.DeleteOptions{}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// live tells the story with the process, and checks everything after each step.
func (w *world) live(check func(step int)) {
	before := w.foreign()
	for i, step := range w.story() {
		step()
		pass(time.Second)
		if wrong := w.until("web", nil); wrong != "" {
			w.t.Fatalf("step %d: %s", i, wrong)
		}
		if wrong := w.groupFlaw("web"); wrong != "" {
			pass(6 * time.Minute)
			if wrong = w.groupFlaw("web"); wrong != "" {
				w.t.Fatalf("step %d: %s", i, wrong)
			}
		}
		if check != nil {
			check(i)
		}
	}
	if diff := cmp.Diff(before, w.foreign()); diff != "" {
		w.t.Errorf("things of others changed (-before +after):\n%s", diff)
	}
}

// patterns are the kinds of calls of a story that goes well, polls left out, each
// with how often it comes.
func patterns(t *testing.T) map[string]int {
	counts := map[string]int{}
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2, configured("manage-security-groups=true", "create-monitor=true"))
		w.addForeign()
		p := w.start()
		w.live(func(int) {
			for _, call := range w.cloud.Calls() {
				counts[call.Pattern]++
			}
			w.cloud.ResetCalls()
		})
		p.end()
	})
	delete(counts, "POST /v3/auth/tokens")
	return counts
}

func TestEveryCallMayFailOnceInEachWay(t *testing.T) {
	faults := map[string]simulator.Fault{
		"refused with 500":      {Kind: simulator.FailBefore, Status: 500},
		"done, answered 500":    {Kind: simulator.FailAfter, Status: 500},
		"dropped before":        {Kind: simulator.DropBefore},
		"done, dropped":         {Kind: simulator.DropAfter},
		"busy":                  {Kind: simulator.FailBefore, Status: 409},
		"rate limited":          {Kind: simulator.FailBefore, Status: 429, RetryAfter: 2 * time.Second},
		"denied":                {Kind: simulator.FailBefore, Status: 403},
		"done, never answered":  {Kind: simulator.HangAfter},
		"unavailable for a bit": {Kind: simulator.FailBefore, Status: 503, Times: 8},
	}
	counts := patterns(t)
	if len(counts) < 15 {
		t.Fatalf("the story makes only %v", slices.Sorted(maps.Keys(counts)))
	}
	for _, pattern := range slices.Sorted(maps.Keys(counts)) {
		for _, name := range slices.Sorted(maps.Keys(faults)) {
			nths := []int{1, 2}
			if strings.HasPrefix(pattern, "GET") {
				nths = []int{1}
			}
			for _, nth := range nths {
				if nth > counts[pattern] {
					continue
				}
				t.Run(fmt.Sprintf("%s %d %s", pattern, nth, name), func(t *testing.T) {
					t.Parallel()
					inBubble(t, func(t *testing.T) {
						w := newWorld(t, 2, configured("manage-security-groups=true", "create-monitor=true"))
						w.addForeign()
						fault := faults[name]
						fault.Match, fault.Nth = pattern, nth
						w.cloud.AddFault(fault)
						p := w.start()
						w.live(nil)
						p.end()
					})
				})
			}
		}
	}
}

// killer lets a process make n calls; the last one is done, but its answer is
// lost, and so are all calls after it.
type killer struct {
	next http.RoundTripper
	left atomic.Int64
	once sync.Once
	dead chan struct{}
}

var errKilled = errors.New("the process is dead")

func (k *killer) RoundTrip(r *http.Request) (*http.Response, error) {
	left := k.left.Add(-1)
	if left < 0 {
		return nil, errKilled
	}
	response, err := k.next.RoundTrip(r)
	if left > 0 {
		return response, err
	}
	if err == nil {
		response.Body.Close()
	}
	k.once.Do(func() { close(k.dead) })
	return nil, errKilled
}

func (k *killer) isDead() bool {
	select {
	case <-k.dead:
		return true
	default:
		return false
	}
}

// TestKilledAfterEveryCall: a successor finishes what the process began, and
// never makes a second load balancer, floating IP or group.
func TestKilledAfterEveryCall(t *testing.T) {
	calls := 0
	for _, n := range patterns(t) {
		calls += n
	}
	for n := 1; n <= calls; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 2, configured("manage-security-groups=true", "create-monitor=true"))
				w.addForeign()
				k := &killer{dead: make(chan struct{})}
				k.left.Store(int64(n))
				w.through = func(next http.RoundTripper) http.RoundTripper {
					k.next = next
					return k
				}
				p := w.start()
				w.through = nil
				before := w.foreign()
				for i, step := range w.story() {
					step()
					pass(time.Second)
					wrong := w.until("web", k.isDead)
					if k.isDead() && wrong == "" {
						p.end()
						p = w.start()
						k.dead = make(chan struct{})
						wrong = w.until("web", nil)
					}
					if wrong != "" {
						t.Fatalf("step %d: %s", i, wrong)
					}
				}
				pass(6 * time.Minute)
				if wrong := w.flaw("web") + w.groupFlaw("web"); wrong != "" {
					t.Error(wrong)
				}
				if diff := cmp.Diff(before, w.foreign()); diff != "" {
					t.Errorf("things of others changed (-before +after):\n%s", diff)
				}
				p.end()
			})
		})
	}
}

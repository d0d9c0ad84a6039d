package loadbalancer_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/simulator"
)

// What users of openstack-cloud-controller-manager suffered from, a test each.

// life runs a world with one Service that is served, and ends it.
func life(t *testing.T, nodes int, conf []string, change func(*v1.Service), test func(t *testing.T, w *world, p *process), ports ...v1.ServicePort) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nodes, configured(conf...))
		p := w.start()
		w.service("web", change, ports...)
		w.settle(3 * time.Minute)
		w.cloud.ResetCalls()
		p.said()
		test(t, w, p)
		p.end()
	})
}

func annotate(pairs ...string) func(*v1.Service) {
	return func(s *v1.Service) {
		for i := 0; i < len(pairs); i += 2 {
			s.Annotations[prefix+pairs[i]] = pairs[i+1]
		}
	}
}

func local(s *v1.Service) {
	s.Spec.ExternalTrafficPolicy, s.Spec.HealthCheckNodePort = v1.ServiceExternalTrafficPolicyLocal, 32000
}

func internal(s *v1.Service) {
	s.Annotations["service.beta.kubernetes.io/openstack-internal-load-balancer"] = "true"
}

func touch(s *v1.Service) { s.Annotations["touched"] += "." }

// Defect 2: on ovn with a monitor and externalTrafficPolicy=Local every look replaced all members.
func TestOVNMembersCompareEqual(t *testing.T) {
	life(t, 2, []string{"lb-provider=ovn", "create-monitor=true"}, local, func(t *testing.T, w *world, p *process) {
		w.change("web", touch)
		pass(20 * time.Minute)
		w.readOnly()
		if b := w.balancer("web"); b.Provider != "ovn" || b.Pools[0].Algorithm != "SOURCE_IP_PORT" {
			t.Errorf("got provider %s and algorithm %s", b.Provider, b.Pools[0].Algorithm)
		}
	})
}

// Defect 3: a change of sessionAffinity had no effect.
func TestSessionAffinityIsApplied(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		for _, affinity := range []v1.ServiceAffinity{v1.ServiceAffinityClientIP, v1.ServiceAffinityNone} {
			w.change("web", func(s *v1.Service) { s.Spec.SessionAffinity = affinity })
			pass(30 * time.Second)
			want := map[v1.ServiceAffinity]string{v1.ServiceAffinityClientIP: "SOURCE_IP"}[affinity]
			if got := w.balancer("web").Pools[0].Persistence; got != want {
				t.Errorf("%s: got persistence %q, want %q", affinity, got, want)
			}
		}
	})
}

// Defect 4: PROXY was put on pools of UDP.
func TestProxyProtocolIsNotForUDP(t *testing.T) {
	life(t, 2, nil, annotate("proxy-protocol", "true"), func(t *testing.T, w *world, p *process) {
		protocols := map[string]bool{}
		for _, pool := range w.balancer("web").Pools {
			protocols[pool.Protocol] = true
		}
		if diff := cmp.Diff(map[string]bool{"PROXY": true, "UDP": true}, protocols); diff != "" {
			t.Error(diff)
		}
	}, tcp(80), udp(53))
}

// Defect 5: a load balancer deleted out of band was an error for ever, and its
// floating IP and group were left when the Service went.
func TestDeletedOutOfBand(t *testing.T) {
	conf := []string{"manage-security-groups=true"}
	t.Run("made anew at the next look", func(t *testing.T) {
		life(t, 2, conf, nil, func(t *testing.T, w *world, p *process) {
			old, address := w.balancer("web").ID, w.get("web").Status.LoadBalancer.Ingress[0].IP
			w.cloud.DeleteLoadBalancer(old)
			w.change("web", touch)
			pass(time.Minute)
			if wrong := w.flaw("web") + w.groupFlaw("web"); wrong != "" {
				t.Error(wrong)
			}
			if got := w.get("web").Status.LoadBalancer.Ingress[0].IP; got != address {
				t.Errorf("got address %s, want %s as before", got, address)
			}
			if !p.heard("LoadBalancerGone") {
				t.Error("nobody was told")
			}
		})
	})
	t.Run("made anew by the repair pass", func(t *testing.T) {
		life(t, 2, conf, nil, func(t *testing.T, w *world, p *process) {
			w.cloud.DeleteLoadBalancer(w.balancer("web").ID)
			pass(8 * time.Minute)
			if wrong := w.flaw("web") + w.groupFlaw("web"); wrong != "" {
				t.Error(wrong)
			}
		})
	})
	t.Run("with the internal address that it had", func(t *testing.T) {
		life(t, 2, conf, internal, func(t *testing.T, w *world, p *process) {
			address := w.get("web").Status.LoadBalancer.Ingress[0].IP
			w.cloud.DeleteServer(w.servers[nodeName(0)].ID) // a lower address is free
			w.leave(0)
			w.cloud.DeleteLoadBalancer(w.balancer("web").ID)
			pass(8 * time.Minute)
			if got := w.get("web").Status.LoadBalancer.Ingress[0].IP; got != address || w.balancer("web").VIPAddress != address {
				t.Errorf("got %s in the status and %s in the cloud, want %s as before", got, w.balancer("web").VIPAddress, address)
			}
		})
	})
	t.Run("with another internal address where somebody has it", func(t *testing.T) {
		life(t, 2, conf, internal, func(t *testing.T, w *world, p *process) {
			address := w.get("web").Status.LoadBalancer.Ingress[0].IP
			w.cloud.DeleteLoadBalancer(w.balancer("web").ID)
			w.cloud.AddPort(simulator.PortSpec{Name: "thief", NetworkID: w.net.ID, FixedIPs: []string{address}})
			pass(8 * time.Minute)
			if got := w.get("web").Status.LoadBalancer.Ingress[0].IP; got == address || got != w.balancer("web").VIPAddress {
				t.Errorf("got %s in the status and %s in the cloud, want another than %s", got, w.balancer("web").VIPAddress, address)
			}
		})
	})
	t.Run("then the Service goes", func(t *testing.T) {
		life(t, 2, conf, nil, func(t *testing.T, w *world, p *process) {
			w.cloud.DeleteLoadBalancer(w.balancer("web").ID)
			w.delete("web")
			w.settle(time.Minute)
			if wrong := w.flaw("web") + w.groupFlaw("web"); wrong != "" {
				t.Error(wrong)
			}
		})
	})
}

// Defect 6: a load balancer that went to ERROR stayed there.
func TestErrorIsMended(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		old := w.balancer("web")
		address := w.get("web").Status.LoadBalancer.Ingress[0].IP
		w.cloud.SetLoadBalancerStatus(old.ID, "ERROR")
		pass(8 * time.Minute)
		if wrong := w.flaw("web"); wrong != "" {
			t.Error(wrong)
		}
		now := w.balancer("web")
		if now.VIPAddress != old.VIPAddress || w.get("web").Status.LoadBalancer.Ingress[0].IP != address {
			t.Errorf("got VIP %s and %+v, want %s and %s as before", now.VIPAddress, w.get("web").Status, old.VIPAddress, address)
		}
		if !p.heard("LoadBalancerFailed") {
			t.Error("nobody was told")
		}
	})
}

// A load balancer that can never be made is not asked for in a loop.
func TestErrorIsNotALoop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.cloud.FailLoadBalancerCreates(1000)
		p := w.start()
		w.service("web", nil)
		pass(time.Hour)
		if got := w.cloud.Count("POST /v2/lbaas/loadbalancers"); got < 2 || got > 8 {
			t.Errorf("asked %d times in an hour", got)
		}
		w.cloud.FailLoadBalancerCreates(0)
		pass(3 * time.Hour)
		if wrong := w.flaw("web"); wrong != "" {
			t.Error(wrong)
		}
		p.end()
	})
}

// Defect 7: a node that is excluded kept the group on its port.
func TestExcludedNodeLosesTheGroup(t *testing.T) {
	life(t, 3, []string{"manage-security-groups=true"}, nil, func(t *testing.T, w *world, p *process) {
		port := w.servers[nodeName(1)].PortIDs[0]
		before := len(w.cloud.Port(port).SecurityGroups)
		w.changeNode(1, func(n *v1.Node) { n.Labels = map[string]string{v1.LabelNodeExcludeBalancers: ""} })
		pass(time.Minute)
		if got := len(w.cloud.Port(port).SecurityGroups); got != before-1 {
			t.Errorf("got %d groups on the port, want %d", got, before-1)
		}
		if got := len(w.balancer("web").Pools[0].Members); got != 2 {
			t.Errorf("got %d members, want 2", got)
		}
	})
}

// share makes a second Service on the load balancer of the first.
func (w *world) share(name string, change func(*v1.Service), ports ...v1.ServicePort) {
	w.t.Helper()
	id := w.balancer("web").ID
	w.service(name, func(s *v1.Service) {
		s.Annotations[idKey] = id
		if change != nil {
			change(s)
		}
	}, ports...)
}

// Defect 8: the second Service on a load balancer took over the HTTP listener of the first.
func TestSharedListenerIsNotTakenOver(t *testing.T) {
	life(t, 2, nil, annotate("x-forwarded-for", "true"), func(t *testing.T, w *world, p *process) {
		before := w.balancer("web").Listeners[0]
		w.share("api", nil, tcp(80))
		pass(time.Minute)
		if diff := cmp.Diff(before, w.balancer("web").Listeners[0]); diff != "" {
			t.Errorf("the listener of the first Service changed:\n%s", diff)
		}
		if len(w.get("api").Status.LoadBalancer.Ingress) > 0 {
			t.Error("the second Service got an address")
		}
		w.change("api", func(s *v1.Service) { s.Spec.Ports = []v1.ServicePort{tcp(81)} })
		pass(10 * time.Minute)
		b := w.balancer("web")
		if len(b.Listeners) != 2 || len(w.get("api").Status.LoadBalancer.Ingress) != 1 {
			t.Errorf("got %d listeners and %+v", len(b.Listeners), w.get("api").Status)
		}
		w.delete("api")
		pass(time.Minute)
		if b := w.balancer("web"); len(b.Listeners) != 1 || len(b.Pools) != 1 || slices.ContainsFunc(b.Tags, func(tag string) bool { return strings.HasSuffix(tag, "_api") }) {
			t.Errorf("the second Service left something: %+v", b)
		}
	})
}

// second is another cluster in the same project.
func (w *world) second(uid string) *world {
	other := *w
	other.kube, other.uid = fake.NewClientset(), uid
	other.servers = map[string]simulator.Server{}
	return &other
}

// Defect 9: of two clusters with one --cluster-name the second took the load
// balancer of the first. Defect 24: it renamed it.
func TestTwoClustersOfOneName(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		first := w.balancer("web")
		w2 := w.second("99999999-5f0a-4f0b-9f52-3f4a6f6f2f11")
		w2.join(5)
		p2 := w2.start()
		w2.service("web", func(s *v1.Service) { s.UID = "77777777-8f1e-4a39-9a56-000000000001" })
		w2.settle(2 * time.Minute)
		pass(10 * time.Minute)
		if diff := cmp.Diff(first, w.cloud.LoadBalancer(first.ID)); diff != "" {
			t.Errorf("the load balancer of the first cluster changed:\n%s", diff)
		}
		if got := w2.get("web").Annotations[idKey]; got == first.ID || got == "" {
			t.Errorf("the second cluster has load balancer %q", got)
		}
		if !p2.heard("LoadBalancerNameTaken") {
			t.Error("nobody was told")
		}
		w2.delete("web")
		w2.settle(time.Minute)
		if got := w.cloud.LoadBalancer(first.ID); got.ID == "" {
			t.Error("the load balancer of the first cluster is gone")
		}
		p2.end()
	})
}

// Defect 10: a class without a subnet and managed groups ended the process at a node's coming.
func TestClassWithoutSubnet(t *testing.T) {
	conf := []string{"manage-security-groups=true", `[LoadBalancerClass "plain"]`, "floating-subnet=public-0"}
	life(t, 2, conf, annotate("class", "plain"), func(t *testing.T, w *world, p *process) {
		w.join(2)
		pass(time.Minute)
		if wrong := w.flaw("web") + w.groupFlaw("web"); wrong != "" {
			t.Error(wrong)
		}
	})
}

// Defect 12: a node's coming took half an hour for a Service of many ports on slow amphorae.
func TestManyPortsOnSlowAmphorae(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		w.cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: 75 * time.Second, Update: 12 * time.Second, Delete: 10 * time.Second})
		w.join(2)
		pass(6 * time.Minute)
		if wrong := w.flaw("web"); wrong != "" {
			t.Errorf("20 ports, 12 seconds each, are not done after 6 minutes: %s", wrong)
		}
	}, ports(20)...)
}

// Defect 13: what somebody changed in the cloud stayed changed.
func TestDriftIsRepaired(t *testing.T) {
	conf := []string{"manage-security-groups=true", "create-monitor=true"}
	for name, spoil := range map[string]func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error{
		"a member is gone": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			w.cloud.DeleteLoadBalancerPart(b.Pools[0].Members[0].ID)
			return nil
		},
		"a member's weight": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			ctx := context.Background()
			members, err := client.Members(ctx, b.Pools[0].ID)
			if err != nil {
				return err
			}
			members[0].Weight = new(7)
			return client.SetMembers(ctx, b.Pools[0].ID, members)
		},
		"a strange member": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			w.cloud.AddMember(b.Pools[0].ID, simulator.Attributes{"address": "10.0.77.77", "protocol_port": 30080})
			return nil
		},
		"a listener is gone": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			w.cloud.DeleteLoadBalancerPart(b.Listeners[0].ID)
			return nil
		},
		"a listener is changed": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			w.cloud.EditLoadBalancer(b.Listeners[0].ID, simulator.Attributes{"connection_limit": 7})
			return nil
		},
		"the monitor is gone": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			w.cloud.DeleteLoadBalancerPart(b.Pools[0].Monitor.ID)
			return nil
		},
		"the tags are gone": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			w.cloud.EditLoadBalancer(b.ID, simulator.Attributes{"tags": []string{}})
			return nil
		},
		"the floating IP is gone": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			return client.DeleteFloatingIP(context.Background(), w.cloud.FloatingIPs()[0].ID)
		},
		"the floating IP is off": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			_, err := client.UpdateFloatingIP(context.Background(), w.cloud.FloatingIPs()[0].ID, new(string), nil)
			return err
		},
		"a rule is gone": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			for _, g := range w.cloud.SecurityGroups() {
				if strings.HasPrefix(g.Name, "lb-sg-") {
					for _, rule := range g.Rules {
						if rule.PortMin == 30080 {
							return client.DeleteRule(context.Background(), rule.ID)
						}
					}
				}
			}
			return nil
		},
		"the group is off a port": func(w *world, client loadbalancer.Cloud, b simulator.LoadBalancerState) error {
			port := w.cloud.Port(w.servers[nodeName(0)].PortIDs[0])
			return client.SetPortGroups(context.Background(), port.ID, port.Revision, port.SecurityGroups[:1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			life(t, 2, conf, nil, func(t *testing.T, w *world, p *process) {
				pass(6 * time.Minute)
				before := w.picture()
				client, _ := w.client()
				if err := spoil(w, client, w.balancer("web")); err != nil {
					t.Fatal(err)
				}
				pass(5 * time.Second)
				if cmp.Equal(before, w.picture()) {
					t.Fatal("nothing was spoilt")
				}
				pass(7 * time.Minute)
				if diff := cmp.Diff(before, w.picture()); diff != "" {
					t.Errorf("-before +after:\n%s", diff)
				}
				if !p.heard("LoadBalancerRepaired") {
					t.Error("nobody was told")
				}
			})
		})
	}
}

// picture is all that a Service has, without ids.
func (w *world) picture() map[string]any {
	b := w.balancer("web")
	picture := map[string]any{"tags": strings.Join(b.Tags, " "), "address": len(w.cloud.FloatingIPs())}
	for _, l := range b.Listeners {
		picture["listener "+l.Name] = []any{l.Protocol, l.Port, l.ConnectionLimit, l.DefaultPoolID != ""}
	}
	for _, pool := range b.Pools {
		for _, m := range pool.Members {
			picture["member "+pool.Name+" "+m.Address] = []any{m.Port, m.Weight, m.Name}
		}
		picture["monitor "+pool.Name] = pool.Monitor != nil
	}
	for _, ip := range w.cloud.FloatingIPs() {
		picture["floating"] = ip.PortID == b.VIPPortID
	}
	for _, g := range w.cloud.SecurityGroups() {
		if strings.HasPrefix(g.Name, "lb-sg-") {
			picture["rules"] = len(g.Rules)
			for _, s := range w.servers {
				picture["port of "+s.Name] = slices.Contains(w.cloud.Port(s.PortIDs[0]).SecurityGroups, g.ID)
			}
		}
	}
	return picture
}

// Defect 14: with externalTrafficPolicy=Local and no monitor traffic was lost in silence.
func TestLocalPolicyIsWatched(t *testing.T) {
	life(t, 2, []string{"create-monitor=false"}, local, func(t *testing.T, w *world, p *process) {
		monitor := w.balancer("web").Pools[0].Monitor
		if monitor == nil || monitor.Type != "HTTP" || monitor.Path != "/healthz" || w.balancer("web").Pools[0].Members[0].MonitorPort != 32000 {
			t.Errorf("got monitor %+v", monitor)
		}
	})
}

// Defect 15: a change of loadBalancerIP had no effect.
func TestAnotherFloatingIP(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		want := w.cloud.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: w.external.ID, Description: "mine"})
		w.change("web", func(s *v1.Service) { s.Spec.LoadBalancerIP = want.Address })
		pass(time.Minute)
		if got := w.get("web").Status.LoadBalancer.Ingress[0].IP; got != want.Address {
			t.Errorf("got %s, want %s", got, want.Address)
		}
		if got := w.cloud.FloatingIPs(); len(got) != 1 {
			t.Errorf("the old one was not given back: %+v", got)
		}
		w.delete("web")
		w.settle(time.Minute)
		if got := w.cloud.FloatingIPs(); len(got) != 1 || got[0].PortID != "" {
			t.Errorf("the user's floating IP: %+v", got)
		}
	})
}

// Defect 16: after a change of type and back, load-balancer-id named one that was gone.
func TestTypeChangesAndBack(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		w.change("web", func(s *v1.Service) { s.Spec.Type = v1.ServiceTypeClusterIP })
		w.settle(time.Minute)
		if s := w.get("web"); s.Annotations[idKey] != "" || len(w.cloud.LoadBalancers())+len(w.cloud.FloatingIPs()) > 0 {
			t.Errorf("got annotations %v, %d load balancers", s.Annotations, len(w.cloud.LoadBalancers()))
		}
		w.change("web", func(s *v1.Service) { s.Spec.Type = v1.ServiceTypeLoadBalancer })
		pass(time.Minute)
		if wrong := w.flaw("web"); wrong != "" {
			t.Error(wrong)
		}
	})
}

// Defect 22: rules that users put into the group were wiped.
func TestRulesOfOthersStay(t *testing.T) {
	life(t, 2, []string{"manage-security-groups=true"}, nil, func(t *testing.T, w *world, p *process) {
		client, _ := w.client()
		var group string
		for _, g := range w.cloud.SecurityGroups() {
			if strings.HasPrefix(g.Name, "lb-sg-") {
				group = g.ID
			}
		}
		rule := tree.RuleMatch{Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortMin: 9100, PortMax: 9200, RemotePrefix: "192.0.2.0/24"}
		if err := client.CreateRules(t.Context(), group, "metrics", []tree.RuleMatch{rule}); err != nil {
			t.Fatal(err)
		}
		w.change("web", func(s *v1.Service) { s.Spec.Ports = []v1.ServicePort{tcp(8080)} })
		pass(8 * time.Minute)
		found, old := false, false
		for _, g := range w.cloud.SecurityGroups() {
			for _, r := range g.Rules {
				found = found || r.Description == "metrics"
				old = old || r.PortMin == 30080
			}
		}
		if !found || old {
			t.Errorf("the user's rule is there: %v; the old NodePort's: %v", found, old)
		}
	})
}

// Defect 23: internal load balancers could not be shared.
func TestInternalOnesAreShared(t *testing.T) {
	life(t, 2, nil, internal, func(t *testing.T, w *world, p *process) {
		w.share("api", internal, tcp(81))
		w.settle(time.Minute)
		b := w.balancer("web")
		if len(b.Listeners) != 2 || w.get("api").Status.LoadBalancer.Ingress[0].IP != b.VIPAddress || len(w.cloud.FloatingIPs()) > 0 {
			t.Errorf("got %+v and %+v", b.Listeners, w.get("api").Status)
		}
		// The owner goes first: the other stays served.
		w.delete("web")
		pass(time.Minute)
		if b := w.cloud.LoadBalancer(b.ID); len(b.Listeners) != 1 || b.Listeners[0].Port != 81 {
			t.Errorf("after the owner left: %+v", b)
		}
		w.delete("api")
		w.settle(time.Minute)
		if got := w.cloud.LoadBalancers(); len(got) > 0 {
			t.Errorf("left over: %+v", got)
		}
	})
}

// Defect 25: TLS and X-Forwarded-For applied to all ports.
func TestTLSIsForOnePort(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		ref := simulator.Endpoint + w.cloud.AddSecret("web", []byte{0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00}) // as PKCS #12 begins
		p := w.start()
		w.service("web", annotate("port.443.protocol", "terminated-https", "port.443.default-tls-container-ref", ref), tcp(80), tcp(443))
		w.settle(time.Minute)
		got := map[int]string{}
		for _, l := range w.balancer("web").Listeners {
			got[l.Port] = l.Protocol
		}
		if diff := cmp.Diff(map[int]string{80: "TCP", 443: "TERMINATED_HTTPS"}, got); diff != "" {
			t.Error(diff)
		}
		p.end()
	})
}

// Defect 26: the provider was one for all Services.
func TestProviderOfAService(t *testing.T) {
	life(t, 2, nil, annotate("lb-provider", "ovn"), func(t *testing.T, w *world, p *process) {
		if got := w.balancer("web").Provider; got != "ovn" {
			t.Errorf("got provider %s", got)
		}
	})
}

// Defect 27: members got an address or a subnet of another network.
func TestMembersAreInTheNodesSubnet(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 0)
		storage := w.cloud.AddNetwork(simulator.NetworkSpec{Name: "storage", Subnets: []string{"192.168.7.0/24"}})
		s := w.cloud.AddServer(simulator.ServerSpec{Name: nodeName(0), Networks: []simulator.NIC{{NetworkID: storage.ID}, {NetworkID: w.net.ID}}})
		w.servers[nodeName(0)] = s
		node := &v1.Node{}
		node.Name, node.UID, node.Spec.ProviderID = nodeName(0), types.UID("uid"), "openstack:///"+s.ID
		address := w.cloud.Port(s.PortIDs[1]).FixedIPs[0]
		node.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: address.Address}}
		if err := w.kube.Tracker().Add(node); err != nil {
			t.Fatal(err)
		}
		p := w.start()
		w.service("web", nil)
		w.settle(time.Minute)
		b := w.balancer("web")
		if m := b.Pools[0].Members[0]; m.Address != address.Address || m.SubnetID != address.SubnetID || b.VIPSubnetID != address.SubnetID {
			t.Errorf("got member %s in subnet %s and VIP in %s, want %+v", m.Address, m.SubnetID, b.VIPSubnetID, address)
		}
		p.end()
	})
}

// Defect 28: no hostname or tags of a Service, and none without NodePorts.
func TestHostnameTagsAndNoNodePorts(t *testing.T) {
	life(t, 2, nil, func(s *v1.Service) {
		annotate("hostname", "web.example.org", "tags", "team-a")(s)
		s.Spec.AllocateLoadBalancerNodePorts = new(bool)
		s.Spec.Ports[0].NodePort = 0
	}, func(t *testing.T, w *world, p *process) {
		b := w.balancer("web")
		if got := w.get("web").Status.LoadBalancer.Ingress[0].Hostname; got != "web.example.org" || !slices.Contains(b.Tags, "team-a") || len(b.Pools[0].Members) > 0 {
			t.Errorf("got hostname %q, tags %v, members %+v", got, b.Tags, b.Pools[0].Members)
		}
	})
}

// Defect 29: a value that could not be read silently became the default.
func TestBadValuesAreErrors(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.service("web", annotate("connection-limit", "many", "keep-floatingip", "perhaps"))
		pass(time.Minute)
		if got := w.cloud.LoadBalancers(); len(got) > 0 {
			t.Errorf("got %+v", got)
		}
		_, err := p.controller.EnsureLoadBalancer(t.Context(), clusterName, w.get("web"), nil)
		if err == nil || !strings.Contains(err.Error(), "connection-limit") || !strings.Contains(err.Error(), "keep-floatingip") {
			t.Errorf("got %v, want both named", err)
		}
		p.end()
	})
}

// Defect 30: the floating IP went before the load balancer's deletion was accepted.
func TestAddressGoesLast(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		w.cloud.AddFault(simulator.Fault{Match: "DELETE /v2/lbaas/loadbalancers/*", Status: 403})
		w.delete("web")
		pass(10 * time.Minute)
		if got := w.cloud.FloatingIPs(); len(got) != 1 || got[0].PortID == "" {
			t.Errorf("got floating IPs %+v while the load balancer stays", got)
		}
		w.cloud.ClearFaults()
		w.settle(10 * time.Minute)
		if wrong := w.flaw("web"); wrong != "" {
			t.Error(wrong)
		}
	})
}

// The framework syncs nodes beside everything else: what waited for the lock of a
// Service while it was deleted must not make its load balancer anew.
func TestNodeSyncDoesNotBringBackWhatWasDeleted(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		before := w.get("web")
		w.delete("web")
		w.settle(time.Minute)
		if err := p.controller.UpdateLoadBalancer(t.Context(), clusterName, before, nil); err != nil {
			t.Error(err)
		}
		if got := w.cloud.LoadBalancers(); len(got) > 0 {
			t.Errorf("got %+v", got)
		}
	})
}

package scenario_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/world"
)

// managedGroups are the ids and rules of the groups that this cluster's Services
// have, a line a rule: "IPv4 tcp 30080 from 192.168.11.0/24".
func (s *balancerStory) managedGroups(ctx context.Context) (ids, rules []string, err error) {
	var list struct {
		Groups []struct {
			ID, Name, Description string
			Rules                 []struct {
				Direction, Ethertype, Protocol string
				Min                            int    `json:"port_range_min"`
				Max                            int    `json:"port_range_max"`
				From                           string `json:"remote_ip_prefix"`
			} `json:"security_group_rules"`
		} `json:"security_groups"`
	}
	if err := s.on.client.Do(ctx, http.MethodGet, "network", "/v2.0/security-groups", nil, &list); err != nil {
		return nil, nil, err
	}
	for _, g := range list.Groups {
		if !strings.HasPrefix(g.Name, "lb-sg-") || !strings.Contains(g.Description, s.cluster) {
			continue
		}
		ids = append(ids, g.ID)
		for _, r := range g.Rules {
			if r.Direction == "ingress" && r.Min == r.Max {
				rules = append(rules, fmt.Sprintf("%s %s %d from %s", r.Ethertype, r.Protocol, r.Min, r.From))
			}
		}
	}
	slices.Sort(rules)
	return ids, rules, nil
}

// carriers counts the servers' ports that carry a group.
func (on *tenant) carriers(ctx context.Context, group string) (int, error) {
	var list struct{ Ports []port }
	query := url.Values{"network_id": {on.network}, "security_groups": {group}, "fields": {"id"}}
	err := on.client.Do(ctx, http.MethodGet, "network", "/v2.0/ports?"+query.Encode(), nil, &list)
	return len(list.Ports), err
}

// guards waits until there is one group, with these rules, on so many ports.
func (s *balancerStory) guards(t *testing.T, ports int, want ...string) {
	t.Helper()
	slices.Sort(want)
	var ids, rules []string
	carriers := 0
	good := func(ctx context.Context) bool {
		var err error
		if ids, rules, err = s.managedGroups(ctx); err != nil || len(ids) != 1 {
			return false
		}
		carriers, err = s.on.carriers(ctx, ids[0])
		return err == nil && carriers == ports && slices.Equal(rules, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), octaviaTime)
	defer cancel()
	for !good(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("got groups %v on %d ports with rules\n  %s\nwant one on %d with\n  %s",
				ids, carriers, strings.Join(rules, "\n  "), ports, strings.Join(want, "\n  "))
		}
	}
}

// followGroups: the group has a rule a NodePort and address family, and goes
// with ports, nodes and the Service.
func followGroups(t *testing.T, s *balancerStory) {
	s.Serve("web", nil, world.TCP(80), world.UDP(53))
	s.Address("web")
	from := func(protocol string, index int) string {
		return fmt.Sprintf("IPv4 %s %d from %s", protocol, s.Service("web").Spec.Ports[index].NodePort, nodesCIDR)
	}
	first, second := from("tcp", 0), from("udp", 1)
	s.guards(t, 2, first, second)

	s.Edit("web", func(v *corev1.Service) { v.Spec.Ports = v.Spec.Ports[:1] })
	s.guards(t, 2, first)

	s.JoinAll(3, 3)
	s.guards(t, 3, first)
	s.exclude(t, "node-3", true)
	s.guards(t, 2, first)
	s.exclude(t, "node-3", false)
	s.guards(t, 3, first)
	s.Remove("node-3")
	s.guards(t, 2, first)
	s.Settled(octaviaTime)

	s.Forget("web")
	if ids, _, err := s.managedGroups(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("left security groups: %v (%v)", ids, err)
	}
}

// exclude takes a node out of all load balancers, and back in.
func (s *balancerStory) exclude(t *testing.T, name string, out bool) {
	t.Helper()
	s.Until(octaviaTime, name+" is written", func(ctx context.Context) bool {
		node, err := s.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false
		}
		delete(node.Labels, corev1.LabelNodeExcludeBalancers)
		if out {
			node.Labels[corev1.LabelNodeExcludeBalancers] = ""
		}
		_, err = s.Client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
		return err == nil
	})
}

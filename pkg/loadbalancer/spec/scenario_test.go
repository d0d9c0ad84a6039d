package spec_test

import (
	"fmt"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
	"underlay/test/dialogue"
)

// TestScenarios plays the dialogues in testdata:
//
//	> service           the Service is this YAML, over the defaults of one
//	> annotations       the Service has these annotations, name: value
//	> cloud.conf        sections of cloud.conf
//	> node NAME ADDR... a node, with a port
//	> drain NAME        the node is about to go
//	> api VERSION       the version of the Octavia API
//	> wanted            what is wanted of the cloud
//	> made              the cloud makes what is wanted, as it is wanted now
//	> status            what the Service shows once it is made
func TestScenarios(t *testing.T) {
	dialogue.PlayAll(t, func() dialogue.Stage {
		return (&stage{in: input(web()), version: tree.Version{Major: 2, Minor: 29}}).answer
	})
}

// stage is what a dialogue has said so far.
type stage struct {
	in      spec.Input
	version tree.Version
	nodes   []*v1.Node
	made    *tree.Actual
}

func (st *stage) answer(t *testing.T, words []string, body string) string {
	t.Helper()
	switch words[0] {
	case "service":
		st.in.Service = web()
		st.in.Service.Spec.Ports = nil
		if err := yaml.UnmarshalStrict([]byte(body), st.in.Service); err != nil {
			t.Fatal(err)
		}
	case "annotations":
		st.in.Service.Annotations = map[string]string{}
		var short map[string]string
		if err := yaml.UnmarshalStrict([]byte(body), &short); err != nil {
			t.Fatal(err)
		}
		for name, value := range short {
			if !strings.Contains(name, "/") {
				name = spec.Prefix + name
			}
			st.in.Service.Annotations[name] = value
		}
	case "cloud.conf":
		st.configure(t, body)
	case "node":
		st.nodes = append(st.nodes, worker(words[1], words[2:]...))
	case "drain":
		for _, n := range st.nodes {
			if n.Name == words[1] {
				n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: "ToBeDeletedByClusterAutoscaler"})
			}
		}
	case "api":
		if _, err := fmt.Sscanf(words[1], "%d.%d", &st.version.Major, &st.version.Minor); err != nil {
			t.Fatal(err)
		}
	default:
		return st.ask(t, words[0])
	}
	return ""
}

func (st *stage) configure(t *testing.T, body string) {
	t.Helper()
	const global = "[Global]\nauth-url=https://keystone:5000/v3\nregion=R\nusername=u\npassword=p\ntenant-name=t\ndomain-name=d\n"
	got, report := config.Read(strings.NewReader(global+body), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	st.in.Config, st.in.Classes = got.LoadBalancer, got.LoadBalancerClasses
}

// ask reads, resolves and prints.
func (st *stage) ask(t *testing.T, question string) string {
	t.Helper()
	st.in.Nodes = st.nodes
	facts := cloud(st.nodes...)
	facts.Version = st.version
	if st.made != nil {
		facts.Balancer = st.made.Balancer
	}
	w, err := spec.Read(st.in)
	var desired tree.Desired
	var notices []spec.Notice
	if err == nil {
		desired, notices, err = w.Resolve(facts)
	}
	var out strings.Builder
	for _, p := range spec.Problems(err) {
		fmt.Fprintf(&out, "problem: %v\n", p)
	}
	for _, n := range notices {
		fmt.Fprintf(&out, "notice %s: %s\n", n.Reason, n.Message)
	}
	if err != nil {
		return out.String()
	}
	switch question {
	case "wanted":
		printDesired(&out, desired)
	case "made":
		st.made = made(desired)
	case "status":
		for _, ingress := range w.Status(desired, *made(desired)).Ingress {
			fmt.Fprintf(&out, "%s%s %s\n", ingress.IP, ingress.Hostname, at(ingress.IPMode))
		}
	default:
		t.Fatalf("nobody understands %q", question)
	}
	return out.String()
}

// made is the cloud right after what is wanted was made.
func made(desired tree.Desired) *tree.Actual {
	b := desired.Balancer
	b.ID, b.VIP.PortID = "lb", "vip-port"
	if b.VIP.Address == "" {
		b.VIP.Address = map[bool]string{true: "10.0.0.100", false: "fd00::100"}[b.VIP.SubnetID != nodesV6]
	}
	b.AdditionalVIPs = append([]tree.VIP{}, b.AdditionalVIPs...)
	for i := range b.AdditionalVIPs {
		if b.AdditionalVIPs[i].Address != "" {
			continue
		}
		b.AdditionalVIPs[i].Address = map[bool]string{true: "10.0.0.100", false: "fd00::100"}[b.AdditionalVIPs[i].SubnetID != nodesV6]
	}
	actual := &tree.Actual{Balancer: &b, Owned: true}
	if desired.FloatingIP != nil {
		address := desired.FloatingIP.Address
		if address == "" {
			address = "203.0.113.100"
		}
		actual.FloatingIPs = []tree.FloatingIP{{ID: "fip", Address: address, PortID: "vip-port"}}
	}
	return actual
}

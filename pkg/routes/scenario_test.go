package routes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"underlay/internal/step"
	"underlay/test/dialogue"
)

// TestScenarios plays the dialogues in testdata:
//
//	> subnet CIDR                      the router gets an interface there
//	> node NAME ADDR[,ADDR] CIDR[,CIDR]  a server with a port, and its Node
//	> leave NAME [with its server]     the Node goes; its port goes or stays
//	> move NAME ADDR[,ADDR]            the port gets other addresses
//	> port NAME ADDR                   a live port that is no node's
//	> route CIDR ADDR                  somebody writes a route
//	> pair NAME CIDR                   somebody sets an address pair
//	> security NAME off                port security goes off
//	> lose NAME                        the port is not in the list any more
//	> forget                           the ledger is lost
//	> plan, > apply, > routes, > pairs  what is to do; do it; what is there
func TestScenarios(t *testing.T) {
	dialogue.PlayAll(t, func() dialogue.Stage { return newModel().answer })
}

func (m *model) answer(t *testing.T, words []string, _ string) string {
	t.Helper()
	arg := func(i int) string {
		if i >= len(words) {
			t.Fatalf("%q needs more words", strings.Join(words, " "))
		}
		return words[i]
	}
	switch words[0] {
	case "subnet":
		m.attach(arg(1))
	case "node":
		addrs := strings.Split(arg(2), ",")
		m.node(arg(1), addrs, strings.Split(arg(3), ","))
		m.port("port-"+arg(1), "server-"+arg(1), addrs...)
	case "leave":
		m.leave(arg(1), len(words) > 2)
	case "lose":
		m.ports = slices.DeleteFunc(m.ports, func(p Port) bool { return p.ID == "port-"+arg(1) })
	case "move":
		p := m.find("port-" + arg(1))
		p.FixedIPs = nil
		for _, addr := range strings.Split(arg(2), ",") {
			p.FixedIPs = append(p.FixedIPs, FixedIP{SubnetID: m.subnetOf(addr), Address: addr})
		}
	case "port":
		m.port("port-"+arg(1), "", arg(2))
	case "route":
		m.router.Routes = append(m.router.Routes, Route{Destination: arg(1), NextHop: arg(2)})
	case "pair":
		p := m.find("port-" + arg(1))
		p.AddressPairs = append(p.AddressPairs, AddressPair{IPAddress: arg(2)})
	case "security":
		m.find("port-" + arg(1)).PortSecurity = false
	case "forget":
		m.written = map[pair]bool{}
	default:
		return m.show(t, words[0])
	}
	return ""
}

func (m *model) show(t *testing.T, what string) string {
	t.Helper()
	var b strings.Builder
	switch what {
	case "plan":
		m.observe()
		if err := step.Render(&b, m.plan()); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.desired().Problems {
			fmt.Fprintf(&b, "! %v\n", p.Err)
		}
		for _, c := range m.assess().contests {
			fmt.Fprintf(&b, "! node %s: others route %s via %s, which %s holds\n", c.node, c.route.Destination, c.route.NextHop, c.portID)
		}
	case "apply":
		m.reconcile()
	case "routes":
		for _, r := range slices.SortedFunc(slices.Values(m.router.Routes), compareRoutes) {
			fmt.Fprintf(&b, "%s via %s\n", r.Destination, r.NextHop)
		}
	case "pairs":
		for _, p := range m.ports {
			for _, pair := range p.AddressPairs {
				fmt.Fprintf(&b, "%s allows %s\n", p.ID, pair.IPAddress)
			}
		}
	default:
		t.Fatalf("nobody understands %q", what)
	}
	return b.String()
}

func (m *model) leave(name string, withServer bool) {
	for i, node := range m.nodes {
		if node.Name == name {
			m.nodes = slices.Delete(m.nodes, i, i+1)
			break
		}
	}
	if withServer {
		m.ports = slices.DeleteFunc(m.ports, func(p Port) bool { return p.ID == "port-"+name })
	}
}

func (m *model) find(id string) *Port {
	for i := range m.ports {
		if m.ports[i].ID == id {
			return &m.ports[i]
		}
	}
	panic("no port " + id)
}

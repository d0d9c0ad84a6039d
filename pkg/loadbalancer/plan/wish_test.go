package plan_test

import (
	"slices"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

var (
	blue = owner.Cluster{Name: "blue", UID: "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"}
	web  = owner.Service{Namespace: "shop", Name: "web", UID: "5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2"}
	api  = owner.Service{Namespace: "shop", Name: "api", UID: "8f1f0a52-9c0e-4c0e-8a59-6a7d3a4f9b10"}
)

// wish is a Service in a few words.
type wish struct {
	service   owner.Service
	ports     []wishedPort
	nodes     []string // addresses; weight 0 after a "-"
	external  bool
	address   string
	groups    bool
	keep      bool
	stepwise  bool
	serial    bool
	rebuild   bool
	gone      bool
	provider  string
	shared    string
	maxShared int
	vipPort   string
	portText  *string
	old       bool // an API without tags
}

type wishedPort struct {
	port, nodePort int
	listener, pool tree.Protocol
	monitor        string // type, "" for none
	health         int    // monitor port
	cidrs          []string
	headers        map[string]string
	sticky         bool
}

func (w *wish) desired() tree.Desired {
	name := blue.BalancerName(w.service)
	d := tree.Desired{
		Cluster: blue, Service: w.service, BalancerName: name, Gone: w.gone, Rebuild: w.rebuild,
		Capabilities: tree.Capabilities{Version: tree.Version{Major: 2, Minor: 27}, Provider: w.provider},
		Shared:       w.shared, MaxShared: w.maxShared, KeepFloatingIP: w.keep, CascadeDelete: !w.stepwise, Serial: w.serial,
	}
	if w.old {
		d.Capabilities.Version.Minor = 0
	}
	if w.gone {
		d.Balancer.VIP.PortID = w.vipPort
		return d
	}
	d.Balancer = tree.Balancer{
		Name: name, Description: blue.BalancerDescription(w.service), VIP: tree.VIP{SubnetID: "subnet", PortID: w.vipPort},
		Listeners: []tree.Listener{}, AdminUp: new(true),
	}
	for i, p := range w.ports {
		d.Balancer.Listeners = append(d.Balancer.Listeners, w.listener(i, p))
	}
	if w.external {
		d.FloatingIP = &tree.FloatingIPWish{NetworkID: "public", Address: w.address,
			Description: blue.FloatingIPDescription(w.service), PortDescription: w.portText}
	}
	if w.groups {
		d.SecurityGroup = w.group()
	}
	return d
}

func (w *wish) listener(i int, p wishedPort) tree.Listener {
	name := blue.BalancerName(w.service)
	l := tree.Listener{
		Name: owner.PartName("listener", i, name), Protocol: p.listener, Port: p.port,
		Settings: tree.ListenerSettings{AdminUp: new(true), ConnectionLimit: new(-1), AllowedCIDRs: p.cidrs, InsertHeaders: p.headers},
	}
	var tags []string
	if !w.old {
		tags = []string{name}
	}
	l.Tags = tags
	if p.listener == tree.Prometheus {
		return l
	}
	pool := &tree.Pool{Name: owner.PartName("pool", i, name), Tags: tags, Protocol: p.pool,
		Settings: tree.PoolSettings{AdminUp: new(true), Method: new("ROUND_ROBIN"), Persistence: &tree.Persistence{}}, Members: []tree.Member{}}
	if p.sticky {
		pool.Settings.Persistence = &tree.Persistence{Type: "SOURCE_IP"}
	}
	for _, node := range w.nodes {
		weight := 1
		if node[0] == '-' {
			node, weight = node[1:], 0
		}
		m := tree.Member{Target: tree.Target{Address: node, Port: p.nodePort}, Name: "node-" + node, SubnetID: new("subnet"), Weight: &weight}
		if p.nodePort == 0 {
			continue // a Service without NodePorts has empty pools
		}
		m.MonitorPort = new(p.health)
		pool.Members = append(pool.Members, m)
	}
	if p.monitor != "" {
		pool.Monitor = &tree.Monitor{Name: owner.PartName("monitor", i, name), Type: p.monitor,
			Delay: new(5), Timeout: new(3), MaxRetries: new(1), MaxRetriesDown: new(3)}
		if p.monitor == "HTTP" {
			pool.Monitor.HTTPMethod, pool.Monitor.URLPath, pool.Monitor.ExpectedCodes = new("GET"), new("/healthz"), new("200")
		}
	}
	l.Pool = pool
	return l
}

func (w *wish) group() *tree.SecurityGroupWish {
	g := &tree.SecurityGroupWish{Name: owner.SecurityGroupName(w.service), Description: blue.SecurityGroupDescription(w.service),
		Rules: []tree.RuleMatch{}, PortIDs: []string{}}
	for _, p := range w.ports {
		if p.nodePort == 0 {
			continue
		}
		g.Rules = append(g.Rules, ingress(p.nodePort))
	}
	slices.SortFunc(g.Rules, func(x, y tree.RuleMatch) int { return x.PortMin - y.PortMin })
	g.Rules = slices.Compact(g.Rules)
	for _, node := range w.nodes {
		if node[0] != '-' {
			g.PortIDs = append(g.PortIDs, "port-"+node)
		}
	}
	slices.Sort(g.PortIDs)
	return g
}

func ingress(port int) tree.RuleMatch {
	return tree.RuleMatch{Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortMin: port, PortMax: port, RemotePrefix: "10.0.1.0/24"}
}

// nodes are the addresses of three nodes, each with its port.
var nodes = []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}

// newWorld has the nodes' ports, and things of other people.
func newWorld() *world {
	w := &world{}
	for _, node := range nodes {
		w.ports = append(w.ports, tree.Port{ID: "port-" + node, Name: "node", PortSecurity: true, SecurityGroupIDs: []string{"default"}})
	}
	w.ports = append(w.ports, tree.Port{ID: "port-users", Name: "made-by-user", PortSecurity: true, SecurityGroupIDs: []string{}})
	green := owner.Cluster{Name: "blue", UID: "another"}
	w.balancers = []tree.Balancer{{
		ID: "lb-green", Name: green.BalancerName(web), Tags: []string{green.Tag(), green.BalancerName(web)}, Provisioning: tree.Active,
		VIP: tree.VIP{Address: "10.0.1.200", PortID: "vip-green"},
		Listeners: []tree.Listener{{ID: "l-green", Name: owner.PartName("listener", 0, green.BalancerName(web)), Tags: []string{green.BalancerName(web)},
			Protocol: tree.TCP, Port: 80, Pool: &tree.Pool{ID: "p-green", ListenerIDs: []string{"l-green"}, Members: []tree.Member{}}}},
	}}
	w.addresses = []tree.FloatingIP{
		{ID: "fip-green", Address: "203.0.113.1", NetworkID: "public", PortID: "vip-green", FixedIP: "10.0.1.200", Description: green.FloatingIPDescription(web)},
		{ID: "fip-users", Address: "203.0.113.2", NetworkID: "public", Description: "mine"},
		{ID: "fip-idle", Address: "203.0.113.3", NetworkID: "public", Description: green.FloatingIPDescription(web)},
	}
	w.groups = []tree.SecurityGroup{{ID: "default", Name: "default"}}
	return w
}

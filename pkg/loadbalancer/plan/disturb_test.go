package plan_test

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// disturbances are what faults, lost answers and people do to a Service's things.
var disturbances = map[string]func(*world, *tree.Balancer, int){
	"balancer to ERROR":  func(_ *world, b *tree.Balancer, _ int) { b.Provisioning = tree.Failed },
	"balancer tags gone": func(_ *world, b *tree.Balancer, _ int) { b.Tags = []string{blue.Tag()} },
	"balancer off":       func(_ *world, b *tree.Balancer, _ int) { b.AdminUp = new(false) },
	"balancer deleted out of band": func(w *world, b *tree.Balancer, _ int) {
		// An address of the peer's would lose its only proof with its load balancer.
		addresses(func(f *tree.FloatingIP) { f.Description = blue.FloatingIPDescription(web) })(w, b, 0)
		if err := w.deleteBalancer(deleteStep(b.ID)); err != nil {
			panic(err)
		}
	},
	"balancer made twice": func(w *world, b *tree.Balancer, _ int) {
		second := copied(*b)
		second.VIP, second.Pools = tree.VIP{}, nil
		second.Provisioning = tree.Active
		second.Tags = []string{blue.BalancerName(web), blue.Tag()}
		second.Listeners = slices.DeleteFunc(second.Listeners, func(l tree.Listener) bool { return !slices.Contains(l.Tags, blue.BalancerName(web)) })
		if err := w.createBalancer(createStep(second)); err != nil {
			panic(err)
		}
	},
	"listener gone": func(w *world, b *tree.Balancer, i int) {
		if n := len(b.Listeners); n > 0 {
			l := b.Listeners[i%n]
			b.Listeners = slices.Delete(slices.Clone(b.Listeners), i%n, i%n+1)
			w.release(b, l.Pool, l.ID)
		}
	},
	"listener untagged": listener(func(l *tree.Listener) { l.Tags = []string{} }),
	"listener renamed":  listener(func(l *tree.Listener) { l.Name = "mine" }),
	"listener in ERROR": listener(func(l *tree.Listener) { l.Provisioning = tree.Failed }),
	"listener changed":  listener(func(l *tree.Listener) { l.Settings.ConnectionLimit = new(7) }),
	"pool untagged":     pool(func(p *tree.Pool) { p.Tags = []string{} }),
	"pool of the old peer": pool(func(p *tree.Pool) {
		p.Tags, p.Name = []string{}, "TCP_80_pool"
	}),
	"pool in ERROR":   pool(func(p *tree.Pool) { p.Provisioning = tree.Failed }),
	"pool of no one":  pool(func(p *tree.Pool) { p.Settings.Method = new("LEAST_CONNECTIONS") }),
	"members gone":    pool(func(p *tree.Pool) { p.Members, p.MemberIDs = []tree.Member{}, nil }),
	"members unread":  pool(func(p *tree.Pool) { p.Members = []tree.Member{} }),
	"member stranger": pool(func(p *tree.Pool) { p.Members = append(p.Members, stranger()) }),
	"member elsewhere": pool(func(p *tree.Pool) {
		for i := range p.Members {
			p.Members[i].SubnetID = new("another")
		}
	}),
	"member in ERROR": pool(func(p *tree.Pool) {
		for i := range p.Members {
			p.Members[i].Provisioning = tree.Failed
		}
	}),
	"monitor gone": pool(func(p *tree.Pool) { p.Monitor, p.MonitorID = nil, "" }),
	"monitor changed": pool(func(p *tree.Pool) {
		if p.Monitor != nil {
			p.Monitor.Delay, p.Monitor.Provisioning = new(60), tree.Failed
		}
	}),
	"pool made twice": func(w *world, b *tree.Balancer, i int) {
		if n := len(b.Listeners); n > 0 && b.Listeners[i%n].Pool != nil {
			second := copied(*b.Listeners[i%n].Pool)
			second.ID, second.ListenerIDs, second.Members, second.Monitor, second.MonitorID = w.id("pool"), nil, []tree.Member{}, nil, ""
			b.Pools = append(slices.Clone(b.Pools), second)
		}
	},
	"address off its port": addresses(func(f *tree.FloatingIP) {
		f.PortID, f.FixedIP, f.Description = "", "", blue.FloatingIPDescription(web)
	}),
	"address of the peer": addresses(func(f *tree.FloatingIP) {
		if f.PortID != "" { // off a port, nobody could tell whose it is
			f.Description = owner.FloatingIPPrefix + web.String() + " from cluster blue"
		}
	}),
	"address made twice": func(w *world, _ *tree.Balancer, _ int) {
		id := w.id("fip")
		w.addresses = append(w.addresses, tree.FloatingIP{ID: id, Address: "198.51.100." + id, NetworkID: "public", Description: blue.FloatingIPDescription(web)})
	},
	"group made twice": func(w *world, _ *tree.Balancer, _ int) {
		w.groups = append(w.groups, tree.SecurityGroup{ID: w.id("sg"), Name: owner.SecurityGroupName(web), Description: blue.SecurityGroupDescription(web)})
	},
	"group of the peer": groups(func(_ *world, g *tree.SecurityGroup) {
		g.Description = "Security Group for shop/web Service LoadBalancer in cluster blue"
		for i := range g.Rules {
			g.Rules[i].Description = ""
		}
	}),
	"rule gone": groups(func(_ *world, g *tree.SecurityGroup) { g.Rules = g.Rules[:len(g.Rules)/2] }),
	"rule too many": groups(func(w *world, g *tree.SecurityGroup) {
		if !slices.ContainsFunc(g.Rules, func(r tree.Rule) bool { return r.RuleMatch == ingress(30999) }) {
			g.Rules = append(g.Rules, tree.Rule{ID: w.id("rule"), RuleMatch: ingress(30999), Description: blue.Tag()})
		}
	}),
	"group off a port": func(w *world, _ *tree.Balancer, i int) {
		w.ports[i%len(nodes)].SecurityGroupIDs = []string{"default"}
	},
	"group on a port": groups(func(w *world, g *tree.SecurityGroup) {
		if p := w.port("port-users"); !slices.Contains(p.SecurityGroupIDs, g.ID) {
			p.SecurityGroupIDs = append(p.SecurityGroupIDs, g.ID)
		}
	}),
}

func stranger() tree.Member {
	return tree.Member{Target: tree.Target{Address: "10.9.9.9", Port: 1}, Name: "stranger", Weight: new(1), SubnetID: new("subnet")}
}

func listener(change func(*tree.Listener)) func(*world, *tree.Balancer, int) {
	return func(_ *world, b *tree.Balancer, i int) {
		if n := len(b.Listeners); n > 0 {
			change(&b.Listeners[i%n])
		}
	}
}

func pool(change func(*tree.Pool)) func(*world, *tree.Balancer, int) {
	return func(_ *world, b *tree.Balancer, i int) {
		if n := len(b.Listeners); n > 0 && b.Listeners[i%n].Pool != nil {
			change(b.Listeners[i%n].Pool)
		}
	}
}

func addresses(change func(*tree.FloatingIP)) func(*world, *tree.Balancer, int) {
	return func(w *world, _ *tree.Balancer, _ int) {
		for i := range w.addresses {
			f := &w.addresses[i]
			if strings.HasPrefix(f.Description, owner.FloatingIPPrefix) && owner.DescribedCluster(f.Description) != "another" {
				change(f)
			}
		}
	}
}

func groups(change func(*world, *tree.SecurityGroup)) func(*world, *tree.Balancer, int) {
	return func(w *world, _ *tree.Balancer, _ int) {
		for i := range w.groups {
			if w.groups[i].ID != "default" {
				change(w, &w.groups[i])
			}
		}
	}
}

// disturb does one of them to the Service's load balancer.
func disturb(t *rapid.T, w *world) {
	var names []string
	for name := range disturbances {
		names = append(names, name)
	}
	slices.Sort(names)
	name := rapid.SampledFrom(names).Draw(t, "disturbance")
	i := rapid.IntRange(0, 3).Draw(t, "which")
	b := &tree.Balancer{}
	for j := range w.balancers {
		if w.balancers[j].ID != "lb-green" {
			b = &w.balancers[j]
			break
		}
	}
	if b.ID == "" && name[:8] == "balancer" {
		return
	}
	disturbances[name](w, b, i)
}

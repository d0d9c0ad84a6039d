package plan_test

import (
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// drawWish draws a Service.
func drawWish(t *rapid.T, label string) *wish {
	flip := rapid.Bool()
	w := &wish{
		service: web, external: flip.Draw(t, label+" external"), groups: flip.Draw(t, label+" groups"),
		stepwise: flip.Draw(t, label+" stepwise"), rebuild: flip.Draw(t, label+" rebuild"),
		serial:   rapid.IntRange(0, 3).Draw(t, label+" serial") == 0,
		keep:     rapid.IntRange(0, 3).Draw(t, label+" keep") == 0,
		provider: rapid.SampledFrom([]string{"amphora", tree.OVN}).Draw(t, label+" provider"),
		address:  rapid.SampledFrom([]string{"", "", "203.0.113.2", "203.0.113.9"}).Draw(t, label+" address"),
		gone:     rapid.IntRange(0, 5).Draw(t, label+" gone") == 0,
	}
	for _, port := range rapid.SliceOfNDistinct(rapid.SampledFrom([]int{80, 443, 53, 8080}), 1, 4, rapid.ID).Draw(t, label+" ports") {
		w.ports = append(w.ports, drawPort(t, label, port))
	}
	for _, node := range nodes {
		if choice := rapid.IntRange(0, 3).Draw(t, label+" node"); choice == 1 {
			w.nodes = append(w.nodes, "-"+node)
		} else if choice > 1 {
			w.nodes = append(w.nodes, node)
		}
	}
	if flip.Draw(t, label+" port text") {
		w.portText = new("web")
	}
	return w
}

func drawPort(t *rapid.T, label string, port int) wishedPort {
	kinds := []wishedPort{
		{listener: tree.TCP, pool: tree.TCP}, {listener: tree.TCP, pool: tree.Proxy}, {listener: tree.UDP, pool: tree.UDP},
		{listener: tree.HTTP, pool: tree.HTTP}, {listener: tree.HTTP, pool: tree.Proxy}, {listener: tree.TerminatedHTTPS, pool: tree.HTTP},
		{listener: tree.Prometheus},
	}
	p := rapid.SampledFrom(kinds).Draw(t, label+" kind")
	p.port, p.nodePort = port, rapid.SampledFrom([]int{30000 + port, 0}).Draw(t, label+" node port")
	p.monitor = rapid.SampledFrom([]string{"", "TCP", "HTTP"}).Draw(t, label+" monitor")
	p.health = rapid.SampledFrom([]int{0, 32000}).Draw(t, label+" health port")
	p.cidrs = rapid.SampledFrom([][]string{nil, {}, {"192.0.2.0/24"}}).Draw(t, label+" cidrs")
	p.sticky = rapid.Bool().Draw(t, label+" sticky")
	return p
}

// drawWorld draws what the cloud has: what a Service wanted before, perhaps cut
// off in the middle, and then disturbed by hands and faults; and the Service as
// it is now.
func drawWorld(t *rapid.T) (*world, *wish) {
	w := newWorld()
	before, after := drawWish(t, "before"), drawWish(t, "after")
	before.gone = false
	if rapid.IntRange(0, 5).Draw(t, "vip port") == 0 {
		before.vipPort, after.vipPort = "port-users", "port-users"
	}
	d := before.desired()
	actual := w.observe(d)
	steps := plan.Plan(d, actual)
	if err := w.run(actual, steps, rapid.IntRange(0, len(steps)).Draw(t, "done before"), nil); err != nil {
		t.Fatalf("before: %v", err)
	}
	if b := w.first(); b.ID != "" && rapid.IntRange(0, 2).Draw(t, "shared") == 0 {
		d := sharer(b.ID)
		actual := w.observe(d)
		steps := plan.Plan(d, actual)
		if err := w.run(actual, steps, rapid.IntRange(0, len(steps)).Draw(t, "shared so far"), nil); err != nil {
			t.Fatalf("share: %v", err)
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "disturbances") {
		disturb(t, w)
	}
	return w, after
}

// everything lets cmp look into the model.
var everything = gocmp.Exporter(func(reflect.Type) bool { return true })

// sharer is another Service on the load balancer, with a port that nobody else
// wants and one that may be taken.
func sharer(id string) tree.Desired {
	s := &wish{service: api, shared: id, nodes: nodes[:1], external: true, ports: []wishedPort{
		{port: 9000, nodePort: 30900, listener: tree.TCP, pool: tree.TCP}, {port: 8080, nodePort: 30808, listener: tree.TCP, pool: tree.Proxy},
	}}
	return s.desired()
}

// TestPlanConverges: whatever is there and whatever is wanted, one plan leads
// there, no step is refused, and nothing of others is touched.
func TestPlanConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, after := drawWorld(t)
		desired := after.desired()
		others := othersOf(w)
		w.reach(t, desired)
		w.settled(t, desired)
		if diff := gocmp.Diff(others, othersOf(w), everything); diff != "" {
			t.Fatalf("others were touched (-before +after):\n%s", diff)
		}
		if desired.Gone && plan.Remains(desired, w.observe(desired)) {
			t.Fatal("the Service remains")
		}
	})
}

// TestPlanSurvivesCrashes: cut off after any step and made anew, a plan leads to
// the same end; after that the Service goes and leaves nothing, once a Service
// that shared its load balancer is gone, too.
func TestPlanSurvivesCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, after := drawWorld(t)
		others := othersOf(w)
		goes := *after
		if !after.gone {
			goes.gone, goes.keep = true, false
		}
		for _, desired := range []tree.Desired{after.desired(), goes.desired()} {
			for range rapid.IntRange(1, 3).Draw(t, "crashes") {
				actual := w.observe(desired)
				steps := plan.Plan(desired, actual)
				if err := w.run(actual, steps, rapid.IntRange(0, len(steps)).Draw(t, "done"), nil); err != nil {
					t.Fatalf("apply: %v", err)
				}
			}
			w.reach(t, desired)
			w.settled(t, desired)
		}
		if diff := gocmp.Diff(others, othersOf(w), everything); diff != "" {
			t.Fatalf("others were touched (-before +after):\n%s", diff)
		}
		last := sharer(w.first().ID)
		last.Gone = true
		w.reach(t, last)
		if left := leftOf(w); len(left) > 0 && !after.keep {
			t.Fatalf("left behind: %v", left)
		}
	})
}

// TestPlanIgnoresOrder: the order in which things were listed means nothing.
func TestPlanIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, after := drawWorld(t)
		desired := after.desired()
		actual := w.observe(desired)
		want := plan.Plan(desired, actual)
		seed := rapid.Uint64().Draw(t, "seed")
		shuffledDesired, shuffledActual := shuffled(desired, actual, seed)
		if diff := gocmp.Diff(want, plan.Plan(shuffledDesired, shuffledActual)); diff != "" {
			t.Fatalf("(-in order +shuffled):\n%s", diff)
		}
	})
}

// TestPlanLeavesInputAlone: a plan is made of values and changes none.
func TestPlanLeavesInputAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, after := drawWorld(t)
		desired := after.desired()
		actual := w.observe(desired)
		desiredBefore, actualBefore := copied(desired), copied(actual)
		_, _ = plan.Plan(desired, actual), plan.Check(desired, actual)
		if diff := gocmp.Diff(desiredBefore, desired) + gocmp.Diff(actualBefore, actual); diff != "" {
			t.Fatalf("changed:\n%s", diff)
		}
	})
}

// TestPlanKeepsTrafficFlowing: a port that served before and is to serve with
// the same protocol after has members at every moment between.
func TestPlanKeepsTrafficFlowing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		before, after := drawWish(t, "before"), drawWish(t, "after")
		before.gone, after.gone = false, false
		w.reach(t, before.desired())
		desired := after.desired()
		keep := map[tree.Key]bool{}
		for _, p := range before.ports {
			for _, q := range after.ports {
				shared := slices.ContainsFunc(before.nodes, func(n string) bool { return n[0] != '-' && slices.Contains(after.nodes, n) })
				if p.port == q.port && p.listener == q.listener && p.listener != tree.Prometheus && p.nodePort != 0 && q.nodePort != 0 && shared {
					keep[tree.Key{Transport: p.listener.Transport(), Port: p.port}] = true
				}
			}
		}
		actual := w.observe(desired)
		steps := plan.Plan(desired, actual)
		err := w.run(actual, steps, len(steps), func(s step.Step) {
			for key := range keep {
				if !serves(w.balancer(actual.Balancer.ID), key) {
					t.Fatalf("after %q, nothing serves %s", s, key)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func serves(b *tree.Balancer, key tree.Key) bool {
	l := b.Listener(key)
	return l != nil && l.Pool != nil && slices.ContainsFunc(l.Pool.Members, func(m tree.Member) bool { return *m.Weight > 0 })
}

// othersOf is everything in the world that is not the Service's.
func othersOf(w *world) *world {
	others := w.copied()
	others.serial = 0
	for i := range others.balancers {
		if b := &others.balancers[i]; b.ID != "lb-green" {
			b.Listeners = slices.DeleteFunc(b.Listeners, func(l tree.Listener) bool {
				return !slices.Contains(l.Tags, blue.BalancerName(api)) && !strings.HasSuffix(l.Name, blue.BalancerName(api))
			})
			slices.SortFunc(b.Listeners, func(x, y tree.Listener) int { return x.Key().Compare(y.Key()) })
			*b = tree.Balancer{ID: b.ID, Listeners: b.Listeners}
		}
	}
	others.balancers = slices.DeleteFunc(others.balancers, func(b tree.Balancer) bool { return len(b.Listeners) == 0 })
	others.addresses = slices.DeleteFunc(others.addresses, func(f tree.FloatingIP) bool {
		return blue.KeptFloatingIP(web, f.Description) ||
			strings.HasPrefix(f.Description, owner.FloatingIPPrefix) && owner.DescribedCluster(f.Description) != "another"
	})
	for i := range others.addresses {
		if others.addresses[i].ID == "fip-users" { // it goes where the Service wants it, and stays
			others.addresses[i].PortID, others.addresses[i].FixedIP = "", ""
		}
	}
	others.groups = slices.DeleteFunc(others.groups, func(g tree.SecurityGroup) bool { return g.Name == owner.SecurityGroupName(web) })
	others.ports = slices.DeleteFunc(others.ports, func(p tree.Port) bool { return strings.HasPrefix(p.Name, "octavia-lb-") })
	for i := range others.ports {
		p := &others.ports[i]
		p.Revision, p.Description = 0, ""
		p.SecurityGroupIDs = slices.DeleteFunc(p.SecurityGroupIDs, func(id string) bool { return strings.HasPrefix(id, "sg-") })
	}
	return others
}

// leftOf is what is there of the Service.
func leftOf(w *world) []string {
	var left []string
	for _, b := range w.balancers {
		if b.ID != "lb-green" {
			left = append(left, b.ID)
		}
	}
	for _, f := range w.addresses {
		if strings.HasPrefix(f.Description, owner.FloatingIPPrefix) && owner.DescribedCluster(f.Description) != "another" {
			left = append(left, f.ID)
		}
	}
	for _, g := range w.groups {
		if g.ID != "default" {
			left = append(left, g.ID)
		}
	}
	return left
}

func shuffled(d tree.Desired, a tree.Actual, seed uint64) (tree.Desired, tree.Actual) {
	d, a = copied(d), copied(a)
	random := rand.New(rand.NewPCG(seed, 0))
	shuffle := func(n int, swap func(i, j int)) { random.Shuffle(n, swap) }
	mix(shuffle, d.Balancer.Listeners)
	for i := range d.Balancer.Listeners {
		if p := d.Balancer.Listeners[i].Pool; p != nil {
			mix(shuffle, p.Members)
		}
	}
	if d.SecurityGroup != nil {
		mix(shuffle, d.SecurityGroup.Rules)
		mix(shuffle, d.SecurityGroup.PortIDs)
	}
	balancers := []*tree.Balancer{cmp.Or(a.Balancer, &tree.Balancer{})}
	for i := range a.Former {
		balancers = append(balancers, &a.Former[i])
	}
	for _, b := range balancers {
		mix(shuffle, b.Tags)
		mix(shuffle, b.Listeners)
		mix(shuffle, b.Pools)
		for i := range b.Listeners {
			if p := b.Listeners[i].Pool; p != nil {
				mix(shuffle, p.Members)
			}
		}
	}
	mix(shuffle, a.Former)
	mix(shuffle, a.FloatingIPs)
	mix(shuffle, a.SecurityGroups)
	for i := range a.SecurityGroups {
		mix(shuffle, a.SecurityGroups[i].Rules)
	}
	mix(shuffle, a.Ports)
	return d, a
}

func mix[T any](shuffle func(int, func(i, j int)), items []T) {
	shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
}

package plan_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
	"underlay/test/dialogue"
)

// TestScenarios plays the dialogues in testdata:
//
//	> web PORT… [on NODE…]     the Service's ports and nodes: TCP/80:30080 is a
//	                           listener at port 80 over NodePort 30080, and after
//	                           commas: proxy, monitor=TYPE, health=PORT,
//	                           cidrs=CIDR, sticky; a node with "-" is drained
//	> web is WORD…             external, internal, gone, back, keep, stepwise,
//	                           serial, rebuild, groups, address=A, shares=LB, at-most=N, ovn
//	> web plan, > web check    what is to do; what cannot be done
//	> web apply [N]            do it, or only the first N steps
//	> peer                     all was made by the peer: no mark of ours is on it
//	> hand WHAT[, N]            one of the disturbances, to the N-th part
//	> show                     what is there
func TestScenarios(t *testing.T) {
	dialogue.PlayAll(t, func() dialogue.Stage { return (&stage{world: newWorld(), wishes: map[string]*wish{}}).answer })
}

// stage is a world and the Services in it.
type stage struct {
	world  *world
	wishes map[string]*wish
}

func (s *stage) answer(t *testing.T, words []string, _ string) string {
	t.Helper()
	switch words[0] {
	case "show":
		return s.world.show()
	case "peer":
		s.world.unmark()
		return ""
	case "hand":
		what, part, _ := strings.Cut(strings.Join(words[1:], " "), ", ")
		change := disturbances[what]
		if change == nil {
			t.Fatalf("no disturbance %q", what)
		}
		n, _ := strconv.Atoi(part)
		change(s.world, s.world.first(), n)
		return ""
	}
	w := s.wishes[words[0]]
	if w == nil {
		w = &wish{service: owner.Service{Namespace: "shop", Name: words[0], UID: words[0] + "-uid"}, external: true, provider: "amphora"}
		if words[0] == "web" {
			w.service = web
		}
		s.wishes[words[0]] = w
	}
	return s.said(t, w, words[1:])
}

func (s *stage) said(t *testing.T, w *wish, words []string) string {
	t.Helper()
	desired := w.desired()
	actual := s.world.observe(desired)
	steps := plan.Plan(desired, actual)
	switch words[0] {
	case "is":
		for _, word := range words[1:] {
			w.is(t, word)
		}
		return ""
	case "plan":
		return rendered(steps)
	case "check":
		return checked(plan.Check(desired, actual))
	case "apply":
		n := len(steps)
		if len(words) > 1 {
			n, _ = strconv.Atoi(words[1])
		}
		if err := s.world.run(actual, steps, n, nil); err != nil {
			t.Fatal(err)
		}
		return ""
	}
	w.ports, w.nodes = nil, nil
	ports, at, _ := strings.Cut(strings.Join(words, " "), " on ")
	for word := range strings.FieldsSeq(ports) {
		w.ports = append(w.ports, parsePort(t, word))
	}
	w.nodes = strings.Fields(at)
	return ""
}

func rendered(steps []step.Step) string {
	var out strings.Builder
	_ = step.Render(&out, steps)
	return out.String()
}

func checked(err error) string {
	if err == nil {
		return "all of it can be done\n"
	}
	return err.Error() + "\n"
}

func (w *wish) is(t *testing.T, word string) {
	t.Helper()
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "external", "internal":
		w.external = name == "external"
	case "gone", "back":
		w.gone = name == "gone"
	case "keep":
		w.keep = true
	case "stepwise":
		w.stepwise = true
	case "serial":
		w.serial = true
	case "rebuild":
		w.rebuild = true
	case "groups":
		w.groups = true
	case "address":
		w.address = value
	case "shares":
		w.shared = value
	case "at-most":
		w.maxShared, _ = strconv.Atoi(value)
	case "ovn":
		w.provider = tree.OVN
	default:
		t.Fatalf("no word %q", word)
	}
}

// parsePort reads "TCP/80:30080,proxy,monitor=HTTP,health=32000".
func parsePort(t *testing.T, word string) wishedPort {
	t.Helper()
	parts := strings.Split(word, ",")
	protocol, ports, _ := strings.Cut(parts[0], "/")
	front, back, _ := strings.Cut(ports, ":")
	p := wishedPort{listener: tree.Protocol(protocol), pool: tree.Protocol(protocol), cidrs: []string{}}
	var err, errBack error
	p.port, err = strconv.Atoi(front)
	if back != "" {
		p.nodePort, errBack = strconv.Atoi(back)
	}
	if err := errors.Join(err, errBack); err != nil {
		t.Fatal(err)
	}
	if p.listener == tree.TerminatedHTTPS {
		p.pool = tree.HTTP
	}
	for _, option := range parts[1:] {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "proxy":
			p.pool = tree.Proxy
		case "monitor":
			p.monitor = value
		case "health":
			p.health, _ = strconv.Atoi(value)
		case "cidrs":
			p.cidrs = []string{value}
		case "sticky":
			p.sticky = true
		default:
			t.Fatalf("no option %q", option)
		}
	}
	return p
}

// first is the load balancer that hands get at.
func (w *world) first() *tree.Balancer {
	for i := range w.balancers {
		if w.balancers[i].ID != "lb-green" {
			return &w.balancers[i]
		}
	}
	return &tree.Balancer{}
}

// unmark leaves everything as the peer makes it: tags of the Service on load
// balancer and listeners, none on pools, and descriptions without identity.
func (w *world) unmark() {
	for i := range w.balancers {
		b := &w.balancers[i]
		if b.ID == "lb-green" {
			continue
		}
		b.Tags = slices.DeleteFunc(b.Tags, func(tag string) bool { return tag == blue.Tag() })
		b.Description, _, _ = strings.Cut(b.Description, " [")
		for j := range b.Listeners {
			if p := b.Listeners[j].Pool; p != nil {
				p.Tags = []string{}
			}
		}
	}
	for i := range w.addresses {
		if owner.DescribedCluster(w.addresses[i].Description) == blue.UID {
			w.addresses[i].Description, _, _ = strings.Cut(w.addresses[i].Description, " [")
		}
	}
	for i := range w.groups {
		w.groups[i].Description, _, _ = strings.Cut(w.groups[i].Description, " [")
		for j := range w.groups[i].Rules {
			w.groups[i].Rules[j].Description = ""
		}
	}
}

// show tells what is there, but for the other cluster's things.
func (w *world) show() string {
	var out strings.Builder
	for i := range w.balancers {
		if b := &w.balancers[i]; b.ID != "lb-green" {
			showBalancer(&out, b)
		}
	}
	for _, f := range w.addresses {
		if f.PortID == "vip-green" || f.ID == "fip-idle" || f.ID == "fip-users" && f.PortID == "" {
			continue
		}
		fmt.Fprintf(&out, "floating IP %s at %s\n", f.Address, cmp.Or(f.FixedIP, "no VIP"))
	}
	for _, g := range w.groups {
		if g.ID == "default" {
			continue
		}
		fmt.Fprintf(&out, "security group %s:", g.ID)
		for _, r := range g.Rules {
			fmt.Fprintf(&out, " %d", r.PortMin)
		}
		for _, p := range w.ports {
			if slices.Contains(p.SecurityGroupIDs, g.ID) {
				fmt.Fprintf(&out, " on %s", p.ID)
			}
		}
		fmt.Fprintln(&out)
	}
	if out.Len() == 0 {
		return "nothing\n"
	}
	return out.String()
}

func showBalancer(out *strings.Builder, b *tree.Balancer) {
	fmt.Fprintf(out, "%s %s at %s, %s\n", b.ID, b.Name, b.VIP.Address, b.Provisioning)
	for _, tag := range b.Tags {
		fmt.Fprintf(out, "  tag %s\n", strings.Replace(tag, blue.UID, "UID", 1))
	}
	listeners := slices.Clone(b.Listeners)
	slices.SortFunc(listeners, func(x, y tree.Listener) int { return x.Key().Compare(y.Key()) })
	for _, l := range listeners {
		fmt.Fprintf(out, "  %s/%d %s", l.Protocol, l.Port, l.ID)
		if l.Pool != nil {
			showPool(out, l.Pool)
		}
		fmt.Fprintln(out)
	}
	for i := range b.Pools {
		fmt.Fprint(out, "  idle")
		showPool(out, &b.Pools[i])
		fmt.Fprintln(out)
	}
}

func showPool(out *strings.Builder, p *tree.Pool) {
	fmt.Fprintf(out, " %s %s:", p.ID, p.Protocol)
	for _, m := range p.Members {
		fmt.Fprintf(out, " %s", m.Target)
		if *m.Weight == 0 {
			fmt.Fprint(out, " (drained)")
		}
	}
	if p.Monitor != nil {
		fmt.Fprintf(out, " watched by %s", p.Monitor.Type)
	}
}

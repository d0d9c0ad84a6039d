package leftovers

import (
	"cmp"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// Project is what one look at a project saw. Listeners and Pools are those of
// all load balancers, which are given without.
type Project struct {
	Balancers   []tree.Balancer
	Listeners   []tree.Listener
	Pools       []tree.Pool
	FloatingIPs []tree.FloatingIP
	Groups      []tree.SecurityGroup
	Ports       []tree.Port
}

// Job is a chain of steps: where one fails, the rest of it is left, and other
// jobs go on.
type Job struct {
	// BalancerID is the load balancer that the steps change or delete, "" for none;
	// Tags are those that it had.
	BalancerID string
	Tags       []string
	Steps      []step.Step
}

// Kept is something that seems to belong here and is not removed.
type Kept struct{ What, Why string }

// Found is what is to be done, and what is left alone. The jobs of one kind are
// independent; each kind is to wait for those before it.
type Found struct {
	Balancers, Addresses []Job
	// Ports take groups off ports, one write a port; Groups delete them.
	Ports, Groups []Job
	Kept          []Kept
}

// finder collects what is found.
type finder struct {
	Project
	whose Whose
	found Found
	going map[string]bool // ports that go with their load balancer
	stays map[string]string
}

// Find lists what that cluster left. It is pure and sorted: the same project
// gives the same list.
func Find(project Project, whose Whose) Found {
	f := &finder{Project: project, whose: whose, going: map[string]bool{}, stays: map[string]string{}}
	balancers := slices.Clone(project.Balancers)
	slices.SortFunc(balancers, func(a, b tree.Balancer) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	for i := range balancers {
		f.balancer(&balancers[i])
	}
	f.looseAddresses()
	f.groups()
	return f.found
}

// balancer decides about one load balancer.
func (f *finder) balancer(b *tree.Balancer) {
	m, parts := markOfBalancer(b), f.partsOf(b)
	switch {
	case b.Provisioning == tree.Deleted:
	case !m.of(f.whose):
		f.stays[b.VIP.PortID] = b.Name
		if parts.hasOurs() {
			f.leave(b, parts)
		}
	case len(parts.others) > 0 || len(m.uids) > 1:
		f.stays[b.VIP.PortID] = b.Name
		f.leave(b, parts)
	case !generated(b):
		f.stays[b.VIP.PortID] = b.Name
		f.leave(b, parts)
	default:
		f.delete(b)
	}
}

// generated says that a cluster made the load balancer, not a user who let a
// Service have it.
func generated(b *tree.Balancer) bool {
	return strings.HasPrefix(b.Name, owner.ServicePrefix) || legacyName.MatchString(b.Name) || clusterIn(b.Description) != ""
}

// delete removes a load balancer whole, then the floating IPs on it: a deletion
// that is refused takes nothing away.
func (f *finder) delete(b *tree.Balancer) {
	job := Job{BalancerID: b.ID, Tags: b.Tags, Steps: []step.Step{
		plan.DeleteLoadBalancer{ID: b.ID, Label: label(b), Cascade: true},
	}}
	f.going[b.VIP.PortID] = true
	for _, address := range f.FloatingIPs {
		if address.PortID == "" || address.PortID != b.VIP.PortID {
			continue
		}
		m := markOfFloatingIP(&address)
		// One without identity on a load balancer that has it was made by the
		// peer, for the same Service.
		if m.of(f.whose) || len(m.uids) == 0 && m.name != "" && m.name == markOfBalancer(b).name {
			job.Steps = append(job.Steps, plan.DeleteFloatingIP{ID: address.ID, Address: address.Address})
		}
	}
	f.found.Balancers = append(f.found.Balancers, job)
}

// looseAddresses are floating IPs of the cluster that lead to no load balancer
// of it any more.
func (f *finder) looseAddresses() {
	addresses := slices.Clone(f.FloatingIPs)
	slices.SortFunc(addresses, func(a, b tree.FloatingIP) int { return strings.Compare(a.Address, b.Address) })
	for _, address := range addresses {
		if keptBy(&address).of(f.whose) {
			f.keep("floating IP "+address.Address, "a Service was told to keep it")
		}
		if !markOfFloatingIP(&address).of(f.whose) || f.going[address.PortID] && address.PortID != "" {
			continue
		}
		if address.PortID != "" {
			f.keep("floating IP "+address.Address, "it leads to "+f.describePort(address.PortID))
			continue
		}
		f.found.Addresses = append(f.found.Addresses, Job{Steps: []step.Step{plan.DeleteFloatingIP{ID: address.ID, Address: address.Address}}})
	}
}

// groups takes security groups off the ports that carry them, and deletes them.
func (f *finder) groups() {
	groups := slices.DeleteFunc(slices.Clone(f.Groups), func(g tree.SecurityGroup) bool { return !markOfGroup(&g).of(f.whose) })
	slices.SortFunc(groups, func(a, b tree.SecurityGroup) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	ids := map[string]bool{}
	for _, group := range groups {
		ids[group.ID] = true
		f.found.Groups = append(f.found.Groups, Job{Steps: []step.Step{plan.DeleteSecurityGroup{ID: group.ID, Name: group.Name}}})
	}
	ports := slices.Clone(f.Ports)
	slices.SortFunc(ports, func(a, b tree.Port) int { return strings.Compare(a.ID, b.ID) })
	for _, port := range ports {
		remove := slices.DeleteFunc(slices.Clone(port.SecurityGroupIDs), func(id string) bool { return !ids[id] })
		if len(remove) == 0 || f.going[port.ID] {
			continue
		}
		f.found.Ports = append(f.found.Ports, Job{Steps: []step.Step{plan.SetPortGroups{
			PortID: port.ID, Revision: port.Revision, GroupIDs: port.SecurityGroupIDs, Remove: remove,
		}}})
	}
}

func (f *finder) keep(what, why string) { f.found.Kept = append(f.found.Kept, Kept{what, why}) }

func (f *finder) describePort(id string) string {
	if name := f.stays[id]; name != "" {
		return "load balancer " + name + ", which stays"
	}
	for _, port := range f.Ports {
		if port.ID == id && port.DeviceOwner != "" {
			return "port " + id + " of " + port.DeviceOwner
		}
	}
	return "port " + id
}

func label(b *tree.Balancer) string { return cmp.Or(b.Name, b.ID) }

package plan

import (
	"cmp"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// takeAddress brings the wanted floating IP onto the VIP port, or takes one off
// an internal Service. On a load balancer with other Services on it, the address
// that is there stays.
func (v *view) takeAddress() []step.Step {
	wish, current := v.desired.FloatingIP, v.currentAddress()
	switch {
	case wish == nil && current == nil:
		return v.dropIdleAddresses()
	case wish == nil:
		return append(v.takeOff(current), v.dropIdleAddresses(current.ID)...)
	}
	steps, used := v.bringAddress(wish, current)
	return slices.Concat(steps, v.describePort(wish), v.dropIdleAddresses(used...))
}

// bringAddress are the steps to the wanted address, and the ids of the floating
// IPs that they deal with.
func (v *view) bringAddress(wish *tree.FloatingIPWish, current *tree.FloatingIP) ([]step.Step, []string) {
	found := v.candidate(wish)
	var used []string
	for _, f := range []*tree.FloatingIP{current, found} {
		if f != nil {
			used = append(used, f.ID)
		}
	}
	switch {
	case current == nil:
		return v.acquire(wish, found), used
	case wish.Address == "" || wish.Address == current.Address || !v.mayTakeOff():
		return nil, []string{current.ID}
	default:
		return v.swap(wish, current, found), used
	}
}

// currentAddress is the floating IP at the VIP.
func (v *view) currentAddress() *tree.FloatingIP {
	port := v.vipPort()
	if port == "" {
		return nil
	}
	for i := range v.actual.FloatingIPs {
		f := &v.actual.FloatingIPs[i]
		if f.PortID == port && (v.fresh() || at(v.balancer, f)) {
			return f
		}
	}
	return nil
}

// at says that the floating IP, which is on the load balancer's VIP port, leads to
// one of its addresses: a port of the user's may have others. The IPv4 address of
// a load balancer of both families may be its second one.
func at(b *tree.Balancer, f *tree.FloatingIP) bool {
	return f.FixedIP == "" || b.VIP.Address == "" || f.FixedIP == b.VIP.Address ||
		slices.ContainsFunc(b.AdditionalVIPs, func(vip tree.VIP) bool { return vip.Address == f.FixedIP })
}

// mayTakeOff says that the address of the load balancer is this Service's to
// change: it is its own, and no other Service is reached by it.
func (v *view) mayTakeOff() bool {
	return len(v.others) == 0 && (v.actual.Owned || v.balancer == nil)
}

// takeOff makes the load balancer internal.
func (v *view) takeOff(current *tree.FloatingIP) []step.Step {
	const why = "the Service is internal"
	switch {
	case !v.mayTakeOff():
		return nil
	case v.deletable(current) && !v.desired.KeepFloatingIP:
		return []step.Step{DeleteFloatingIP{ID: current.ID, Address: current.Address, Why: why}}
	default:
		return append(v.keepAddress(current), DetachFloatingIP{ID: current.ID, Address: current.Address, Why: why})
	}
}

// acquire gives a VIP without an address one: the floating IP at the wanted
// address, one of this Service that is idle, or a new one.
func (v *view) acquire(wish *tree.FloatingIPWish, found *tree.FloatingIP) []step.Step {
	switch {
	case found == nil:
		return []step.Step{CreateFloatingIP{Wish: *wish}}
	case !v.movable(found):
		return nil // in use elsewhere: Check reports it
	default:
		return []step.Step{AttachFloatingIP{ID: found.ID, Address: found.Address}}
	}
}

// swap puts another address on the VIP. The old one goes only when the new one
// is sure, and is marked first if it would not be known again once detached.
func (v *view) swap(wish *tree.FloatingIPWish, current, found *tree.FloatingIP) []step.Step {
	var steps []step.Step
	switch {
	case found == nil:
		found = &tree.FloatingIP{Address: wish.Address}
		steps = append(steps, CreateFloatingIP{Wish: *wish, Unattached: true})
	case !v.movable(found):
		return nil
	}
	drop := v.deletable(current) && !v.desired.KeepFloatingIP
	if drop {
		steps = append(steps, v.markAddress(current)...)
	} else {
		steps = append(steps, v.keepAddress(current)...)
	}
	why := "the Service wants " + wish.Address
	steps = append(steps,
		DetachFloatingIP{ID: current.ID, Address: current.Address, Why: why},
		AttachFloatingIP{ID: found.ID, Address: found.Address})
	if drop {
		steps = append(steps, DeleteFloatingIP{ID: current.ID, Address: current.Address, Why: why})
	}
	return steps
}

// candidate is the floating IP at the wanted address. Where any will do, it is
// the one on the load balancer that is being replaced, else an idle one of this
// Service.
func (v *view) candidate(wish *tree.FloatingIPWish) *tree.FloatingIP {
	var idle *tree.FloatingIP
	for i := range v.actual.FloatingIPs {
		f := &v.actual.FloatingIPs[i]
		network := wish.NetworkID == "" || f.NetworkID == "" || wish.NetworkID == f.NetworkID
		switch {
		case wish.Address != "":
			if wish.Address == f.Address {
				return f
			}
		case v.onReplaced(f):
			return f
		case idle == nil && network && (v.provable(f) || v.kept(f)) && v.movable(f):
			idle = f
		}
	}
	return idle
}

// onReplaced says that the floating IP is on the VIP of a load balancer that is
// made again.
func (v *view) onReplaced(f *tree.FloatingIP) bool {
	old := cmp.Or(v.balancer, v.going)
	return v.fresh() && old != nil && old.VIP.PortID != "" && f.PortID == old.VIP.PortID && at(old, f)
}

// dropIdleAddresses gives back what this Service has and does not use.
func (v *view) dropIdleAddresses(used ...string) []step.Step {
	if v.desired.KeepFloatingIP {
		return nil
	}
	var steps []step.Step
	for i := range v.actual.FloatingIPs {
		f := &v.actual.FloatingIPs[i]
		if !slices.Contains(used, f.ID) && v.deletable(f) && v.movable(f) {
			steps = append(steps, DeleteFloatingIP{ID: f.ID, Address: f.Address, Why: "the Service does not use it"})
		}
	}
	return steps
}

// markAddresses describes, before their load balancer goes, the floating IPs
// that would not be known for this Service's once they are on no port. A VIP
// port that the user made stays when its load balancer goes, so that an address
// of ours has to be taken off it.
func (v *view) markAddresses() []step.Step {
	var steps []step.Step
	for i := range v.actual.FloatingIPs {
		f := &v.actual.FloatingIPs[i]
		if !v.deletable(f) || v.desired.KeepFloatingIP && v.desired.Gone {
			continue
		}
		steps = append(steps, v.markAddress(f)...)
		if v.desired.Gone && f.PortID != "" && f.PortID == v.balancer.VIP.PortID && v.usersPort(f.PortID) {
			steps = append(steps, DetachFloatingIP{ID: f.ID, Address: f.Address, Why: "its port stays"})
		}
	}
	return steps
}

// usersPort says that the VIP port was not made by Octavia, which names those
// that it makes and deletes "octavia-lb-" and the load balancer's id.
// Source: octavia/network/drivers/neutron/allowed_address_pairs.py, allocate_vip.
func (v *view) usersPort(id string) bool {
	return id == v.desired.Balancer.VIP.PortID || slices.ContainsFunc(v.actual.Ports, func(p tree.Port) bool {
		return p.ID == id && !strings.HasPrefix(p.Name, "octavia-lb-")
	})
}

func (v *view) markAddress(f *tree.FloatingIP) []step.Step {
	if v.provable(f) {
		return nil
	}
	return []step.Step{DescribeFloatingIP{ID: f.ID, Address: f.Address,
		Description: v.desired.Cluster.FloatingIPDescription(v.desired.Service)}}
}

// dropAddresses gives back the floating IPs of a Service that is gone. One on a
// load balancer that stays serves those who stay.
func (v *view) dropAddresses() []step.Step {
	if v.desired.KeepFloatingIP {
		return v.keepAddresses()
	}
	var steps []step.Step
	for i := range v.actual.FloatingIPs {
		f := &v.actual.FloatingIPs[i]
		left := v.balancer != nil && f.PortID == v.balancer.VIP.PortID && !v.goesWhole() && len(v.others) == 0
		if v.deletable(f) && v.movable(f) || v.provable(f) && left {
			steps = append(steps, DeleteFloatingIP{ID: f.ID, Address: f.Address, Why: "the Service is gone"})
		}
	}
	return steps
}

// provable says that the floating IP was made for this Service of this cluster,
// wherever it is.
func (v *view) provable(f *tree.FloatingIP) bool {
	return v.desired.Cluster.MadeFloatingIP(v.desired.Service, f.Description)
}

// deletable says that the floating IP was made for a Service, and is this one's
// by its mark or by being on its load balancer.
func (v *view) deletable(f *tree.FloatingIP) bool {
	if !strings.HasPrefix(f.Description, owner.FloatingIPPrefix) {
		return false
	}
	port := v.desired.Balancer.VIP.PortID
	if b := cmp.Or(v.balancer, v.going); b != nil {
		port = b.VIP.PortID
	}
	other := owner.DescribedCluster(f.Description)
	return v.provable(f) || f.PortID != "" && f.PortID == port && (other == "" || other == v.desired.Cluster.UID)
}

// movable says that the floating IP may be put elsewhere or deleted: it is on no
// port, or on the VIP port of a load balancer that goes.
func (v *view) movable(f *tree.FloatingIP) bool {
	if f.PortID == "" {
		return true
	}
	for _, port := range v.leavingPorts() {
		if f.PortID == port {
			return true
		}
	}
	return false
}

// leavingPorts are the VIP ports of the load balancers that go.
func (v *view) leavingPorts() []string {
	var ports []string
	if users := v.desired.Balancer.VIP.PortID; v.desired.Gone && (v.balancer == nil || v.balancer.VIP.PortID != users) {
		ports = append(ports, users)
	}
	if v.going != nil {
		ports = append(ports, v.going.VIP.PortID)
	}
	if v.rebuild() || v.desired.Gone && v.goesWhole() {
		ports = append(ports, v.balancer.VIP.PortID)
	}
	for i := range v.actual.Former {
		if former := v.formerView(i); former.going != nil || former.goesWhole() {
			ports = append(ports, v.actual.Former[i].VIP.PortID)
		}
	}
	return ports
}

// describePort writes the wanted description on the VIP port. Where Services share
// the load balancer only its own one does: two would write in turn.
func (v *view) describePort(wish *tree.FloatingIPWish) []step.Step {
	if wish.PortDescription == nil || !v.actual.Owned && len(v.others) > 0 {
		return nil
	}
	id := v.vipPort()
	if id == "" {
		return []step.Step{DescribePort{Description: *wish.PortDescription}}
	}
	for _, p := range v.actual.Ports {
		if p.ID == id && p.Description != *wish.PortDescription {
			return []step.Step{DescribePort{PortID: id, Description: *wish.PortDescription}}
		}
	}
	return nil
}

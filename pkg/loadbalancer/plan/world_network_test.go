package plan_test

import (
	"fmt"
	"slices"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

func (w *world) address(id string) *tree.FloatingIP {
	for i := range w.addresses {
		if w.addresses[i].ID == id {
			return &w.addresses[i]
		}
	}
	return nil
}

func (w *world) port(id string) *tree.Port {
	for i := range w.ports {
		if w.ports[i].ID == id {
			return &w.ports[i]
		}
	}
	return nil
}

func (w *world) group(id string) *tree.SecurityGroup {
	for i := range w.groups {
		if w.groups[i].ID == id {
			return &w.groups[i]
		}
	}
	return nil
}

// vip is the VIP of the load balancer that the plan is about.
func (w *world) vip() (tree.VIP, error) {
	b := w.balancer(w.made.balancer)
	if b == nil {
		return tree.VIP{}, refuse("there is no VIP")
	}
	return b.VIP, nil
}

func (w *world) applyAddress(s step.Step) (bool, error) {
	switch s := s.(type) {
	case plan.CreateFloatingIP:
		return true, w.createAddress(s)
	case plan.AttachFloatingIP:
		id := s.ID
		if id == "" {
			id = w.made.address
		}
		return true, w.attach(id, s.Description)
	case plan.DetachFloatingIP:
		f := w.address(s.ID)
		if f == nil || f.PortID == "" {
			return true, refuse("nothing to take off")
		}
		f.PortID, f.FixedIP = "", ""
		return true, nil
	case plan.DescribeFloatingIP:
		f := w.address(s.ID)
		if f == nil {
			return true, refuse("no floating IP %q", s.ID)
		}
		f.Description = s.Description
		return true, nil
	case plan.DeleteFloatingIP:
		if w.address(s.ID) == nil {
			return true, refuse("no floating IP %q", s.ID)
		}
		w.addresses = slices.DeleteFunc(w.addresses, func(f tree.FloatingIP) bool { return f.ID == s.ID })
		return true, nil
	}
	return false, nil
}

func (w *world) createAddress(s plan.CreateFloatingIP) error {
	f := tree.FloatingIP{ID: w.id("fip"), Address: s.Wish.Address, NetworkID: s.Wish.NetworkID, Description: s.Wish.Description}
	if f.Address == "" {
		f.Address = fmt.Sprintf("203.0.113.%d", 100+w.serial)
	}
	if slices.ContainsFunc(w.addresses, func(g tree.FloatingIP) bool { return g.Address == f.Address }) {
		return refuse("address %s is in use", f.Address)
	}
	w.addresses = append(w.addresses, f)
	w.made.address = f.ID
	if s.Unattached {
		return nil
	}
	return w.attach(f.ID, nil)
}

func (w *world) attach(id string, description *string) error {
	vip, err := w.vip()
	f := w.address(id)
	if err != nil || f == nil {
		return refuse("no VIP or no floating IP %q", id)
	}
	for _, other := range w.addresses {
		if other.ID != id && other.PortID == vip.PortID && other.FixedIP == vip.Address {
			return refuse("the VIP has %s", other.Address)
		}
	}
	f.PortID, f.FixedIP = vip.PortID, vip.Address
	set(&f.Description, description)
	return nil
}

func (w *world) applyGroup(s step.Step) (bool, error) {
	switch s := s.(type) {
	case plan.CreateSecurityGroup:
		g := tree.SecurityGroup{ID: w.id("sg"), Name: s.Name, Description: s.Description}
		w.groups, w.made.group = append(w.groups, g), g.ID
		return true, nil
	case plan.CreateRules:
		return true, w.createRules(s)
	case plan.DeleteRule:
		for i := range w.groups {
			g := &w.groups[i]
			if n := len(g.Rules); true {
				g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), func(r tree.Rule) bool { return r.ID == s.ID })
				if len(g.Rules) < n {
					return true, nil
				}
			}
		}
		return true, refuse("no rule %q", s.ID)
	case plan.SetPortGroups:
		return true, w.setGroups(s)
	case plan.DeleteSecurityGroup:
		for _, p := range w.ports {
			if slices.Contains(p.SecurityGroupIDs, s.ID) {
				return true, refuse("port %s carries it", p.ID)
			}
		}
		if w.group(s.ID) == nil {
			return true, refuse("no group %q", s.ID)
		}
		w.groups = slices.DeleteFunc(w.groups, func(g tree.SecurityGroup) bool { return g.ID == s.ID })
		return true, nil
	case plan.DescribePort:
		id := s.PortID
		if id == "" {
			vip, err := w.vip()
			if err != nil {
				return true, err
			}
			id = vip.PortID
		}
		w.port(id).Description = s.Description
		return true, nil
	}
	return false, nil
}

func (w *world) groupID(ref plan.GroupRef) string {
	if ref.ID == "" {
		return w.made.group
	}
	return ref.ID
}

func (w *world) createRules(s plan.CreateRules) error {
	g := w.group(w.groupID(s.Group))
	if g == nil {
		return refuse("no group %v", s.Group)
	}
	for _, match := range s.Rules {
		if slices.ContainsFunc(g.Rules, func(r tree.Rule) bool { return r.RuleMatch == match }) {
			return refuse("rule exists")
		}
		g.Rules = append(slices.Clone(g.Rules), tree.Rule{ID: w.id("rule"), GroupID: g.ID, RuleMatch: match, Description: s.Description})
	}
	return nil
}

func (w *world) setGroups(s plan.SetPortGroups) error {
	p := w.port(s.PortID)
	if p == nil || !p.PortSecurity || p.Revision != s.Revision {
		return refuse("port %s is gone, changed or takes no groups", s.PortID)
	}
	id := ""
	if s.Add != nil {
		id = w.groupID(*s.Add)
	}
	p.SecurityGroupIDs = s.Groups(id)
	p.Revision++
	return nil
}

package plan

import (
	"slices"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// openGroup lets the load balancer in at the nodes: the group, its rules, and
// the ports that are to carry it.
func (v *view) openGroup() []step.Step {
	wish := v.desired.SecurityGroup
	if wish == nil {
		return nil
	}
	var steps []step.Step
	keep := v.keptGroup()
	ref, have := GroupRef{}, []tree.Rule(nil)
	if keep == nil {
		steps = append(steps, CreateSecurityGroup{Name: wish.Name, Description: wish.Description})
	} else {
		ref.ID, have = keep.ID, keep.Rules
	}
	var missing []tree.RuleMatch
	for _, match := range wish.Rules {
		if !slices.ContainsFunc(have, func(r tree.Rule) bool { return r.RuleMatch == match }) && !slices.Contains(missing, match) {
			missing = append(missing, match)
		}
	}
	if len(missing) > 0 {
		slices.SortFunc(missing, compareMatches)
		steps = append(steps, CreateRules{Group: ref, Description: v.desired.Cluster.Tag(), Rules: missing})
	}
	for i := range v.actual.Ports {
		p := &v.actual.Ports[i]
		if v.opens(p) {
			steps = append(steps, SetPortGroups{PortID: p.ID, Revision: p.Revision, GroupIDs: p.SecurityGroupIDs,
				Add: &ref, Remove: v.unwantedGroups(p)})
		}
	}
	return steps
}

// opens says that the port is to carry the group and does not. Where port
// security is off, everything comes in, and Neutron refuses groups.
func (v *view) opens(p *tree.Port) bool {
	wish, keep := v.desired.SecurityGroup, v.keptGroup()
	if wish == nil || !p.PortSecurity || !slices.Contains(wish.PortIDs, p.ID) {
		return false
	}
	return keep == nil || !slices.Contains(p.SecurityGroupIDs, keep.ID)
}

// closeGroups takes away what is not wanted any more: the group off ports that
// left, rules, then groups that a lost answer made twice or that nobody needs.
func (v *view) closeGroups() []step.Step {
	if v.desired.SecurityGroup == nil && !v.desired.Gone {
		return nil
	}
	var steps []step.Step
	for i := range v.actual.Ports {
		p := &v.actual.Ports[i]
		if remove := v.unwantedGroups(p); len(remove) > 0 && !v.opens(p) {
			steps = append(steps, SetPortGroups{PortID: p.ID, Revision: p.Revision, GroupIDs: p.SecurityGroupIDs, Remove: remove})
		}
	}
	keep := v.keptGroup()
	if keep != nil {
		steps = append(steps, v.dropRules(keep)...)
	}
	for i := range v.actual.SecurityGroups {
		g := &v.actual.SecurityGroups[i]
		if v.ownGroup(g) && g != keep {
			steps = append(steps, DeleteSecurityGroup{ID: g.ID, Name: g.Name})
		}
	}
	return steps
}

// unwantedGroups are the groups of this Service that the port carries and should not.
func (v *view) unwantedGroups(p *tree.Port) []string {
	keep, wish := v.keptGroup(), v.desired.SecurityGroup
	var remove []string
	for i := range v.actual.SecurityGroups {
		g := &v.actual.SecurityGroups[i]
		stays := keep != nil && g.ID == keep.ID && slices.Contains(wish.PortIDs, p.ID)
		if v.ownGroup(g) && !stays && slices.Contains(p.SecurityGroupIDs, g.ID) {
			remove = append(remove, g.ID)
		}
	}
	return remove
}

// dropRules removes rules of ours that are not wanted: those marked by us and,
// in a group of the peer's, the unmarked ingress rules of one port. Rules that
// people added stay.
func (v *view) dropRules(group *tree.SecurityGroup) []step.Step {
	rules := slices.Clone(group.Rules)
	slices.SortFunc(rules, compareRules)
	peers := owner.DescribedCluster(group.Description) == ""
	var steps []step.Step
	for _, r := range rules {
		ours := r.Description == v.desired.Cluster.Tag() ||
			peers && r.Description == "" && r.Direction == "ingress" && r.PortMin != 0 && r.PortMin == r.PortMax
		if ours && !slices.Contains(v.desired.SecurityGroup.Rules, r.RuleMatch) {
			steps = append(steps, DeleteRule{ID: r.ID, Rule: r.RuleMatch})
		}
	}
	return steps
}

// keptGroup is the group to go on with, nil where there is none or none is
// wanted: of several, the one that most ports carry, then the one with most rules.
func (v *view) keptGroup() *tree.SecurityGroup {
	if v.desired.SecurityGroup == nil {
		return nil
	}
	var keep *tree.SecurityGroup
	for i := range v.actual.SecurityGroups {
		g := &v.actual.SecurityGroups[i]
		if v.ownGroup(g) && (keep == nil || v.worth(g) > v.worth(keep)) {
			keep = g
		}
	}
	return keep
}

func (v *view) worth(g *tree.SecurityGroup) int {
	worth := len(g.Rules)
	for i := range v.actual.Ports {
		if slices.Contains(v.actual.Ports[i].SecurityGroupIDs, g.ID) {
			worth += 1 << 20
		}
	}
	return worth
}

// ownGroup says that the managed group is this Service's: its name holds the
// Service's UID, and no other cluster is named in its description.
func (v *view) ownGroup(g *tree.SecurityGroup) bool {
	uid := owner.DescribedCluster(g.Description)
	if uid != "" {
		return uid == v.desired.Cluster.UID && (g.Description == v.desired.Cluster.SecurityGroupDescription(v.desired.Service) ||
			g.Name == owner.SecurityGroupName(v.desired.Service))
	}
	return g.Name == owner.SecurityGroupName(v.desired.Service)
}

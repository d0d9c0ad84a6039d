package simulator

// Security groups as neutron/db/securitygroups_db.py has them.

// securityGroup is a named set of rules.
type securityGroup struct {
	attributes
	Default, Stateful bool
	// rules are in order of creation.
	rules []*securityRule
}

func (n *neutron) securityGroupKind() *kind[*securityGroup] {
	k := &kind[*securityGroup]{
		n: n, singular: "security_group", plural: "security_groups", path: "security-groups",
		quota: "security_group", extension: "security-group", firstRevision: 1,
		notFound: "SecurityGroupNotFound", notFoundMessage: "Security group %s does not exist",
		// Whoever lists the groups gets a default one.
		listing: func(c caller) {
			if c.project != "" {
				n.defaultGroup(c.project)
			}
		},
		create: n.createGroup, update: n.updateGroup, blocked: n.groupInUse, drop: n.dropGroup,
	}
	k.attributes = standard(
		named[*securityGroup](), tagged[*securityGroup](0),
		attribute[*securityGroup]{
			name: "security_group_rules", use: unsorted,
			value: func(v *securityGroup) any { return n.renderRules(v) },
		},
		attribute[*securityGroup]{
			name: "stateful", use: inPost | inPut, extension: "stateful-security-group",
			value: func(v *securityGroup) any { return v.Stateful },
		},
		attribute[*securityGroup]{name: "shared", use: inFilter, value: func(*securityGroup) any { return false }},
	)
	return k
}

func (n *neutron) renderRules(v *securityGroup) []map[string]any {
	rules, chosen := make([]map[string]any, 0, len(v.rules)), n.rules.visible(caller{}, nil)
	for _, r := range v.rules {
		rules = append(rules, render(r, chosen))
	}
	return rules
}

// defaultGroup is a project's default group; the first who needs it makes it.
func (n *neutron) defaultGroup(projectID string) *securityGroup {
	if v, found := n.defaultGroups[projectID]; found {
		return v
	}
	v := n.groups.add(&securityGroup{
		attributes: attributes{Name: "default", Description: "Default security group", ProjectID: projectID},
		Default:    true, Stateful: true,
	})
	n.defaultGroups[projectID] = v
	for _, version := range []string{"IPv4", "IPv6"} {
		n.addRule(v, &securityRule{Direction: "egress", EtherType: version})
		n.addRule(v, &securityRule{Direction: "ingress", EtherType: version, RemoteGroup: &v.ID})
	}
	v.Revision = n.groups.firstRevision
	return v
}

type groupBody struct {
	common
	Stateful *bool `json:"stateful"`
}

func (n *neutron) createGroup(c caller, b body) (*securityGroup, error) {
	var in groupBody
	if err := b.decode(&in); err != nil {
		return nil, err
	}
	if in.Name != nil && *in.Name == "default" {
		return nil, conflict("SecurityGroupDefaultAlreadyExists", "Default security group already exists.")
	}
	a, err := in.start(c)
	if err != nil {
		return nil, err
	}
	n.defaultGroup(a.ProjectID)
	if err := n.checkQuota("security_group", a.ProjectID, n.groups.owned[a.ProjectID], 1); err != nil {
		return nil, err
	}
	if err := n.checkQuota("security_group_rule", a.ProjectID, n.rules.owned[a.ProjectID], 2); err != nil {
		return nil, err
	}
	v := &securityGroup{attributes: a, Stateful: true}
	assign(&v.Stateful, in.Stateful)
	n.groups.add(v)
	for _, version := range []string{"IPv4", "IPv6"} {
		n.addRule(v, &securityRule{Direction: "egress", EtherType: version})
	}
	v.Revision = n.groups.firstRevision
	return v, nil
}

func (n *neutron) updateGroup(_ caller, v *securityGroup, b body, match func() error) error {
	var in groupBody
	if err := b.decode(&in); err != nil {
		return err
	}
	if v.Default && in.Name != nil {
		return conflict("SecurityGroupCannotUpdateDefault", "Updating default security group not allowed.")
	}
	if err := match(); err != nil {
		return err
	}
	in.describe(&v.attributes)
	assign(&v.Stateful, in.Stateful)
	return nil
}

func (n *neutron) groupInUse(c caller, v *securityGroup) error {
	for p := range n.ports.all {
		for _, id := range p.SecurityGroups {
			if id == v.ID {
				return conflict("SecurityGroupInUse", "Security Group %s in use.", v.ID)
			}
		}
	}
	if v.Default && !c.admin {
		return conflict("SecurityGroupCannotRemoveDefault", "Insufficient rights for removing default security group.")
	}
	return nil
}

// dropGroup removes a group, its rules, and the rules of others that name it
// (a foreign key with ON DELETE CASCADE).
func (n *neutron) dropGroup(v *securityGroup) {
	n.groups.take(v)
	if n.defaultGroups[v.ProjectID] == v {
		delete(n.defaultGroups, v.ProjectID)
	}
	var leaving []*securityRule
	for r := range n.rules.all {
		if r.GroupID == v.ID || r.RemoteGroup != nil && *r.RemoteGroup == v.ID {
			leaving = append(leaving, r)
		}
	}
	for _, r := range leaving {
		n.dropRule(r)
	}
}

// checkGroups: a port's groups exist and are its project's.
func (n *neutron) checkGroups(projectID string, groupIDs []string) error {
	for _, id := range groupIDs {
		if v, found := n.groups.rows[id]; !found || v.ProjectID != projectID {
			return n.groups.missing(id)
		}
	}
	return nil
}

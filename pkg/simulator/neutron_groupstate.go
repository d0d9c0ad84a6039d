package simulator

// SecurityGroupState is what a security group is like.
type SecurityGroupState struct {
	ID, Name, Description, ProjectID string
	// Rules are in order of creation.
	Rules []SecurityRuleState
}

// SecurityRuleState is what a rule lets through; "" and 0 stand for any.
type SecurityRuleState struct {
	ID, Direction, EtherType, Protocol string
	PortMin, PortMax                   int
	RemotePrefix, RemoteGroupID        string
	Description                        string
}

// SecurityGroups are all security groups, oldest first.
func (c *Cloud) SecurityGroups() []SecurityGroupState {
	return statesOf(c, func(n *neutron) *kind[*securityGroup] { return n.groups },
		func(_ *neutron, g *securityGroup) SecurityGroupState { return g.state() })
}

func (g *securityGroup) state() SecurityGroupState {
	state := SecurityGroupState{ID: g.ID, Name: g.Name, Description: g.Description, ProjectID: g.ProjectID}
	for _, r := range g.rules {
		rule := SecurityRuleState{ID: r.ID, Direction: r.Direction, EtherType: r.EtherType, Description: r.Description}
		assign(&rule.Protocol, r.Protocol)
		assign(&rule.PortMin, r.PortMin)
		assign(&rule.PortMax, r.PortMax)
		assign(&rule.RemotePrefix, r.RemotePrefix)
		assign(&rule.RemoteGroupID, r.RemoteGroup)
		state.Rules = append(state.Rules, rule)
	}
	return state
}

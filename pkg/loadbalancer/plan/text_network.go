package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"underlay/pkg/loadbalancer/tree"
)

func (s CreateFloatingIP) String() string {
	text := "create a floating IP"
	if s.Wish.Address != "" {
		text = "create floating IP " + s.Wish.Address
	}
	if s.Unattached {
		return text + ", on no port yet"
	}
	return text + " for the VIP"
}

func (s AttachFloatingIP) String() string { return "put floating IP " + s.Address + " on the VIP" }

func (s DetachFloatingIP) String() string {
	return "take floating IP " + s.Address + " off" + why(s.Why)
}

func (s DescribeFloatingIP) String() string {
	return "mark floating IP " + s.Address + " as " + strconv.Quote(s.Description)
}

func (s DeleteFloatingIP) String() string { return "delete floating IP " + s.Address + why(s.Why) }

func (s CreateSecurityGroup) String() string { return "create security group " + s.Name }

func (s CreateRules) String() string {
	var rules []string
	for _, r := range s.Rules {
		rules = append(rules, rule(r))
	}
	return fmt.Sprintf("add %s to %s: %s", count(len(s.Rules), "rule"), s.Group, list(rules))
}

func (s DeleteRule) String() string { return "delete rule " + rule(s.Rule) }

func (s SetPortGroups) String() string {
	switch {
	case s.Add == nil:
		return fmt.Sprintf("take security group %s off port %s", list(s.Remove), s.PortID)
	case len(s.Remove) == 0:
		return fmt.Sprintf("put %s on port %s", s.Add, s.PortID)
	default:
		return fmt.Sprintf("put %s on port %s in place of %s", s.Add, s.PortID, list(s.Remove))
	}
}

func (s DeleteSecurityGroup) String() string { return "delete security group " + cmp.Or(s.Name, s.ID) }

func (s DescribePort) String() string {
	return "describe the VIP port as " + strconv.Quote(s.Description)
}

// String is "security group 5d8c…", or what it is where it has no id yet.
func (r GroupRef) String() string {
	if r.ID == "" {
		return "the managed security group"
	}
	return "security group " + r.ID
}

// Groups is the list of groups that the port is to carry, id being the one that
// Add stands for: the observed ones in their order, without Remove.
func (s SetPortGroups) Groups(id string) []string {
	groups := slices.DeleteFunc(slices.Clone(s.GroupIDs), func(g string) bool { return slices.Contains(s.Remove, g) })
	if s.Add != nil && !slices.Contains(groups, id) {
		groups = append(groups, id)
	}
	return groups
}

// rule is "ingress IPv4 tcp/30080 from 10.0.0.0/24".
func rule(r tree.RuleMatch) string {
	text := r.Direction + " " + r.EtherType + " " + cmp.Or(r.Protocol, "any protocol")
	switch {
	case r.PortMin != 0 && r.PortMin == r.PortMax:
		text += "/" + strconv.Itoa(r.PortMin)
	case r.PortMin != 0:
		text += fmt.Sprintf("/%d-%d", r.PortMin, r.PortMax)
	}
	if remote := cmp.Or(r.RemotePrefix, r.RemoteGroupID); remote != "" {
		text += " from " + remote
	}
	return text
}

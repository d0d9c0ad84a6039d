package loadbalancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

func (a *applier) applyAddress(ctx context.Context, s step.Step) error {
	switch s := s.(type) {
	case plan.CreateFloatingIP:
		return a.createFloatingIP(ctx, s)
	case plan.AttachFloatingIP:
		id := cmp.Or(s.ID, a.address)
		if a.vipPort == "" || id == "" {
			return errReplan
		}
		return a.updateFloatingIP(ctx, id, &a.vipPort, s.Description)
	case plan.DetachFloatingIP:
		nowhere := ""
		return absent(a.updateFloatingIP(ctx, s.ID, &nowhere, nil))
	case plan.DescribeFloatingIP:
		return a.updateFloatingIP(ctx, s.ID, nil, &s.Description)
	case plan.DeleteFloatingIP:
		err := absent(a.cloud.DeleteFloatingIP(ctx, s.ID))
		if err == nil {
			a.noteAddress(tree.FloatingIP{ID: s.ID}, true)
		}
		return err
	default:
		return fmt.Errorf("apply step %v: not one on a floating IP", s)
	}
}

// createFloatingIP tries the subnets in turn until one has an address.
func (a *applier) createFloatingIP(ctx context.Context, s plan.CreateFloatingIP) error {
	wish, port := s.Wish, a.vipPort
	if s.Unattached {
		port = ""
	} else if port == "" {
		return errReplan
	}
	subnets := wish.SubnetIDs
	if len(subnets) == 0 {
		subnets = []string{""}
	}
	var failures []error
	for _, subnet := range subnets {
		made, err := a.cloud.CreateFloatingIP(ctx, FloatingIPRequest{
			NetworkID: wish.NetworkID, SubnetID: subnet, Address: wish.Address, PortID: port, Description: wish.Description,
		})
		if err == nil {
			a.address = made.ID
			a.noteAddress(made, false)
			return nil
		}
		failures = append(failures, err)
		if !errors.Is(err, cloud.ErrQuota) && !errors.Is(err, cloud.ErrInvalid) {
			break
		}
	}
	return cloud.Join(failures...)
}

func (a *applier) updateFloatingIP(ctx context.Context, id string, port, description *string) error {
	now, err := a.cloud.UpdateFloatingIP(ctx, id, port, description)
	if err == nil {
		a.noteAddress(now, false)
	}
	return err
}

func (a *applier) applyGroup(ctx context.Context, s step.Step) error {
	switch s := s.(type) {
	case plan.CreateSecurityGroup:
		made, err := a.cloud.CreateSecurityGroup(ctx, s.Name, s.Description)
		if err == nil {
			a.group = made.ID
			a.actual.SecurityGroups = append(slices.Clone(a.actual.SecurityGroups), made)
		}
		return err
	case plan.CreateRules:
		group, err := a.groupID(s.Group)
		if err != nil {
			return err
		}
		if err = a.cloud.CreateRules(ctx, group, s.Description, s.Rules); err == nil {
			a.noteRules(group, s)
		}
		return err
	case plan.DeleteRule:
		return absent(a.cloud.DeleteRule(ctx, s.ID))
	case plan.SetPortGroups:
		return a.setPortGroups(ctx, s)
	case plan.DeleteSecurityGroup:
		return absent(a.cloud.DeleteSecurityGroup(ctx, s.ID))
	case plan.DescribePort:
		return a.describePort(ctx, s)
	default:
		return fmt.Errorf("apply step %v: unknown", s)
	}
}

func (a *applier) describePort(ctx context.Context, s plan.DescribePort) error {
	port := cmp.Or(s.PortID, a.vipPort)
	if port == "" {
		return errReplan
	}
	return a.cloud.DescribePort(ctx, port, s.Description)
}

// noteRules takes new rules over into what is known.
func (a *applier) noteRules(group string, s plan.CreateRules) {
	groups := slices.Clone(a.actual.SecurityGroups)
	for i := range groups {
		if groups[i].ID != group {
			continue
		}
		rules := slices.Clone(groups[i].Rules)
		for _, match := range s.Rules {
			rules = append(rules, tree.Rule{GroupID: group, RuleMatch: match, Description: s.Description})
		}
		groups[i].Rules = rules
	}
	a.actual.SecurityGroups = groups
}

func (a *applier) groupID(ref plan.GroupRef) (string, error) {
	if ref.ID != "" {
		return ref.ID, nil
	}
	if a.group == "" {
		return "", fmt.Errorf("the security group was not made: %w", errReplan)
	}
	return a.group, nil
}

// setPortGroups takes groups off a port and puts one on it, as the port is by now:
// many Services write the same ports, one after another. A 404 says that the port
// is gone, or that another group in the list is, which Neutron looks up first:
// which of the two, the ports as they are by then tell (neutron/db/securitygroups_db.py,
// _get_security_groups_on_port).
func (a *applier) setPortGroups(ctx context.Context, s plan.SetPortGroups) error {
	release, err := a.locks.take(ctx, "port "+s.PortID)
	if err != nil {
		return err
	}
	defer release()
	port, err := a.portNow(ctx, s)
	if err != nil {
		return err
	}
	groups := without(port.SecurityGroupIDs, s.Remove)
	if s.Add != nil {
		id, err := a.groupID(*s.Add)
		if err != nil {
			return err
		}
		groups = append(without(groups, []string{id}), id)
	}
	err = a.cloud.SetPortGroups(ctx, s.PortID, port.Revision, groups)
	if errors.Is(err, cloud.ErrNotFound) {
		return fmt.Errorf("port %s or one of its groups is gone: %w", s.PortID, errReplan)
	}
	return err
}

// portNow is the port as the shared list has it, which learns every write of this
// process, or as the plan saw it where that is newer.
func (a *applier) portNow(ctx context.Context, s plan.SetPortGroups) (tree.Port, error) {
	seen := tree.Port{ID: s.PortID, SecurityGroupIDs: s.GroupIDs, Revision: s.Revision}
	all, err := a.cloud.BalancerPorts(ctx, portAgeKnown)
	if err != nil {
		return seen, err
	}
	for i := range all {
		if all[i].ID == s.PortID && all[i].Revision > seen.Revision {
			return all[i], nil
		}
	}
	return seen, nil
}

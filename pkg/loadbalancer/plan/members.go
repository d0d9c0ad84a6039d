package plan

import (
	"slices"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// setMembers replaces the members of a pool if any is wrong. Nothing is known
// of members that were not read but how many there are.
func setMembers(ref PoolRef, want []tree.Member, at *tree.Pool) []step.Step {
	if want == nil {
		return nil
	}
	if at.Members == nil {
		if len(want) == len(at.MemberIDs) {
			return nil
		}
		return []step.Step{SetMembers{Pool: ref, Members: want}}
	}
	set, moved := compareAll(want, at.Members)
	set.Pool = ref
	switch {
	case len(set.Added)+len(set.Changed)+len(set.Removed) == 0:
		return nil
	case len(moved) == 0:
		return []step.Step{set}
	}
	// The subnet of a member never changes: it has to leave and come again.
	settled := slices.DeleteFunc(slices.Clone(want), func(m tree.Member) bool { return slices.Contains(moved, m.Target) })
	return []step.Step{SetMembers{Pool: ref, Members: settled, Removed: moved}, set}
}

// compareAll says what differs; moved are the changed members that are in
// another subnet than they should be.
func compareAll(want, actual []tree.Member) (set SetMembers, moved []tree.Target) {
	set.Members = want
	have := map[tree.Target]*tree.Member{}
	for i := range actual {
		have[actual[i].Target] = &actual[i]
	}
	for i := range want {
		target := want[i].Target
		old := have[target]
		delete(have, target)
		switch {
		case old == nil:
			set.Added = append(set.Added, target)
		case elsewhere(&want[i], old):
			moved = append(moved, target)
			set.Changed = append(set.Changed, target)
		case differs(&want[i], old):
			set.Changed = append(set.Changed, target)
		}
	}
	for target := range have {
		set.Removed = append(set.Removed, target)
	}
	slices.SortFunc(set.Removed, tree.Target.Compare)
	return set, moved
}

// elsewhere says that the member is in another subnet than it should be.
func elsewhere(want, at *tree.Member) bool {
	return want.SubnetID != nil && at.SubnetID != nil && *want.SubnetID != *at.SubnetID
}

func differs(want, at *tree.Member) bool {
	d := differences{}
	changed(&d, "weight", want.Weight, at.Weight)
	changed(&d, "monitor port", want.MonitorPort, at.MonitorPort)
	changed(&d, "backup", want.Backup, at.Backup)
	changed(&d, "admin_state_up", want.AdminUp, at.AdminUp)
	return !d.none() || want.Name != "" && want.Name != at.Name || at.Provisioning == tree.Failed
}

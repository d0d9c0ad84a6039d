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
	have := map[tree.Target]*tree.Member{}
	for i := range at.Members {
		have[at.Members[i].Target] = &at.Members[i]
	}
	set, settled := SetMembers{Pool: ref, Members: want}, want[:0:0]
	for _, m := range want {
		old := have[m.Target]
		delete(have, m.Target)
		switch {
		case old == nil:
			set.Added = append(set.Added, m.Target)
		case elsewhere(&m, old):
			set.Changed = append(set.Changed, m.Target)
			continue
		case differs(&m, old):
			set.Changed = append(set.Changed, m.Target)
		}
		settled = append(settled, m)
	}
	for target := range have {
		set.Removed = append(set.Removed, target)
	}
	slices.SortFunc(set.Removed, tree.Target.Compare)
	if len(set.Added)+len(set.Changed)+len(set.Removed) == 0 {
		return nil
	}
	if len(settled) == len(want) {
		return []step.Step{set}
	}
	// The subnet of a member never changes: it has to leave and come again.
	without := SetMembers{Pool: ref, Members: settled}
	for _, m := range want {
		if !slices.ContainsFunc(settled, func(s tree.Member) bool { return s.Target == m.Target }) {
			without.Removed = append(without.Removed, m.Target)
		}
	}
	return []step.Step{without, set}
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

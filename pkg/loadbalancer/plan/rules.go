package plan

import (
	"cmp"

	"underlay/pkg/loadbalancer/tree"
)

func compareRules(x, y tree.Rule) int {
	return cmp.Or(compareMatches(x.RuleMatch, y.RuleMatch), cmp.Compare(x.ID, y.ID))
}

func compareMatches(x, y tree.RuleMatch) int {
	return cmp.Or(
		cmp.Compare(x.Direction, y.Direction), cmp.Compare(x.EtherType, y.EtherType), cmp.Compare(x.Protocol, y.Protocol),
		cmp.Compare(x.PortMin, y.PortMin), cmp.Compare(x.PortMax, y.PortMax),
		cmp.Compare(x.RemotePrefix, y.RemotePrefix), cmp.Compare(x.RemoteGroupID, y.RemoteGroupID))
}

package simulator

import (
	"fmt"
	"slices"
	"strconv"
)

// balancerSections is the table of load balancers: a row each, below it a row for
// each of its listeners with the members behind it.
func (s *pageSnapshot) balancerSections() []pageSection {
	section := pageSection{
		ID: "loadbalancers", Title: "Load balancers", Noun: "load balancer or listener", Empty: "None yet.",
		Columns: []string{"Name", "State", "Listens at", "Members"},
	}
	var rows []pageRow
	for _, b := range s.balancers {
		rows = append(rows, s.balancerRow(b))
		for _, l := range b.Listeners {
			rows = append(rows, listenerRow(b, l))
		}
		for _, p := range b.Pools {
			if !slices.ContainsFunc(b.Listeners, func(l ListenerState) bool { return l.DefaultPoolID == p.ID }) {
				rows = append(rows, pageRow{
					Key: p.ID, Label: called(p.Name, p.ID),
					Cells: [][]part{below(p.Name, p.ID), bothStates(p.ProvisioningStatus, p.OperatingStatus), toned("no listener", "soft"), memberParts(p)},
				})
			}
		}
	}
	section.Rows, section.More = shown(rows)
	return []pageSection{section}
}

func (s *pageSnapshot) balancerRow(b LoadBalancerState) pageRow {
	addresses := code(b.VIPAddress)
	for _, vip := range b.AdditionalVIPs {
		addresses = append(addresses, part{Text: vip.Address, Kind: "code"})
	}
	for _, f := range s.floating {
		if f.PortID == b.VIPPortID {
			addresses = append(addresses, part{Text: f.Address, Kind: "code"}, part{Text: "floating", Kind: "tag"})
		}
	}
	tags := []part{{Text: b.Provider, Kind: "tag"}}
	for _, tag := range b.Tags {
		if tag != b.Name { // which says it already
			tags = append(tags, part{Text: tag, Kind: "tag"})
		}
	}
	return pageRow{
		Key: b.ID, Label: called(b.Name, b.ID),
		Cells: [][]part{name(called(b.Name, b.ID)), bothStates(b.ProvisioningStatus, b.OperatingStatus), addresses, tags},
	}
}

func listenerRow(b LoadBalancerState, l ListenerState) pageRow {
	members := toned("no pool", "soft")
	if at := slices.IndexFunc(b.Pools, func(p PoolState) bool { return p.ID == l.DefaultPoolID }); at >= 0 {
		members = memberParts(b.Pools[at])
	}
	where := code(l.Protocol + " " + strconv.Itoa(l.Port))
	for _, cidr := range l.AllowedCIDRs {
		where = append(where, part{Text: "from " + cidr, Kind: "tag"})
	}
	return pageRow{
		Key: l.ID, Label: called(l.Name, l.ID),
		Cells: [][]part{below(l.Name, l.ID), bothStates(l.ProvisioningStatus, l.OperatingStatus), where, members},
	}
}

// memberParts counts the members that serve, and names those that do not.
func memberParts(p PoolState) []part {
	serving := 0
	var others []part
	for _, m := range p.Members {
		switch m.OperatingStatus {
		case lbOnline, lbNoMonitor:
			serving++
		default:
			others = append(others, part{Text: m.Address, Kind: "code"}, part{Text: m.OperatingStatus, Tone: stateTone(m.OperatingStatus)})
		}
	}
	parts := []part{{Text: fmt.Sprintf("%d of %d serve", serving, len(p.Members)), Tone: "good"}}
	if serving < len(p.Members) || serving == 0 {
		parts[0].Tone = "warn"
	}
	return append(parts, others[:min(len(others), 12)]...)
}

// bothStates are the states of provisioning and of operation.
func bothStates(provisioning, operating string) []part {
	return []part{{Text: provisioning, Tone: stateTone(provisioning)}, {Text: operating, Tone: stateTone(operating)}}
}

func stateTone(state string) string {
	switch state {
	case lbActive, lbOnline:
		return "good"
	case lbError:
		return "bad"
	case lbNoMonitor, lbOffline:
		return "soft"
	}
	return "warn"
}

// called is a name, or the beginning of the id of what has none.
func called(name, id string) string {
	if name == "" {
		return id[:8]
	}
	return name
}

// below marks what belongs to the row above it.
func below(title, id string) []part {
	return []part{{Text: called(title, id), Kind: "name", Tone: "below"}}
}

// revision is what load balancers add to the page's revision.
func (o *octavia) revision(mark func(number int, texts ...string)) {
	o.settle()
	for _, b := range o.balancers {
		for _, v := range b.parts() {
			base := v.base()
			mark(int(base.Updated.UnixNano()), base.ID, base.Provisioning, v.operating())
		}
	}
	mark(-1)
}

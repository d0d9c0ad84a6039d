package simulator

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

// The tables of the live page, in the words of the services.

func (s *pageSnapshot) routerSections() []pageSection {
	var sections []pageSection
	for _, r := range s.routers {
		section := pageSection{
			ID: "router-" + r.ID, Title: "Routes of " + r.Name, Noun: "route", Note: routerNote(r),
			Columns: []string{"Destination", "Next hop", "Server", "Does its port pass it?"}, Empty: "No routes yet.",
		}
		routes, more := shown(r.Routes)
		section.More = more
		for _, route := range routes {
			section.Rows = append(section.Rows, s.routeRow(r.ID, route))
		}
		sections = append(sections, section)
	}
	if len(sections) == 0 {
		sections = append(sections, pageSection{ID: "routers", Title: "Routers", Empty: "None yet."})
	}
	return sections
}

func routerNote(r RouterState) []part {
	note := []part{{Text: "on"}}
	for _, on := range r.Interfaces {
		note = append(note, part{Text: on.CIDR, Kind: "code"})
	}
	if len(r.Interfaces) == 0 {
		note = plain("on no subnet")
	}
	if r.GatewayAddress != "" {
		note = append(note, part{Text: "· gateway"}, part{Text: r.GatewayAddress, Kind: "code"})
	}
	return append(note, part{Text: "· revision " + strconv.Itoa(r.Revision)})
}

func (s *pageSnapshot) routeRow(routerID string, route RouteState) pageRow {
	server, carried := toned("no server here", "soft"), toned("no such port", "warn")
	if p, found := s.portsByIP[route.NextHop]; found {
		server = name(s.serverNames[p.DeviceID])
		words, tone := carries(p, route.Destination)
		carried = toned(words, tone)
	}
	return pageRow{
		Key: routerID + " " + route.Destination + " " + route.NextHop, Label: route.Destination + " via " + route.NextHop,
		Cells: [][]part{code(route.Destination), code(route.NextHop), server, carried},
	}
}

// carries tells whether a port lets packets of a prefix pass: it must have no
// port security, or an allowed address pair that holds the prefix.
func carries(p PortState, destination string) (words, tone string) {
	if !p.PortSecurity {
		return "yes, no port security", "good"
	}
	wanted, err := netip.ParsePrefix(destination)
	if err != nil {
		return "no", "bad"
	}
	for _, pair := range p.AllowedAddressPairs {
		if holds(pair.IPAddress, wanted) {
			return "yes, by an address pair", "good"
		}
	}
	return "no, no address pair", "bad"
}

// holds tells whether an address or prefix contains the whole of another prefix.
func holds(text string, wanted netip.Prefix) bool {
	if address, err := netip.ParseAddr(text); err == nil {
		return wanted == netip.PrefixFrom(address, address.BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	return err == nil && prefix.Bits() <= wanted.Bits() && prefix.Contains(wanted.Addr())
}

func (s *pageSnapshot) serverSections() []pageSection {
	section := pageSection{
		ID: "servers", Title: "Servers", Noun: "server", Empty: "None yet.",
		Columns: []string{"Name", "Status", "Addresses", "Allowed address pairs", "Flavor and zone"},
	}
	ports, floating := map[string][]PortState{}, map[string][]string{}
	for _, p := range s.ports {
		ports[p.DeviceID] = append(ports[p.DeviceID], p)
	}
	for _, f := range s.floating {
		floating[f.PortID] = append(floating[f.PortID], f.Address)
	}
	servers, more := shown(s.servers)
	section.More = more
	for _, v := range servers {
		row := pageRow{Key: v.ID, Label: v.Name}
		addresses, pairs := []part{}, []part{}
		for _, p := range ports[v.ID] {
			addresses = append(addresses, portAddresses(p, floating[p.ID])...)
			pairs = append(pairs, portPairs(p)...)
		}
		row.Cells = [][]part{
			name(v.Name), toned(v.Status+", "+power(v.Status), statusTone(v.Status)), orNone(addresses), orNone(pairs),
			{{Text: v.Flavor}, {Text: v.Zone, Tone: "soft"}},
		}
		section.Rows = append(section.Rows, row)
	}
	return []pageSection{section}
}

func portAddresses(p PortState, floating []string) []part {
	var parts []part
	for _, ip := range p.FixedIPs {
		parts = append(parts, part{Text: ip.Address, Kind: "code"})
	}
	for _, address := range floating {
		parts = append(parts, part{Text: address, Kind: "code"}, part{Text: "floating", Kind: "tag"})
	}
	return parts
}

func portPairs(p PortState) []part {
	if !p.PortSecurity {
		return []part{{Text: "no port security", Kind: "tag"}}
	}
	var parts []part
	for _, pair := range p.AllowedAddressPairs {
		parts = append(parts, part{Text: pair.IPAddress, Kind: "code"})
	}
	return parts
}

func orNone(parts []part) []part {
	if len(parts) == 0 {
		return toned("none", "soft")
	}
	return parts
}

// power is a server's power state in words.
func power(status string) string {
	switch states[status].power {
	case powerRunning:
		return "running"
	case powerPaused:
		return "paused"
	case powerShutdown:
		return "shut down"
	}
	return "no power state"
}

func statusTone(status string) string {
	switch status {
	case "ACTIVE":
		return "good"
	case "ERROR":
		return "bad"
	}
	return "warn"
}

func (s *pageSnapshot) networkSections() []pageSection {
	section := pageSection{
		ID: "networks", Title: "Networks", Noun: "network", Aside: true, Columns: []string{"Name", "Subnets", "Kind"}, Empty: "None yet.",
	}
	networks, more := shown(s.networks)
	section.More = more
	for _, n := range networks {
		cidrs, tags := []part{}, []part{}
		for _, subnet := range n.Subnets {
			cidrs = append(cidrs, part{Text: subnet.CIDR, Kind: "code"})
		}
		for _, tag := range []struct {
			text string
			on   bool
		}{{"external", n.External}, {"shared", n.Shared}, {"no port security", !n.PortSecurity}} {
			if tag.on {
				tags = append(tags, part{Text: tag.text, Kind: "tag"})
			}
		}
		if len(tags) == 0 {
			tags = toned("tenant", "soft")
		}
		section.Rows = append(section.Rows, pageRow{Key: n.ID, Label: n.Name, Cells: [][]part{name(n.Name), orNone(cidrs), tags}})
	}
	return []pageSection{section}
}

func (s *pageSnapshot) callSections() []pageSection {
	latest := pageSection{
		ID: "calls", Title: "Latest calls", Aside: true, Columns: []string{"Time (UTC)", "Call", "Answer"}, Empty: "None yet.",
	}
	for _, call := range s.latest {
		answer, tone := callAnswer(call)
		latest.Rows = append(latest.Rows, pageRow{
			Key: call.RequestID, Label: call.Pattern,
			Cells: [][]part{code(call.At.UTC().Format("15:04:05")), code(call.Pattern), toned(answer, tone)},
		})
	}
	return []pageSection{s.minuteSection(), latest}
}

func callAnswer(call Call) (answer, tone string) {
	answer, tone = strconv.Itoa(call.Status), "good"
	switch {
	case call.Status == 0:
		answer, tone = "none", "warn"
	case call.Status >= 400:
		tone = "bad"
	}
	if call.Fault != "" {
		return answer + ", " + call.Fault, "bad"
	}
	return answer, tone
}

// minuteSection counts the calls of the last minute by their pattern, most frequent first.
func (s *pageSnapshot) minuteSection() pageSection {
	section := pageSection{
		ID: "minute", Title: "Calls in the last minute", Aside: true, Columns: []string{"Call", "Count", "Failed"}, Empty: "None.",
	}
	count, failed := map[string]int{}, map[string]int{}
	for _, call := range s.minute {
		count[call.Pattern]++
		if call.Status >= 400 || call.Fault != "" {
			failed[call.Pattern]++
		}
	}
	patterns := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a, b))
	})
	for _, pattern := range patterns[:min(len(patterns), maxPatterns)] {
		failures := toned("none", "soft")
		if n := failed[pattern]; n > 0 {
			failures = toned(strconv.Itoa(n), "bad")
		}
		section.Rows = append(section.Rows, pageRow{
			Key: pattern, Label: pattern, Cells: [][]part{code(pattern), plain(strconv.Itoa(count[pattern])), failures},
		})
	}
	section.More = max(0, len(patterns)-maxPatterns)
	return section
}

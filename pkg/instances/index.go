package instances

import (
	"slices"
	"strings"
)

// serverIndex finds servers of one list by what a Node knows of its server.
// It points into the shared list, which nobody modifies.
type serverIndex struct {
	byID   map[string]*Server
	byName map[string][]*Server
	// byHost holds the same servers by Nova's hostname and by their name in
	// lower case: what the guest calls itself, and so the kubelet its Node.
	byHost map[string][]*Server
}

func indexServers(servers []Server) *serverIndex {
	x := &serverIndex{
		byID:   make(map[string]*Server, len(servers)),
		byName: make(map[string][]*Server, len(servers)),
		byHost: make(map[string][]*Server, len(servers)),
	}
	for i := range servers {
		s := &servers[i]
		x.byID[strings.ToLower(s.ID)] = s
		if s.Name == "" { // a server in an unreachable cell: only its id is known
			continue
		}
		x.byName[s.Name] = append(x.byName[s.Name], s)
		lower, host := strings.ToLower(s.Name), strings.ToLower(s.Hostname)
		x.byHost[lower] = append(x.byHost[lower], s)
		if host != "" && host != lower {
			x.byHost[host] = append(x.byHost[host], s)
		}
	}
	return x
}

// hasAny says whether the list has a server with one of the ids.
func (x *serverIndex) hasAny(ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return x.byID[id] != nil })
}

// portIndex finds the ports of one list that carry a server's addresses.
type portIndex struct {
	byDevice  map[string][]Port // a server's own ports
	byTrunk   map[string][]Port // subports by their parent port's id
	byNetwork map[string][]Port // servers' own ports by network id
}

func indexPorts(ports []Port) *portIndex {
	x := &portIndex{byDevice: map[string][]Port{}, byTrunk: map[string][]Port{}, byNetwork: map[string][]Port{}}
	for _, p := range ports {
		switch {
		case p.TrunkParent != "":
			x.byTrunk[p.TrunkParent] = append(x.byTrunk[p.TrunkParent], p)
		case p.DeviceID != "":
			x.byDevice[p.DeviceID] = append(x.byDevice[p.DeviceID], p)
			x.byNetwork[p.NetworkID] = append(x.byNetwork[p.NetworkID], p)
		}
	}
	return x
}

// nics are the interfaces of a server: its ports, each followed by the
// subports of its trunk. servers serves to name networks.
func (x *portIndex) nics(server *Server, servers *serverIndex) []nic {
	var result []nic
	for _, own := range x.byDevice[server.ID] {
		result = append(result, nic{network: networkOf(own, server), active: own.Active, fixedIPs: own.FixedIPs})
		for _, sub := range x.byTrunk[own.ID] {
			result = append(result, nic{network: x.networkName(sub, servers), active: sub.Active, fixedIPs: sub.FixedIPs})
		}
	}
	return result
}

// networkName names a subport's network. Neutron's port shows only the id and
// Nova's address map does not list subports, so the name is learned from any
// server that has a port of its own there; "" when there is none.
func (x *portIndex) networkName(sub Port, servers *serverIndex) string {
	for _, p := range x.byNetwork[sub.NetworkID] {
		if owner := servers.byID[p.DeviceID]; owner != nil {
			if name := networkOf(p, owner); name != "" {
				return name
			}
		}
	}
	return ""
}

// networkOf is the name under which Nova lists one of the port's addresses.
func networkOf(p Port, owner *Server) string {
	for _, a := range owner.Addresses {
		if !a.Floating && slices.Contains(p.FixedIPs, a.Address) {
			return a.Network
		}
	}
	return ""
}

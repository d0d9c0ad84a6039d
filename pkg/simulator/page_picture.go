package simulator

import "fmt"

// maxPictureNodes is how many nodes a picture has at most.
const maxPictureNodes = 400

// pagePicture is one router with what stands around it; the script draws it.
type pagePicture struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Gateway string `json:"gateway,omitempty"`
	// Subnets are those to which the router is attached, Routes how many it has.
	Subnets []string      `json:"subnets"`
	Routes  int           `json:"routes"`
	Nodes   []pictureNode `json:"nodes"`
	// More is how many nodes are left out.
	More int `json:"more,omitempty"`
	// Summary is the picture in words.
	Summary string `json:"summary"`
}

// pictureNode is a server on one of the router's subnets, or a next hop that is
// the address of none: then it is a Stray and has no status.
type pictureNode struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Address string         `json:"address"`
	Status  string         `json:"status,omitempty"`
	Tone    string         `json:"tone"`
	Stray   bool           `json:"stray,omitempty"`
	Routes  []pictureRoute `json:"routes"`
}

type pictureRoute struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nextHop"`
	// Carries says whether the port lets the packets pass, Tone the same as a colour.
	Carries string `json:"carries"`
	Tone    string `json:"tone"`
}

func (s *pageSnapshot) picture(r RouterState) pagePicture {
	nodes := s.pictureNodes(r)
	at := map[string]int{}
	for i, n := range nodes {
		at[n.ID] = i
	}
	blocked := 0
	for _, route := range r.Routes {
		id, carried, tone := "stray "+route.NextHop, "no such port", "warn"
		if p, found := s.portsByIP[route.NextHop]; found {
			id = p.DeviceID
			carried, tone = carries(p, route.Destination)
		}
		if tone == "bad" {
			blocked++
		}
		i, found := at[id]
		if !found {
			i, at[id] = len(nodes), len(nodes)
			nodes = append(nodes, s.pictureNode(id, route.NextHop))
		}
		nodes[i].Routes = append(nodes[i].Routes, pictureRoute{route.Destination, route.NextHop, carried, tone})
	}
	view := pagePicture{ID: r.ID, Name: r.Name, Gateway: r.GatewayAddress, Subnets: []string{}, Routes: len(r.Routes)}
	for _, on := range r.Interfaces {
		view.Subnets = append(view.Subnets, on.CIDR)
	}
	shown := min(len(nodes), maxPictureNodes)
	view.Nodes, view.More = nodes[:shown], len(nodes)-shown
	view.Summary = fmt.Sprintf("Router %s, routes: %d, nodes: %d, routes that a port stops: %d.",
		r.Name, len(r.Routes), len(nodes), blocked)
	return view
}

// pictureNodes are the servers on the router's subnets, oldest first.
func (s *pageSnapshot) pictureNodes(r RouterState) []pictureNode {
	attached := map[string]bool{}
	for _, on := range r.Interfaces {
		attached[on.SubnetID] = true
	}
	address := map[string]string{}
	for _, p := range s.ports {
		for _, ip := range p.FixedIPs {
			if attached[ip.SubnetID] && address[p.DeviceID] == "" {
				address[p.DeviceID] = ip.Address
			}
		}
	}
	nodes := []pictureNode{}
	for _, v := range s.servers {
		if address[v.ID] != "" {
			nodes = append(nodes, pictureNode{
				ID: v.ID, Name: v.Name, Address: address[v.ID], Status: v.Status, Tone: statusTone(v.Status), Routes: []pictureRoute{},
			})
		}
	}
	return nodes
}

// pictureNode is a node that only a route leads to: a server on a subnet that
// the router has left, or none at all.
func (s *pageSnapshot) pictureNode(id, nextHop string) pictureNode {
	if name, found := s.serverNames[id]; found {
		return pictureNode{ID: id, Name: name, Address: nextHop, Tone: "warn"}
	}
	return pictureNode{ID: id, Name: "no server", Address: nextHop, Tone: "warn", Stray: true}
}

package simulator

import (
	"bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"net/netip"
	"slices"
	"strconv"
)

// The live page shows a person what the cloud holds: routers with their routes,
// servers, networks and the latest calls. It asks for its own middle part once a
// second, so it needs nothing but the cloud itself.

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("").Parse(pageSource))

const (
	// maxRows is how much of a long table the page shows.
	maxRows = 200
	// maxCalls is how many of the latest calls it shows.
	maxCalls = 12
)

type pageView struct {
	Name, Region, Identity string
	Numbers                []pageNumber
	Routers                []pageRouter
	Servers                []pageServer
	MoreServers            int
	Networks               []NetworkState
	Calls                  []pageCall
}

type pageNumber struct {
	What  string
	Value int
}

type pageRouter struct {
	Name, Gateway string
	Subnets       []string
	Revision      int
	Routes        []pageRoute
	More          int
}

type pageRoute struct {
	Key, Destination, NextHop, Server string
	// Carries says in words whether the next hop's port lets the destination's
	// packets pass, Class how the page colours it.
	Carries, Class string
}

type pageServer struct {
	ServerState
	Key, Class string
}

type pageCall struct{ Key, At, What, Answer, Class string }

// page renders the whole page, or its live part alone.
func (c *Cloud) page(root, part string) html {
	var out bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&out, part, c.pageView(root)); err != nil {
		return html("the page cannot be shown: " + template.HTMLEscapeString(err.Error()))
	}
	return html(out.String())
}

func (c *Cloud) pageView(root string) pageView {
	servers, ports, routers, networks, calls := c.Servers(), c.Ports(), c.Routers(), c.Networks(), c.Calls()
	view := pageView{
		Name: c.options.Name, Region: c.options.Region, Identity: IdentityURL(root), Networks: networks,
		Calls: latestCalls(calls),
	}
	routes, byAddress := 0, portsByAddress(ports)
	names := map[string]string{}
	for _, s := range servers {
		names[s.ID] = s.Name
	}
	for _, r := range routers {
		routes += len(r.Routes)
		view.Routers = append(view.Routers, routerView(r, byAddress, names))
	}
	for _, s := range servers[:min(len(servers), maxRows)] {
		view.Servers = append(view.Servers, pageServer{s, s.ID + s.Status + fmt.Sprint(s.Addresses), statusClass(s.Status)})
	}
	view.MoreServers = max(0, len(servers)-maxRows)
	view.Numbers = []pageNumber{
		{"routes", routes}, {"servers", len(servers)}, {"ports", len(ports)}, {"networks", len(networks)}, {"calls", len(calls)},
	}
	return view
}

// portsByAddress finds the servers' ports by their addresses.
func portsByAddress(ports []PortState) map[string]PortState {
	found := map[string]PortState{}
	for _, p := range ports {
		for _, ip := range p.FixedIPs {
			found[ip.Address] = p
		}
	}
	return found
}

func routerView(r RouterState, byAddress map[string]PortState, names map[string]string) pageRouter {
	view := pageRouter{Name: r.Name, Gateway: r.GatewayAddress, Revision: r.Revision, More: max(0, len(r.Routes)-maxRows)}
	for _, on := range r.Interfaces {
		view.Subnets = append(view.Subnets, on.CIDR)
	}
	for _, route := range r.Routes[:min(len(r.Routes), maxRows)] {
		row := pageRoute{
			Key: r.ID + route.Destination + route.NextHop, Destination: route.Destination, NextHop: route.NextHop,
			Carries: "no such port", Class: "warn",
		}
		if p, found := byAddress[route.NextHop]; found {
			row.Server = names[p.DeviceID]
			row.Carries, row.Class = carries(p, route.Destination)
		}
		view.Routes = append(view.Routes, row)
	}
	return view
}

// carries tells whether a port lets packets of a prefix pass: it must have no
// port security, or an allowed address pair that holds the prefix.
func carries(p PortState, destination string) (words, class string) {
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

func statusClass(status string) string {
	switch status {
	case "ACTIVE":
		return "good"
	case "ERROR":
		return "bad"
	}
	return "warn"
}

// latestCalls are the last calls, newest first.
func latestCalls(calls []Call) []pageCall {
	var views []pageCall
	for _, call := range slices.Backward(calls[max(0, len(calls)-maxCalls):]) {
		view := pageCall{
			Key: call.RequestID, At: call.At.Format("15:04:05"), What: call.Method + " " + call.Path,
			Answer: strconv.Itoa(call.Status), Class: "good",
		}
		switch {
		case call.Status == 0:
			view.Answer, view.Class = "none", "warn"
		case call.Status >= 400:
			view.Class = "bad"
		}
		if call.Fault != "" {
			view.Answer += ", " + call.Fault
			view.Class = "bad"
		}
		views = append(views, view)
	}
	return views
}

package routes

import (
	"fmt"
	"strings"
)

// RemoveRoutes takes routes off the router, in Neutron's own spelling.
type RemoveRoutes struct {
	RouterID string
	Routes   []Route
}

// AddRoutes puts routes on the router.
type AddRoutes struct {
	RouterID string
	Routes   []Route
}

// ReplaceRoutes writes the router's whole list, where the cloud cannot add and
// remove; it holds only while the router has the revision.
type ReplaceRoutes struct {
	RouterID string
	Revision int
	Routes   []Route
	// Added and Removed count what differs from the list that is replaced.
	Added, Removed int
}

// SetPairs adds and removes allowed address pairs of one port.
type SetPairs struct {
	PortID string
	// Node is the node whose port it is, "" when no current node's.
	Node        string
	Add, Remove []string // CIDRs
}

func (s RemoveRoutes) String() string {
	return fmt.Sprintf("remove %s from router %s: %s", count(len(s.Routes), "route"), s.RouterID, spell(s.Routes))
}

func (s AddRoutes) String() string {
	return fmt.Sprintf("add %s to router %s: %s", count(len(s.Routes), "route"), s.RouterID, spell(s.Routes))
}

func (s ReplaceRoutes) String() string {
	return fmt.Sprintf("replace the routes of router %s at revision %d: %d added, %d removed, %d in all",
		s.RouterID, s.Revision, s.Added, s.Removed, len(s.Routes))
}

func (s SetPairs) String() string {
	add, remove := strings.Join(s.Add, ", "), strings.Join(s.Remove, ", ")
	port := "port " + s.PortID
	if s.Node != "" {
		port += " of node " + s.Node
	}
	switch {
	case add == "":
		return "take " + remove + " off " + port
	case remove == "":
		return "allow " + add + " on " + port
	default:
		return "take " + remove + " off and allow " + add + " on " + port
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// spell lists routes for people; a long list is cut.
func spell(routes []Route) string {
	const most = 10
	var texts []string
	for _, r := range routes[:min(len(routes), most)] {
		texts = append(texts, r.Destination+" via "+r.NextHop)
	}
	if rest := len(routes) - most; rest > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(texts, ", ")
}

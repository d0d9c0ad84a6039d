package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxRows is how much of a long table the page shows.
	maxRows = 200
	// maxCalls is how many of the latest calls it shows.
	maxCalls = 20
	// maxPatterns is how many kinds of calls it counts a minute.
	maxPatterns = 12
)

// pageState is everything that the page shows. Sections and numbers are lists:
// another kind of resource is one more function in pageSections.
type pageState struct {
	// Revision is that of an event of the stream; see pageRevision.
	Revision string        `json:"revision"`
	Name     string        `json:"name"`
	Region   string        `json:"region"`
	Identity string        `json:"identity"`
	Numbers  []pageNumber  `json:"numbers"`
	Pictures []pagePicture `json:"pictures"`
	Sections []pageSection `json:"sections"`
}

// pageNumber is one figure of the summary, e.g. 3 "routes", "of 30".
type pageNumber struct {
	What  string `json:"what"`
	Value int    `json:"value"`
	Note  string `json:"note,omitempty"`
}

// pageSection is one table.
type pageSection struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Note  []part `json:"note,omitempty"`
	// Noun names a row when the page tells what has changed; "" keeps it quiet.
	Noun string `json:"noun,omitempty"`
	// Aside puts the section into the narrow column of a wide screen.
	Aside   bool      `json:"aside,omitempty"`
	Columns []string  `json:"columns"`
	Rows    []pageRow `json:"rows"`
	// More is how many rows are left out; Empty is said when there is none.
	More  int    `json:"more,omitempty"`
	Empty string `json:"empty"`
}

// Scrolls tells whether the table is too long to stand on the page as it is.
func (s pageSection) Scrolls() bool { return len(s.Rows) > 12 }

// Column is the heading of one column.
func (s pageSection) Column(i int) string { return s.Columns[i] }

// pageRow is one row, with one list of parts a column.
type pageRow struct {
	// Key is the same for the same thing at any time, Label what a person calls it.
	Key   string   `json:"key"`
	Label string   `json:"label"`
	Cells [][]part `json:"cells"`
}

// part is a piece of text. Kind is "code" for an address or a path, "tag" for a
// label, "name" for what a user has chosen, else empty. Tone is good, bad, warn
// or soft; it only repeats in colour what the text says.
type part struct {
	Text string `json:"text"`
	Kind string `json:"kind,omitempty"`
	Tone string `json:"tone,omitempty"`
}

// Pieces are what a browser may break a long name between.
func (p part) Pieces() []string { return strings.SplitAfter(p.Text, "_") }

func plain(text string) []part { return []part{{Text: text}} }

func name(text string) []part { return []part{{Text: text, Kind: "name"}} }

func toned(text, tone string) []part { return []part{{Text: text, Tone: tone}} }

func code(texts ...string) []part {
	parts := make([]part, 0, len(texts))
	for _, text := range texts {
		parts = append(parts, part{Text: text, Kind: "code"})
	}
	return parts
}

// pageSnapshot is the cloud as the page sees it.
type pageSnapshot struct {
	cloud    *Cloud
	now      time.Time
	servers  []ServerState
	ports    []PortState
	routers  []RouterState
	networks []NetworkState
	floating []FloatingIPState
	// balancers are the load balancers with all that belongs to them.
	balancers []LoadBalancerState
	volumes   []VolumeState
	// latest are the last calls, minute those of the last minute, oldest first.
	latest, minute []Call
	total          int

	serverNames map[string]string    // by id
	portsByIP   map[string]PortState // those of servers, by fixed IP
}

// pageSections make the tables, in their order on the page.
var pageSections = []func(*pageSnapshot) []pageSection{
	(*pageSnapshot).routerSections,
	(*pageSnapshot).serverSections,
	(*pageSnapshot).balancerSections,
	(*pageSnapshot).volumeSections,
	(*pageSnapshot).networkSections,
	(*pageSnapshot).callSections,
}

// pageState takes the revision first: what changes meanwhile is another one, of
// which the page hears with the next event.
func (c *Cloud) pageState(root string) pageState {
	state := pageState{
		Revision: c.pageRevision(), Name: c.options.Name, Region: c.options.Region, Identity: IdentityURL(root),
	}
	s := c.pageSnapshot()
	state.Numbers = s.numbers()
	for _, r := range s.routers {
		state.Pictures = append(state.Pictures, s.picture(r))
	}
	for _, make := range pageSections {
		state.Sections = append(state.Sections, make(s)...)
	}
	return state
}

func (c *Cloud) pageSnapshot() *pageSnapshot {
	s := &pageSnapshot{
		cloud: c, now: time.Now(), servers: c.Servers(), ports: c.Ports(), routers: c.Routers(), networks: c.Networks(),
		floating: c.FloatingIPs(), balancers: c.LoadBalancers(), volumes: c.Volumes(), serverNames: map[string]string{}, portsByIP: map[string]PortState{},
	}
	for _, v := range s.servers {
		s.serverNames[v.ID] = v.Name
	}
	for _, p := range s.ports {
		if _, found := s.serverNames[p.DeviceID]; !found {
			continue
		}
		for _, ip := range p.FixedIPs {
			s.portsByIP[ip.Address] = p
		}
	}
	s.takeCalls()
	return s
}

// takeCalls copies the end of the log only: it may be long.
func (s *pageSnapshot) takeCalls() {
	s.cloud.mu.Lock()
	defer s.cloud.mu.Unlock()
	log := s.cloud.calls
	s.total = len(log)
	for i, call := range slices.Backward(log) {
		recent := s.now.Sub(call.At) < time.Minute
		if recent {
			s.minute = append(s.minute, *call)
		}
		if len(log)-i <= maxCalls {
			s.latest = append(s.latest, *call)
		} else if !recent {
			break
		}
	}
}

func (s *pageSnapshot) numbers() []pageNumber {
	routes, active, external := 0, 0, 0
	for _, r := range s.routers {
		routes += len(r.Routes)
	}
	for _, v := range s.servers {
		if v.Status == "ACTIVE" {
			active++
		}
	}
	for _, n := range s.networks {
		if n.External {
			external++
		}
	}
	limit := fmt.Sprintf("of %d", s.cloud.routeLimit())
	if len(s.routers) != 1 {
		limit = fmt.Sprintf("on %d routers", len(s.routers))
	}
	return []pageNumber{
		{What: "routes", Value: routes, Note: limit},
		{What: "servers", Value: len(s.servers), Note: fmt.Sprintf("%d active", active)},
		{What: "networks", Value: len(s.networks), Note: fmt.Sprintf("%d external", external)},
		{What: "calls a minute", Value: len(s.minute), Note: fmt.Sprintf("%d in all", s.total)},
	}
}

// routeLimit is how many routes a router, or with the quota the project, may have.
func (c *Cloud) routeLimit() int {
	if c.options.RouterRouteQuota > 0 {
		return c.options.RouterRouteQuota
	}
	return c.options.MaxRoutes
}

// shown cuts a table off.
func shown[T any](all []T) (rows []T, more int) {
	n := min(len(all), maxRows)
	return all[:n], len(all) - n
}

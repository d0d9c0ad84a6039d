package openstack

import (
	"slices"
	"sync"

	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/routes"
)

// portList is one reading of the project's ports with what was learned since. It
// is never changed, only replaced; the zero value is empty.
//
// What is learned is kept aside until somebody reads: a thousand writes between
// two readings cost a thousand small notes and one copy, not a thousand copies.
type portList struct{ at *portVersion }

// portVersion is a list as it is after one answer more.
type portVersion struct {
	lock *sync.Mutex // one for all versions of a reading
	// table is there once it was made; before that the version is learned, in before.
	table   *portTable
	before  *portVersion
	learned neutronPort
}

// portTable is the ports in the words of each reader, so that nobody converts
// them again. It never changes.
type portTable struct {
	forRoutes    []routes.Port
	forInstances []instances.Port
	forBalancers []tree.Port
	index        map[string]int // by port id, into all three
}

func newPortList(all []neutronPort) portList {
	parents := map[string]string{}
	for _, port := range all {
		if port.TrunkDetails != nil {
			for _, sub := range port.TrunkDetails.SubPorts {
				parents[sub.PortID] = port.ID
			}
		}
	}
	made := &portTable{
		forRoutes:    make([]routes.Port, 0, len(all)),
		forInstances: make([]instances.Port, 0, len(all)),
		forBalancers: make([]tree.Port, 0, len(all)),
		index:        make(map[string]int, len(all)),
	}
	for _, port := range all {
		if _, twice := made.index[port.ID]; twice {
			continue // it moved to the next page between two calls
		}
		made.index[port.ID] = len(made.forRoutes)
		made.forRoutes = append(made.forRoutes, port.forRoutes())
		made.forInstances = append(made.forInstances, port.forInstances(parents[port.ID]))
		made.forBalancers = append(made.forBalancers, port.forBalancers())
	}
	return portList{&portVersion{lock: &sync.Mutex{}, table: made}}
}

// with is the list with one port as it is now, unless the list knows a later
// revision or has not seen the port: that comes with the next reading.
func (l portList) with(port neutronPort) portList {
	if l.at == nil {
		return l
	}
	return portList{&portVersion{lock: l.at.lock, before: l.at, learned: port}}
}

// table is the list to read.
func (l portList) table() *portTable {
	if l.at == nil {
		return &portTable{}
	}
	l.at.lock.Lock()
	defer l.at.lock.Unlock()
	var learned []neutronPort // the newest first
	at := l.at
	for ; at.table == nil; at = at.before {
		learned = append(learned, at.learned)
	}
	if len(learned) > 0 {
		l.at.table = at.table.with(learned)
		l.at.before, l.at.learned = nil, neutronPort{}
	}
	return l.at.table
}

// with is a copy that knows what was learned, the newest first.
func (t *portTable) with(learned []neutronPort) *portTable {
	next := *t
	next.forRoutes = slices.Clone(t.forRoutes)
	next.forInstances = slices.Clone(t.forInstances)
	next.forBalancers = slices.Clone(t.forBalancers)
	for _, port := range slices.Backward(learned) {
		at, known := next.index[port.ID]
		if !known || next.forRoutes[at].Revision > port.Revision {
			continue
		}
		next.forRoutes[at] = port.forRoutes()
		next.forInstances[at] = port.forInstances(next.forInstances[at].TrunkParent)
		next.forBalancers[at] = port.forBalancers()
	}
	return &next
}

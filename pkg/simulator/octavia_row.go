package simulator

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The states of provisioning (octavia_lib/common/constants.py).
const (
	lbActive        = "ACTIVE"
	lbError         = "ERROR"
	lbPendingCreate = "PENDING_CREATE"
	lbPendingUpdate = "PENDING_UPDATE"
	lbPendingDelete = "PENDING_DELETE"
)

// The states of operation.
const (
	lbOnline    = "ONLINE"
	lbOffline   = "OFFLINE"
	lbDegraded  = "DEGRADED"
	lbDraining  = "DRAINING"
	lbNoMonitor = "NO_MONITOR"
)

// lbObjectBase is what every object of Octavia has. values are the attributes
// that the API sets, by name.
type lbObjectBase struct {
	ID, ProjectID    string
	Provisioning     string
	values           lbBody
	Created, Updated time.Time
	// number is the row's place in order of creation.
	number int
}

func (b *lbObjectBase) base() *lbObjectBase { return b }

// lbRow is any object of Octavia.
type lbRow interface {
	base() *lbObjectBase
	// resource is what errors call it.
	resource() string
	// balancer is the load balancer to which it belongs.
	balancer() *loadBalancer
	schema() lbSchema
	// operating is its state of operation.
	operating() string
	// own shows what is not among the values: links to other objects.
	own(into map[string]any)
}

// loadBalancer is a load balancer and what belongs to it.
type loadBalancer struct {
	lbObjectBase
	provider   string
	vip        lbVIP
	additional []lbVIP
	// live: it has been ACTIVE, and someone reports its health.
	live bool
	// reported overrides the state of operation that its parts give; "" does not.
	reported  string
	listeners []*lbListener
	pools     []*lbPool
	// due is when what it is pending for will be done; failed is what that will
	// leave in ERROR, nil if nothing.
	due    time.Time
	failed lbRow
	// whole: it is pending for a change of itself, not of a part.
	whole bool
	// fails makes the next change go wrong.
	fails bool
	// group is the security group that the amphora driver made, plugged its amphora's port.
	group, plugged string
}

// lbVIP is an address of a load balancer.
type lbVIP struct {
	address, portID, subnetID, networkID string
	// owned: Octavia made the port.
	owned bool
}

type lbListener struct {
	lbObjectBase
	lb       *loadBalancer
	pool     *lbPool
	policies []*lbPolicy
}

type lbPool struct {
	lbObjectBase
	lb      *loadBalancer
	members []*lbMember
	monitor *lbMonitor
}

type lbMember struct {
	lbObjectBase
	pool *lbPool
	// reported is what the health monitor found, or whoever set it by hand; "" is well.
	reported string
}

type lbMonitor struct {
	lbObjectBase
	pool *lbPool
}

type lbPolicy struct {
	lbObjectBase
	listener *lbListener
	pool     *lbPool
	rules    []*lbRule
}

type lbRule struct {
	lbObjectBase
	policy *lbPolicy
}

func (*loadBalancer) resource() string { return "Load Balancer" }
func (*lbListener) resource() string   { return "Listener" }
func (*lbPool) resource() string       { return "Pool" }
func (*lbMember) resource() string     { return "Member" }
func (*lbMonitor) resource() string    { return "Health Monitor" }
func (*lbPolicy) resource() string     { return "L7 Policy" }
func (*lbRule) resource() string       { return "L7 Rule" }

func (b *loadBalancer) balancer() *loadBalancer { return b }
func (l *lbListener) balancer() *loadBalancer   { return l.lb }
func (p *lbPool) balancer() *loadBalancer       { return p.lb }
func (m *lbMember) balancer() *loadBalancer     { return m.pool.lb }
func (m *lbMonitor) balancer() *loadBalancer    { return m.pool.lb }
func (p *lbPolicy) balancer() *loadBalancer     { return p.listener.lb }
func (r *lbRule) balancer() *loadBalancer       { return r.policy.listener.lb }

func (*loadBalancer) schema() lbSchema { return loadBalancerSchema() }
func (*lbListener) schema() lbSchema   { return listenerSchema() }
func (*lbPool) schema() lbSchema       { return poolSchema() }
func (*lbMember) schema() lbSchema     { return memberSchema() }
func (*lbMonitor) schema() lbSchema    { return monitorSchema() }
func (*lbPolicy) schema() lbSchema     { return policySchema() }
func (*lbRule) schema() lbSchema       { return ruleSchema() }

// parts are the load balancer and all that belongs to it.
func (b *loadBalancer) parts() []lbRow {
	parts := []lbRow{b}
	for _, l := range b.listeners {
		parts = append(parts, l)
		for _, p := range l.policies {
			parts = append(parts, p)
			for _, r := range p.rules {
				parts = append(parts, r)
			}
		}
	}
	for _, p := range b.pools {
		parts = append(parts, p.parts()...)
	}
	return parts
}

// parts are the pool, its members and its monitor.
func (p *lbPool) parts() []lbRow {
	parts := []lbRow{p}
	for _, m := range p.members {
		parts = append(parts, m)
	}
	if p.monitor != nil {
		parts = append(parts, p.monitor)
	}
	return parts
}

// listeners are those whose default pool this is.
func (p *lbPool) listeners() []*lbListener {
	return slices.DeleteFunc(slices.Clone(p.lb.listeners), func(l *lbListener) bool { return l.pool != p })
}

// begin makes the base of a new row.
func (o *octavia) begin(projectID string, values lbBody) lbObjectBase {
	o.count++
	delete(values, "project_id")
	delete(values, "tenant_id")
	return lbObjectBase{
		ID: newID(), ProjectID: projectID, Provisioning: lbPendingCreate, values: values, Created: time.Now(), number: o.count,
	}
}

// row finds a row of one kind.
func lbFind[T lbRow](o *octavia, id string) (T, bool) {
	v, found := o.rows[id].(T)
	return v, found
}

// set takes over what a PUT gives.
func (b *lbObjectBase) set(given lbBody) { maps.Copy(b.values, given) }

// view shows a row in the words of an API version.
func (o *octavia) view(v lbRow) map[string]any {
	b := v.base()
	out := map[string]any{
		"id": b.ID, "project_id": b.ProjectID, "tenant_id": b.ProjectID,
		"provisioning_status": b.Provisioning, "operating_status": v.operating(),
		"created_at": octaviaTime(b.Created), "updated_at": octaviaTime(b.Updated),
	}
	hidden := map[string]bool{}
	for _, f := range v.schema() {
		switch {
		case f.since > o.minor:
			hidden[f.name] = true
		case f.use&lbShow != 0:
			out[f.name] = b.values[f.name]
			if out[f.name] == nil {
				out[f.name] = f.blank
			}
		}
	}
	v.own(out)
	for name := range hidden {
		delete(out, name)
	}
	return out
}

// ids are links to rows, in no order that anyone may rely on: the real service
// promises none and gives none.
func lbLinks[T lbRow](rows []T) []map[string]string {
	links := make([]map[string]string, 0, len(rows))
	for _, v := range lbShuffled(rows) {
		links = append(links, map[string]string{"id": v.base().ID})
	}
	return links
}

// lbShuffled are rows in the order of their ids.
func lbShuffled[T lbRow](rows []T) []T {
	return slices.SortedFunc(slices.Values(rows), func(a, b T) int { return cmp.Compare(a.base().ID, b.base().ID) })
}

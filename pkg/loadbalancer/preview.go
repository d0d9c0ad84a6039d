package loadbalancer

import (
	"context"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// Preview is what would be done for one Service.
type Preview struct {
	Service owner.Service
	Steps   []step.Step
	// Notices say what the Service asks for and does not get, Err what keeps it
	// from being served.
	Notices []string
	Err     error
}

// previewed is one Service as one look sees it.
type previewed struct {
	Preview
	subject  *subject
	balancer *tree.Balancer
}

// Plan is the dry run: for each Service that this controller serves, by name,
// what would be done now. It changes nothing, and costs a few list calls.
func (c *Controller) Plan(ctx context.Context) ([]Preview, error) {
	all, err := c.preview(ctx)
	previews := make([]Preview, len(all))
	for i, p := range all {
		previews[i] = p.Preview
	}
	return previews, err
}

// preview looks at all Services in one reading of the project.
func (c *Controller) preview(ctx context.Context) ([]*previewed, error) {
	uid, err := c.identity.get(ctx)
	if err != nil {
		return nil, err
	}
	cluster := owner.Cluster{Name: c.options.ClusterName, UID: uid}
	k, end := c.lists.beginWhole()
	defer end()
	nodes := c.memberNodes()
	var all []*previewed
	var pools []*tree.Pool
	for _, service := range c.served() {
		p := &previewed{subject: newSubject(cluster, service, nodes)}
		p.Service = p.subject.owner
		p.subject.known = c.memory.balancer(p.subject)
		seen := c.previewOne(ctx, k, p)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p.subject.hadGroups = seen != nil && len(seen.actual.SecurityGroups) > 0
		if seen != nil && seen.actual.Balancer != nil {
			pools = append(pools, poolsOf(seen.actual.Balancer)...)
		}
		all = append(all, p)
	}
	c.swept.Store(true)
	known := make(map[string]bool, len(pools))
	for _, pool := range pools {
		known[pool.ID] = true
	}
	c.book.keep(known)
	return all, c.book.deepen(ctx, pools, deepReads)
}

// previewOne plans for one Service; what goes wrong is kept with it.
func (c *Controller) previewOne(ctx context.Context, k *look, p *previewed) *sighting {
	s := p.subject
	wish, err := c.read(s)
	if err != nil {
		p.Err = err
		return nil
	}
	found, err := c.find(ctx, k, s, false)
	if err != nil {
		p.Err = err
		return nil
	}
	seen, err := c.observe(ctx, k, s, found, extent{wish: wish, whole: true})
	if err != nil {
		p.Err = err
		return nil
	}
	for _, n := range seen.notices {
		p.Notices = append(p.Notices, n.Message)
	}
	p.balancer = seen.actual.Balancer
	p.Err = hindering(plan.Check(seen.desired, seen.actual))
	p.Steps = plan.Plan(seen.desired, seen.actual)
	return seen
}

// served are the Services of this controller that want a load balancer, by name.
func (c *Controller) served() []*v1.Service {
	all := slices.DeleteFunc(slices.Clone(c.options.Services()), func(service *v1.Service) bool { return !wantsBalancer(service) })
	slices.SortFunc(all, func(a, b *v1.Service) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return all
}

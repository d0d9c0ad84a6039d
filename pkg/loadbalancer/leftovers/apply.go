package leftovers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// Cloud is what removing needs of the cloud; its contract is loadbalancer.Cloud's
// where nothing else is said.
type Cloud interface {
	LoadBalancers(ctx context.Context, query loadbalancer.BalancerQuery) ([]tree.Balancer, error)
	Listeners(ctx context.Context, balancerID string) ([]tree.Listener, error)
	Pools(ctx context.Context, balancerID string) ([]tree.Pool, error)
	UpdateLoadBalancer(ctx context.Context, id string, change loadbalancer.BalancerChange) error
	DeleteLoadBalancer(ctx context.Context, id string, cascade bool) error
	DeleteListener(ctx context.Context, id string) error
	DeletePool(ctx context.Context, id string) error
	FloatingIPs(ctx context.Context, portID string) ([]tree.FloatingIP, error)
	DeleteFloatingIP(ctx context.Context, id string) error
	SecurityGroups(ctx context.Context, name string) ([]tree.SecurityGroup, error)
	DeleteSecurityGroup(ctx context.Context, id string) error
	BalancerPorts(ctx context.Context, maxAge time.Duration) ([]tree.Port, error)
	SetPortGroups(ctx context.Context, portID string, revision int, groupIDs []string) error
	// PortAge is how long ago the port was made; cloud.ErrUnsupported where
	// Neutron does not tell.
	PortAge(ctx context.Context, id string) (time.Duration, error)
	DeletePort(ctx context.Context, id string) error
}

// Look reads the project: six list calls. A cloud without Octavia has no load
// balancers.
func Look(ctx context.Context, c Cloud) (p Project, err error) {
	p.Balancers, err = c.LoadBalancers(ctx, loadbalancer.BalancerQuery{})
	without := errors.Is(err, cloud.ErrUnsupported)
	if err == nil {
		p.Listeners, err = c.Listeners(ctx, "")
	}
	if err == nil {
		p.Pools, err = c.Pools(ctx, "")
	}
	if err != nil && !without {
		return Project{}, fmt.Errorf("list load balancers: %w", err)
	}
	if p.FloatingIPs, err = c.FloatingIPs(ctx, ""); err != nil {
		return Project{}, fmt.Errorf("list floating IPs: %w", err)
	}
	if p.Groups, err = c.SecurityGroups(ctx, ""); err != nil {
		return Project{}, fmt.Errorf("list security groups: %w", err)
	}
	if p.Ports, err = c.BalancerPorts(ctx, 0); err != nil {
		return Project{}, fmt.Errorf("list ports: %w", err)
	}
	return p, nil
}

const (
	// pollGap is how often a load balancer that Octavia works on is looked at.
	pollGap = 2 * time.Second
	// attempts bounds how often a write meets something that is in use or changes.
	attempts = 10
)

// Apply carries out one step of a job and returns when it is done: for a load
// balancer, when Octavia has finished. What is gone already is success; what
// somebody has begun to use since it was looked at is an error.
func Apply(ctx context.Context, c Cloud, job Job, s step.Step) error {
	err := persist(ctx, func() error {
		done, err := look(ctx, c, job, s)
		if done || err != nil {
			return err
		}
		return write(ctx, c, s)
	})
	if err == nil && job.BalancerID != "" {
		err = finish(ctx, c, job.BalancerID, s)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// look sees whether the step is done already, and whether it may still be done.
func look(ctx context.Context, c Cloud, job Job, s step.Step) (done bool, err error) {
	address, loose := s.(plan.DeleteFloatingIP)
	if job.BalancerID == "" {
		if loose {
			err = idle(ctx, c, address.ID)
		}
		return false, err
	}
	b, err := settle(ctx, c, job.BalancerID)
	update, _ := s.(plan.UpdateLoadBalancer)
	switch {
	case err != nil:
		return false, err
	case b == nil:
		return !loose, nil
	case update.Tags != nil && slices.Equal(b.Tags, update.Tags):
		return true, nil
	case !slices.Equal(b.Tags, job.Tags):
		return false, fmt.Errorf("load balancer %s is used by others than when it was looked at: look again", job.BalancerID)
	}
	return false, nil
}

// idle says that the floating IP leads nowhere.
func idle(ctx context.Context, c Cloud, id string) error {
	all, err := c.FloatingIPs(ctx, "")
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == id && all[i].PortID != "" {
			return fmt.Errorf("it leads to port %s by now", all[i].PortID)
		}
	}
	return nil
}

// finish waits until Octavia has done the step.
func finish(ctx context.Context, c Cloud, id string, s step.Step) error {
	b, err := settle(ctx, c, id)
	if err != nil {
		return err
	}
	if _, deleted := s.(plan.DeleteLoadBalancer); deleted && b != nil {
		return fmt.Errorf("wait until load balancer %s is gone: Octavia gave up: %w", id, cloud.ErrUnavailable)
	}
	return nil
}

// persist tries again what is busy: a security group is in use until Octavia has
// really let go, a port changes under us.
func persist(ctx context.Context, do func() error) error {
	err := do()
	for attempt := 1; attempt < attempts && (errors.Is(err, cloud.ErrBusy) || errors.Is(err, cloud.ErrAmbiguous)); attempt++ {
		if waitErr := wait(ctx); waitErr != nil {
			return errors.Join(err, waitErr)
		}
		err = do()
	}
	return err
}

func write(ctx context.Context, c Cloud, s step.Step) error {
	switch s := s.(type) {
	case plan.DeleteLoadBalancer:
		return absent(c.DeleteLoadBalancer(ctx, s.ID, s.Cascade))
	case plan.DeleteListener:
		return absent(c.DeleteListener(ctx, s.ID))
	case plan.DeletePool:
		return absent(c.DeletePool(ctx, s.ID))
	case plan.UpdateLoadBalancer:
		return absent(c.UpdateLoadBalancer(ctx, s.ID, loadbalancer.BalancerChange{Tags: s.Tags}))
	case plan.DeleteFloatingIP:
		return absent(c.DeleteFloatingIP(ctx, s.ID))
	case plan.SetPortGroups:
		return takeOff(ctx, c, s)
	case plan.DeleteSecurityGroup:
		return absent(c.DeleteSecurityGroup(ctx, s.ID))
	case DeleteStrayPort:
		return absent(deleteStray(ctx, c, s))
	default:
		return fmt.Errorf("apply step %v: unknown", s)
	}
}

// takeOff takes a group off a port as the port is by now.
func takeOff(ctx context.Context, c Cloud, s plan.SetPortGroups) error {
	ports, err := c.BalancerPorts(ctx, time.Hour) // learns every write; a port that changed is read again
	if err != nil {
		return err
	}
	at := slices.IndexFunc(ports, func(p tree.Port) bool { return p.ID == s.PortID })
	if at < 0 {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(ports[at].SecurityGroupIDs), func(id string) bool { return slices.Contains(s.Remove, id) })
	if len(rest) == len(ports[at].SecurityGroupIDs) {
		return nil
	}
	err = c.SetPortGroups(ctx, s.PortID, ports[at].Revision, rest)
	if errors.Is(err, cloud.ErrNotFound) {
		// The port, or one of its other groups: the list as it is now tells.
		return fmt.Errorf("write the groups of port %s, which have changed: %w", s.PortID, cloud.ErrBusy)
	}
	return err
}

// settle waits until Octavia works no more on the load balancer, and gives it
// without its parts; nil when it is gone.
func settle(ctx context.Context, c Cloud, id string) (*tree.Balancer, error) {
	for {
		found, err := c.LoadBalancers(ctx, loadbalancer.BalancerQuery{ID: id})
		switch {
		case err != nil:
			return nil, fmt.Errorf("look at load balancer %s: %w", id, err)
		case len(found) == 0 || found[0].Provisioning == tree.Deleted:
			return nil, nil
		case !found[0].Provisioning.Pending():
			return &found[0], nil
		}
		if err := wait(ctx); err != nil {
			return nil, fmt.Errorf("wait for load balancer %s, which is %s: %w", id, found[0].Provisioning, err)
		}
	}
}

func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollGap):
		return nil
	}
}

// absent takes "not there" for done.
func absent(err error) error {
	if errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	return err
}

package simulator

import (
	"net/http"
	"strings"
)

// Load balancers as octavia/api/v2/controllers/load_balancer.py has them.

func (o *octavia) registerLoadBalancers(t routeTable) {
	o.on(t, "GET /loadbalancers", 0, http.StatusOK, lbLister(o, "loadbalancers", func(*request) ([]*loadBalancer, error) { return o.balancers, nil }))
	o.on(t, "POST /loadbalancers", 0, http.StatusCreated, o.postLoadBalancer)
	o.on(t, "GET /loadbalancers/{id}", 0, http.StatusOK, lbShower[*loadBalancer](o, "loadbalancer", "Load Balancer"))
	o.on(t, "PUT /loadbalancers/{id}", 0, http.StatusOK, o.putLoadBalancer)
	o.on(t, "DELETE /loadbalancers/{id}", 0, http.StatusNoContent, o.deleteLoadBalancer)
	o.on(t, "PUT /loadbalancers/{id}/failover", 0, http.StatusAccepted, o.failover)
	for _, name := range []string{"status", "statuses"} {
		o.on(t, "GET /loadbalancers/{id}/"+name, 0, http.StatusOK, func(r *request) (any, error) {
			b, err := lbNamed[*loadBalancer](o, r, "id", "Load Balancer")
			if err != nil {
				return nil, err
			}
			return b.statusTree(), nil
		})
	}
	o.on(t, "GET /loadbalancers/{id}/stats", 0, http.StatusOK, func(r *request) (any, error) {
		if _, err := lbNamed[*loadBalancer](o, r, "id", "Load Balancer"); err != nil {
			return nil, err
		}
		return lbNoTraffic(), nil
	})
}

// lbNoTraffic are the statistics of what nobody has used.
func lbNoTraffic() any {
	return map[string]any{"stats": map[string]int{
		"bytes_in": 0, "bytes_out": 0, "active_connections": 0, "total_connections": 0, "request_errors": 0,
	}}
}

// lbNamed finds the row that a path names, which must be there and the caller's.
func lbNamed[T lbRow](o *octavia, r *request, variable, resource string) (T, error) {
	v, found := lbFind[T](o, r.Vars[variable])
	switch {
	case !found:
		return v, lbMissing(resource, r.Vars[variable])
	case !owns(r, v):
		return v, errOctaviaPolicy
	}
	return v, nil
}

// owns tells whether a row is of the caller's project, or the caller an admin.
func owns(r *request, v lbRow) bool {
	c := callerOf(r)
	return c.admin || c.project != "" && c.project == v.base().ProjectID
}

// lbShower answers with one row.
func lbShower[T lbRow](o *octavia, key, resource string) operation {
	return func(r *request) (any, error) {
		v, err := lbNamed[T](o, r, "id", resource)
		if err != nil {
			return nil, err
		}
		return map[string]any{key: lbFields(o.view(v), r.Query["fields"])}, nil
	}
}

// projectFor is the project of a new object: the body's, which must be the caller's, or the caller's.
func projectFor(r *request, b lbBody) (string, error) {
	c, project := callerOf(r), b.text("project_id")
	if project == "" {
		project = b.text("tenant_id")
	}
	switch {
	case project == "" && c.project == "":
		return "", lbInvalid("Missing project ID in request where one is required. " +
			"An administrator should check the keystone settings in the Octavia configuration.")
	case project == "":
		return c.project, nil
	case project != c.project && !c.admin:
		return "", errOctaviaPolicy
	}
	return project, nil
}

func (o *octavia) postLoadBalancer(r *request) (any, error) {
	in, err := o.readObject(r, "load_balancer", "loadbalancer", loadBalancerSchema(), lbPost)
	if err != nil {
		return nil, err
	}
	project, err := projectFor(r, in)
	if err != nil {
		return nil, err
	}
	b, err := o.createLoadBalancer(callerOf(r), project, in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"loadbalancer": o.fullView(b)}, nil
}

// createLoadBalancer makes a load balancer with its children, PENDING_CREATE.
// As in Octavia, a VIP port that was made for a load balancer whose children are
// then refused stays behind in Neutron.
func (o *octavia) createLoadBalancer(c caller, project string, in lbBody) (*loadBalancer, error) {
	b := &loadBalancer{}
	var flavor *lbFlavor
	err := firstError(
		func() error { return o.chooseVIP(c, b, in) },
		func() (err error) { flavor, err = o.checkFlavor(in); return err },
		func() error { return o.checkZone(in) },
		func() (err error) { b.provider, err = chooseProvider(in, flavor); return err },
		func() error { return o.checkQuota("load_balancer", project, 1) },
		func() error { return b.checkOptions(in, flavor) },
	)
	if err != nil {
		return nil, err
	}
	listeners, pools := in.objects("listeners"), in.objects("pools")
	for _, name := range []string{
		"vip_address", "vip_port_id", "vip_subnet_id", "vip_network_id", "additional_vips", "listeners", "pools", "provider",
	} {
		delete(in, name)
	}
	b.lbObjectBase = o.begin(project, in)
	if err := o.createVIPPort(b); err != nil {
		return nil, err
	}
	if err := o.createTree(b, listeners, pools); err != nil {
		return nil, err
	}
	o.balancers = append(o.balancers, b)
	for _, v := range b.parts() {
		o.rows[v.base().ID] = v
	}
	o.wait(b, o.pace.Create, b)
	if o.failing > 0 {
		o.failing--
		b.failed = b
	}
	if b.provider != providerOVN && o.lostSubnet(b) {
		b.failed = b
	}
	return b, nil
}

// lostSubnet tells whether a member is on a subnet that is not there. In a tree
// nobody looks before the worker does, who then cannot plug the amphora into it.
func (o *octavia) lostSubnet(b *loadBalancer) bool {
	for _, p := range b.pools {
		for _, m := range p.members {
			id := m.values.text("subnet_id")
			if _, found := o.cloud.neutron.subnets.rows[id]; id != "" && !found {
				return true
			}
		}
	}
	return false
}

func (o *octavia) putLoadBalancer(r *request) (any, error) {
	in, err := o.readObject(r, "load_balancer", "loadbalancer", loadBalancerSchema(), lbPut)
	if err != nil {
		return nil, err
	}
	b, err := lbNamed[*loadBalancer](o, r, "id", "Load Balancer")
	if err != nil {
		return nil, err
	}
	if in.text("vip_qos_policy_id") != "" {
		return nil, errNoQoS
	}
	if err := o.checkSecurityGroups(callerOf(r), in); err != nil {
		return nil, err
	}
	if b.Provisioning != lbActive {
		return nil, lbPendingState(b)
	}
	b.set(in)
	b.Provisioning = lbPendingUpdate
	o.wait(b, o.pace.Update, b)
	return map[string]any{"loadbalancer": o.view(b)}, nil
}

// lbPendingState is LBPendingStateError.
func lbPendingState(b *loadBalancer) error {
	return octaviaErrorf(http.StatusConflict, "Invalid state %s of loadbalancer resource %s", b.Provisioning, b.ID)
}

func (o *octavia) deleteLoadBalancer(r *request) (any, error) {
	b, err := lbNamed[*loadBalancer](o, r, "id", "Load Balancer")
	if err != nil {
		return nil, err
	}
	cascade, _ := lbBool(o.minor, strings.TrimSpace(r.Query.Get("cascade")))
	if cascade != true && len(b.listeners)+len(b.pools) > 0 {
		return nil, lbInvalid("Cannot delete Load Balancer %s - it has children", b.ID)
	}
	if b.Provisioning != lbActive && b.Provisioning != lbError {
		return nil, lbPendingState(b)
	}
	b.Provisioning = lbPendingDelete
	o.wait(b, o.pace.Delete, b)
	return nil, nil
}

// failover rebuilds what carries a load balancer; for admins only. Not for ovn
// (ovn_octavia_provider/driver.py loadbalancer_failover).
func (o *octavia) failover(r *request) (any, error) {
	b, found := lbFind[*loadBalancer](o, r.Vars["id"])
	switch {
	case !found:
		return nil, lbMissing("Load Balancer", r.Vars["id"])
	case !callerOf(r).admin:
		return nil, errOctaviaPolicy
	case b.Provisioning != lbActive && b.Provisioning != lbError:
		return nil, lbPendingState(b)
	case b.provider == providerOVN:
		return nil, lbUnsupported(b.provider, "OVN provider does not support loadbalancer failover")
	}
	for _, v := range b.parts() {
		v.base().Provisioning = lbPendingUpdate
	}
	o.wait(b, o.pace.Create, b)
	return nil, nil
}

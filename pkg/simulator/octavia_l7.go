package simulator

import (
	"net/http"
	"slices"
)

// L7 policies and rules, as far as others have them on load balancers that we
// must leave alone: octavia/api/v2/controllers/l7policy.py and l7rule.py.

func (o *octavia) registerPolicies(t routeTable) {
	o.on(t, "GET /l7policies", 0, http.StatusOK, lbLister(o, "l7policies", func(*request) ([]*lbPolicy, error) {
		return lbCollect(o, func(b *loadBalancer) []*lbPolicy {
			var policies []*lbPolicy
			for _, l := range b.listeners {
				policies = append(policies, l.policies...)
			}
			return policies
		}), nil
	}))
	o.on(t, "POST /l7policies", 0, http.StatusCreated, o.postPolicy)
	o.on(t, "GET /l7policies/{id}", 0, http.StatusOK, lbShower[*lbPolicy](o, "l7policy", "L7 Policy"))
	o.on(t, "DELETE /l7policies/{id}", 0, http.StatusNoContent, func(r *request) (any, error) {
		p, err := lbNamed[*lbPolicy](o, r, "id", "L7 Policy")
		if err != nil {
			return nil, err
		}
		return nil, o.leave(p, p.listener)
	})
	o.on(t, "GET /l7policies/{policy}/rules", 0, http.StatusOK, lbLister(o, "rules", func(r *request) ([]*lbRule, error) {
		p, err := lbNamed[*lbPolicy](o, r, "policy", "L7 Policy")
		if err != nil {
			return nil, err
		}
		return p.rules, nil
	}))
	o.on(t, "POST /l7policies/{policy}/rules", 0, http.StatusCreated, o.postRule)
	o.on(t, "GET /l7policies/{policy}/rules/{id}", 0, http.StatusOK, lbShower[*lbRule](o, "rule", "L7 Rule"))
	o.on(t, "DELETE /l7policies/{policy}/rules/{id}", 0, http.StatusNoContent, func(r *request) (any, error) {
		v, err := lbNamed[*lbRule](o, r, "id", "L7 Rule")
		if err != nil {
			return nil, err
		}
		return nil, o.leave(v, v.policy.listener, v.policy)
	})
}

// leave begins the deletion of a part; the others change with it.
func (o *octavia) leave(v lbRow, others ...lbRow) error {
	if err := o.change(v.balancer(), v, others...); err != nil {
		return err
	}
	v.base().Provisioning = lbPendingDelete
	return nil
}

func (o *octavia) postPolicy(r *request) (any, error) {
	in, err := o.readObject(r, "l7policy_", "l7policy", policySchema(), lbPost)
	if err != nil {
		return nil, err
	}
	l, found := lbFind[*lbListener](o, in.text("listener_id"))
	switch {
	case !found:
		return nil, lbMissing("Listener", in.text("listener_id"))
	case !owns(r, l):
		return nil, errOctaviaPolicy
	}
	if err := o.checkQuota("l7policy", l.ProjectID, 1); err != nil {
		return nil, err
	}
	p, err := o.newPolicy(l, in)
	if err != nil {
		return nil, err
	}
	if err := o.change(l.lb, p, l); err != nil {
		return nil, err
	}
	l.policies = append(l.policies, p)
	o.rows[p.ID] = p
	for _, v := range p.rules {
		o.rows[v.ID] = v
	}
	return map[string]any{"l7policy": o.view(p)}, nil
}

// newPolicy checks a policy and makes it with its rules, without adding it.
func (o *octavia) newPolicy(l *lbListener, in lbBody) (*lbPolicy, error) {
	needs := map[string]string{
		"REDIRECT_TO_POOL": "redirect_pool_id", "REDIRECT_TO_URL": "redirect_url", "REDIRECT_PREFIX": "redirect_prefix",
	}[in.text("action")]
	if needs != "" && in.text(needs) == "" {
		return nil, octaviaErrorf(http.StatusBadRequest, "Invalid L7 Policy arguments: %s must not be None", needs)
	}
	if code := in.number("redirect_http_code"); code != 0 && !slices.Contains([]int{301, 302, 303, 307, 308}, code) {
		return nil, octaviaErrorf(http.StatusBadRequest, "%s",
			(&lbBadField{"redirect_http_code", python(code), "Value should be one of: 301, 302, 303, 307, 308"}).Error())
	}
	if err := l.checkPolicy(); err != nil {
		return nil, err
	}
	p := &lbPolicy{listener: l}
	if id := in.text("redirect_pool_id"); id != "" {
		at := slices.IndexFunc(l.lb.pools, func(v *lbPool) bool { return v.ID == id })
		if at < 0 {
			return nil, lbMissing("Pool", id)
		}
		p.pool = l.lb.pools[at]
	}
	rules := in.objects("rules")
	for _, name := range []string{"listener_id", "redirect_pool_id", "rules"} {
		delete(in, name)
	}
	in["position"] = min(in.number("position"), len(l.policies)+1)
	p.lbObjectBase = o.begin(l.ProjectID, in)
	for _, in := range rules {
		p.rules = append(p.rules, &lbRule{o.begin(l.ProjectID, in), p})
	}
	return p, nil
}

func (o *octavia) postRule(r *request) (any, error) {
	p, err := lbNamed[*lbPolicy](o, r, "policy", "L7 Policy")
	if err != nil {
		return nil, err
	}
	in, err := o.readObject(r, "l7rule_", "rule", ruleSchema(), lbPost)
	if err != nil {
		return nil, err
	}
	if err := o.checkQuota("l7rule", p.ProjectID, 1); err != nil {
		return nil, err
	}
	v := &lbRule{o.begin(p.ProjectID, in), p}
	if err := o.change(p.balancer(), v, p.listener, p); err != nil {
		return nil, err
	}
	p.rules = append(p.rules, v)
	o.rows[v.ID] = v
	return map[string]any{"rule": o.view(v)}, nil
}

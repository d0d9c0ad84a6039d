package simulator

import (
	"maps"
	"net/http"
)

// Pools as octavia/api/v2/controllers/pool.py has them.

func (o *octavia) registerPools(t routeTable) {
	o.on(t, "GET /pools", 0, http.StatusOK, lbLister(o, "pools", func(*request) ([]*lbPool, error) {
		return lbCollect(o, func(b *loadBalancer) []*lbPool { return b.pools }), nil
	}))
	o.on(t, "POST /pools", 0, http.StatusCreated, o.postPool)
	o.on(t, "GET /pools/{id}", 0, http.StatusOK, lbShower[*lbPool](o, "pool", "Pool"))
	o.on(t, "PUT /pools/{id}", 0, http.StatusOK, o.putPool)
	o.on(t, "DELETE /pools/{id}", 0, http.StatusNoContent, o.deletePool)
}

func (o *octavia) postPool(r *request) (any, error) {
	in, err := o.readObject(r, "pool_", "pool", poolSchema(), lbPost)
	if err != nil {
		return nil, err
	}
	b, l, err := o.poolParents(r, in)
	if err != nil {
		return nil, err
	}
	if in["members"] != nil || in["healthmonitor"] != nil {
		return nil, errLBNoTree
	}
	var p *lbPool
	err = firstError(
		func() error { return l.takes(in.text("protocol")) },
		func() error { return checkPersistence(in.object("session_persistence"), in.text("protocol"), false) },
		func() error { return o.checkQuota("pool", b.ProjectID, 1) },
		func() error { return l.free() },
		func() error { return b.mutable() },
		func() (err error) { p, err = o.newPool(b, in); return err },
		func() error { return b.checkPool(p.values.text("protocol"), p.values.text("lb_algorithm")) },
	)
	if err != nil {
		return nil, err
	}
	var others []lbRow
	if l != nil {
		others, l.pool = []lbRow{l}, p
	}
	if err := o.change(b, p, others...); err != nil {
		return nil, err
	}
	b.pools = append(b.pools, p)
	o.rows[p.ID] = p
	return map[string]any{"pool": o.view(p)}, nil
}

// takes tells whether a pool of a protocol may be the default pool; no listener takes any.
func (l *lbListener) takes(protocol string) error {
	switch {
	case l == nil:
		return nil
	case l.values.text("protocol") == "PROMETHEUS":
		return errNoChildren
	}
	return checkPair(l.values.text("protocol"), protocol)
}

// free refuses a listener that has a default pool already.
func (l *lbListener) free() error {
	if l == nil || l.pool == nil {
		return nil
	}
	return octaviaErrorf(http.StatusConflict, "This listener already has a default pool")
}

// mutable refuses what cannot be changed now.
func (b *loadBalancer) mutable() error {
	if b.Provisioning != lbActive {
		return lbImmutable("Load Balancer", b.ID)
	}
	return nil
}

// poolParents are the load balancer and the listener that a body names; the
// listener is nil if the load balancer is named.
func (o *octavia) poolParents(r *request, in lbBody) (*loadBalancer, *lbListener, error) {
	listenerID := in.text("listener_id")
	l, found := lbFind[*lbListener](o, listenerID)
	if id := in.text("loadbalancer_id"); id != "" {
		b, err := o.lbParent(r, id)
		if err == nil && listenerID != "" && (!found || l.lb != b) {
			return nil, nil, lbInvalidOption(listenerID, "listener_id")
		}
		return b, l, err
	}
	switch {
	case listenerID == "":
		return nil, nil, lbInvalid("Must provide at least one of: loadbalancer_id, listener_id")
	case !found:
		// Octavia does not look whether it is there.
		return nil, nil, octaviaErrorf(http.StatusInternalServerError, "'NoneType' object has no attribute 'load_balancer_id'")
	case !owns(r, l):
		return nil, nil, errOctaviaPolicy
	}
	return l.lb, l, nil
}

// checkPersistence: octavia/common/validate.py check_session_persistence and
// _validate_pool_request_for_udp_sctp.
func checkPersistence(sp lbBody, protocol string, update bool) error {
	if sp == nil {
		return nil
	}
	if protocol == "UDP" || protocol == "SCTP" {
		if err := checkDatagramPersistence(sp); err != nil {
			return err
		}
	} else if sp["persistence_timeout"] != nil || sp["persistence_granularity"] != nil {
		if update {
			return lbInvalid("persistence_timeout and persistence_granularity is only for UDP protocol pools.")
		}
		return lbInvalid("persistence_timeout and persistence_granularity is only for UDP and SCTP protocol pools.")
	}
	return checkCookie(sp.text("type"), sp.text("cookie_name"))
}

// checkCookie: one type has a cookie with a name, the others have none.
func checkCookie(kind, cookie string) error {
	switch {
	case kind == "":
		return lbInvalid("Invalid session_persistence provided.")
	case cookie != "" && kind != "APP_COOKIE":
		return lbInvalid(`Field "cookie_name" can only be specified with session persistence of type "APP_COOKIE".`)
	case cookie == "" && kind == "APP_COOKIE":
		return lbInvalid(`Field "cookie_name" must be specified when using the "APP_COOKIE" session persistence type.`)
	}
	return nil
}

func checkDatagramPersistence(sp lbBody) error {
	kind, cookie := sp.text("type"), sp.text("cookie_name")
	switch {
	case kind == "SOURCE_IP" && cookie != "":
		return lbInvalid("session_persistence SOURCE_IP type for UDP and SCTP protocols only accepts: type, " +
			"persistence_timeout, persistence_granularity.")
	case cookie != "":
		return lbInvalid("Cookie names are not supported for UDP/SCTP pools.")
	case kind == "HTTP_COOKIE", kind == "APP_COOKIE":
		return lbInvalid("Session persistence of type %s is not supported for UDP/SCTP protocol pools.", kind)
	}
	return nil
}

// newPool checks a pool and makes it, without members and without adding it.
func (o *octavia) newPool(b *loadBalancer, in lbBody) (*lbPool, error) {
	if in.text("crl_container_ref") != "" && in.text("ca_tls_container_ref") == "" {
		return nil, lbInvalid("A CA certificate reference is required to specify a revocation list.")
	}
	if err := o.checkPoolRefs(in); err != nil {
		return nil, err
	}
	if in.on("tls_enabled") {
		if err := checkTLS(in); err != nil {
			return nil, err
		}
		o.fillTLS(in)
	}
	if in["protocol"] == nil || in["lb_algorithm"] == nil {
		return nil, errLBDatabase
	}
	for _, name := range []string{"loadbalancer_id", "listener_id", "members", "healthmonitor"} {
		delete(in, name)
	}
	return &lbPool{lbObjectBase: o.begin(b.ProjectID, in), lb: b}, nil
}

func (o *octavia) checkPoolRefs(in lbBody) error {
	if ref := in.text("tls_container_ref"); ref != "" {
		if err := o.checkBundles([]string{ref}); err != nil {
			return err
		}
	}
	return o.checkSecrets(in.text("ca_tls_container_ref"), in.text("crl_container_ref"))
}

func (o *octavia) putPool(r *request) (any, error) {
	in, err := o.readObject(r, "pool_", "pool", poolSchema(), lbPut)
	if err != nil {
		return nil, err
	}
	p, err := lbNamed[*lbPool](o, r, "id", "Pool")
	if err != nil {
		return nil, err
	}
	protocol := p.values.text("protocol")
	p.mergePersistence(in)
	err = firstError(
		func() error { return checkPersistence(in.object("session_persistence"), protocol, true) },
		func() error { return o.checkPoolRefs(in) },
		func() error { return checkTLS(in) },
		func() error { return p.lb.mutable() },
		func() error {
			if in.has("lb_algorithm") && in["lb_algorithm"] == nil {
				return errLBDatabase
			}
			return p.lb.checkPool(protocol, in.text("lb_algorithm"))
		},
	)
	if err != nil {
		return nil, err
	}
	if err := o.change(p.lb, p, append(lbRows(p.listeners()), p)...); err != nil {
		return nil, err
	}
	p.set(in)
	return map[string]any{"pool": o.view(p)}, nil
}

// mergePersistence: what a PUT leaves out of the session persistence stays, but
// for the name of a cookie that there is no longer.
func (p *lbPool) mergePersistence(in lbBody) {
	sp := in.object("session_persistence")
	if sp == nil {
		return
	}
	merged := lbBody{}
	maps.Copy(merged, p.values.object("session_persistence"))
	maps.Copy(merged, sp)
	if sp["cookie_name"] == nil && merged.text("type") != "APP_COOKIE" {
		delete(merged, "cookie_name")
	}
	in["session_persistence"] = merged
}

// lbRows are rows of one kind as rows of any.
func lbRows[T lbRow](rows []T) []lbRow {
	all := make([]lbRow, 0, len(rows)+1)
	for _, v := range rows {
		all = append(all, v)
	}
	return all
}

func (o *octavia) deletePool(r *request) (any, error) {
	p, err := lbNamed[*lbPool](o, r, "id", "Pool")
	if err != nil {
		return nil, err
	}
	for _, l := range p.lb.listeners {
		for _, policy := range l.policies {
			if policy.pool == p {
				return nil, octaviaErrorf(http.StatusConflict, "Pool %s is in use by L7 policy %s", p.ID, policy.ID)
			}
		}
	}
	if err := o.change(p.lb, p, lbRows(p.listeners())...); err != nil {
		return nil, err
	}
	p.Provisioning = lbPendingDelete
	return nil, nil
}

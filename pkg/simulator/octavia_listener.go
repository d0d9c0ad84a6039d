package simulator

import (
	"net/http"
	"slices"
)

// Listeners as octavia/api/v2/controllers/listener.py has them.

func (o *octavia) registerListeners(t routeTable) {
	o.on(t, "GET /listeners", 0, http.StatusOK, lbLister(o, "listeners", func(*request) ([]*lbListener, error) {
		return lbCollect(o, func(b *loadBalancer) []*lbListener { return b.listeners }), nil
	}))
	o.on(t, "POST /listeners", 0, http.StatusCreated, o.postListener)
	o.on(t, "GET /listeners/{id}", 0, http.StatusOK, lbShower[*lbListener](o, "listener", "Listener"))
	o.on(t, "PUT /listeners/{id}", 0, http.StatusOK, o.putListener)
	o.on(t, "DELETE /listeners/{id}", 0, http.StatusNoContent, o.deleteListener)
	o.on(t, "GET /listeners/{id}/stats", 0, http.StatusOK, func(r *request) (any, error) {
		if _, err := lbNamed[*lbListener](o, r, "id", "Listener"); err != nil {
			return nil, err
		}
		return lbNoTraffic(), nil
	})
}

// lbL4 is what each protocol runs on (L4_PROTOCOL_MAP in octavia/common/constants.py).
var lbL4 = map[string]string{
	"TCP": "TCP", "HTTP": "TCP", "HTTPS": "TCP", "TERMINATED_HTTPS": "TCP", "PROXY": "TCP", "PROXYV2": "TCP",
	"PROMETHEUS": "TCP", "UDP": "UDP", "SCTP": "SCTP",
}

// lbPairs are the pool protocols that a listener's protocol goes with
// (VALID_LISTENER_POOL_PROTOCOL_MAP in octavia/common/constants.py).
var lbPairs = map[string][]string{
	"TCP": {"HTTP", "HTTPS", "PROXY", "PROXYV2", "TCP"}, "HTTP": {"HTTP", "PROXY", "PROXYV2"},
	"HTTPS": {"HTTPS", "PROXY", "PROXYV2", "TCP"}, "TERMINATED_HTTPS": {"HTTP", "PROXY", "PROXYV2"},
	"UDP": {"UDP"}, "SCTP": {"SCTP"}, "PROMETHEUS": nil,
}

func checkPair(listener, pool string) error {
	if slices.Contains(lbPairs[listener], pool) {
		return nil
	}
	return lbInvalid("The pool protocol '%s' is invalid while the listener protocol is '%s'.", pool, listener)
}

var errNoChildren = octaviaErrorf(http.StatusBadRequest, "Protocol PROMETHEUS listeners cannot have child objects.")

// lbParent is the load balancer that a body names; of a deleted one the row is
// still there, and cannot be changed.
func (o *octavia) lbParent(r *request, id string) (*loadBalancer, error) {
	b, found := lbFind[*loadBalancer](o, id)
	project, gone := o.gone[id]
	c := callerOf(r)
	switch {
	case found && !owns(r, b), gone && !c.admin && c.project != project:
		return nil, errOctaviaPolicy
	case gone:
		return nil, lbImmutable("Load Balancer", id)
	case id == "":
		return nil, lbMissing("Load Balancer", "None")
	case !found:
		return nil, lbMissing("Load Balancer", id)
	}
	return b, nil
}

// errLBNoTree is what a listener or pool gives that is posted with its children.
var errLBNoTree = octaviaErrorf(http.StatusInternalServerError, "'dict' object has no attribute '_sa_instance_state'")

func (o *octavia) postListener(r *request) (any, error) {
	in, err := o.readObject(r, "listener_", "listener", listenerSchema(), lbPost)
	if err != nil {
		return nil, err
	}
	if in["default_pool"] != nil {
		return nil, errLBNoTree
	}
	b, err := o.lbParent(r, in.text("loadbalancer_id"))
	if err != nil {
		return nil, err
	}
	if err := o.checkQuota("listener", b.ProjectID, 1); err != nil {
		return nil, err
	}
	if err := o.checkDefaultPool(b, in, in.text("protocol")); err != nil {
		return nil, err
	}
	if b.Provisioning != lbActive {
		return nil, lbImmutable("Load Balancer", b.ID)
	}
	l, err := o.newListener(b, in)
	if err != nil {
		return nil, err
	}
	if err := o.change(b, l); err != nil {
		return nil, err
	}
	b.listeners = append(b.listeners, l)
	o.rows[l.ID] = l
	return map[string]any{"listener": o.view(l)}, nil
}

// checkDefaultPool: the pool is of the same load balancer and goes with the protocol.
func (o *octavia) checkDefaultPool(b *loadBalancer, in lbBody, protocol string) error {
	id := in.text("default_pool_id")
	switch p, found := lbFind[*lbPool](o, id); {
	case id == "":
		return nil
	case protocol == "PROMETHEUS":
		return errNoChildren
	case !found || p.lb != b:
		return lbMissing("Pool", id)
	default:
		return checkPair(protocol, p.values.text("protocol"))
	}
}

// newListener checks a listener and makes it, without adding it.
func (o *octavia) newListener(b *loadBalancer, in lbBody) (*lbListener, error) {
	protocol := in.text("protocol")
	if in["protocol"] == nil || in["protocol_port"] == nil {
		return nil, lbInvalidOption(python(in["protocol"]), "protocol")
	}
	if err := o.checkNewListener(b, in, protocol); err != nil {
		return nil, err
	}
	if protocol == "TERMINATED_HTTPS" {
		o.fillTLS(in)
	}
	if err := b.checkListener(in, protocol); err != nil {
		return nil, err
	}
	l := &lbListener{lb: b}
	l.pool, _ = lbFind[*lbPool](o, in.text("default_pool_id"))
	for _, name := range []string{"loadbalancer_id", "default_pool_id", "default_pool", "l7policies"} {
		delete(in, name)
	}
	l.lbObjectBase = o.begin(b.ProjectID, in)
	return l, nil
}

func (o *octavia) putListener(r *request) (any, error) {
	in, err := o.readObject(r, "listener_", "listener", listenerSchema(), lbPut)
	if err != nil {
		return nil, err
	}
	l, err := lbNamed[*lbListener](o, r, "id", "Listener")
	if err != nil {
		return nil, err
	}
	protocol := l.values.text("protocol")
	if err := o.checkChangedListener(l, in, protocol); err != nil {
		return nil, err
	}
	if err := o.checkDefaultPool(l.lb, in, protocol); err != nil {
		return nil, err
	}
	if l.lb.Provisioning != lbActive {
		return nil, lbImmutable("Load Balancer", l.lb.ID)
	}
	if err := l.lb.checkListener(in, protocol); err != nil {
		return nil, err
	}
	if err := o.change(l.lb, l, l); err != nil {
		return nil, err
	}
	if in.has("default_pool_id") {
		l.pool, _ = lbFind[*lbPool](o, in.text("default_pool_id"))
		delete(in, "default_pool_id")
	}
	for name, value := range in {
		if value == nil && slices.Contains([]string{"tls_ciphers", "tls_versions", "alpn_protocols"}, name) {
			in[name] = lbTLSDefaults[name]
		}
	}
	l.set(in)
	return map[string]any{"listener": o.view(l)}, nil
}

func (o *octavia) deleteListener(r *request) (any, error) {
	l, err := lbNamed[*lbListener](o, r, "id", "Listener")
	if err != nil {
		return nil, err
	}
	if err := o.change(l.lb, l); err != nil {
		return nil, err
	}
	l.Provisioning = lbPendingDelete
	return nil, nil
}

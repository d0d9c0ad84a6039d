package simulator

import (
	"net/http"
)

// Members as octavia/api/v2/controllers/member.py has them.

func (o *octavia) registerMembers(t routeTable) {
	o.on(t, "GET /pools/{pool}/members", 0, http.StatusOK, lbLister(o, "members", func(r *request) ([]*lbMember, error) {
		p, err := o.memberPool(r)
		if err != nil {
			return nil, err
		}
		return p.members, nil
	}))
	o.on(t, "POST /pools/{pool}/members", 0, http.StatusCreated, o.postMember)
	o.on(t, "PUT /pools/{pool}/members", 0, http.StatusAccepted, o.putMembers)
	o.on(t, "GET /pools/{pool}/members/{id}", 0, http.StatusOK, func(r *request) (any, error) {
		m, err := o.member(r)
		if err != nil {
			return nil, err
		}
		return map[string]any{"member": lbFields(o.view(m), r.Query["fields"])}, nil
	})
	o.on(t, "PUT /pools/{pool}/members/{id}", 0, http.StatusOK, o.putMember)
	o.on(t, "DELETE /pools/{pool}/members/{id}", 0, http.StatusNoContent, o.deleteMember)
}

// memberPool is the pool in a path, for which Octavia looks before the controller runs.
func (o *octavia) memberPool(r *request) (*lbPool, error) {
	p, found := lbFind[*lbPool](o, r.Vars["pool"])
	switch {
	case !found:
		return nil, &octaviaEarlyError{http.StatusNotFound, "Pool " + r.Vars["pool"] + " not found."}
	case !owns(r, p):
		return nil, errOctaviaPolicy
	}
	return p, nil
}

func (o *octavia) member(r *request) (*lbMember, error) {
	p, err := o.memberPool(r)
	if err != nil {
		return nil, err
	}
	m, found := lbFind[*lbMember](o, r.Vars["id"])
	if !found || m.pool != p {
		return nil, lbMissing("Member", r.Vars["id"])
	}
	return m, nil
}

// changeMembers begins a change of a pool's members or monitor.
func (o *octavia) changeMembers(p *lbPool, what lbRow) error {
	if err := p.mutable(); err != nil {
		return err
	}
	return o.change(p.lb, what, append(lbRows(p.listeners()), p)...)
}

// mutable refuses what cannot be changed now: the pool may be in ERROR while its
// load balancer is ACTIVE.
func (p *lbPool) mutable() error {
	switch {
	case p.Provisioning != lbActive:
		return lbImmutable("Pool", p.ID)
	case p.lb.Provisioning != lbActive:
		return lbImmutable("Load Balancer", p.lb.ID)
	}
	return nil
}

// checkAddress: the address of the metadata service is nobody's
// (octavia/common/validate.py ip_not_reserved).
func checkAddress(address string) error {
	if parseAddress(address) == parseAddress("169.254.169.254") {
		return lbInvalidOption(address, "member address")
	}
	return nil
}

// checkNewMember checks what does not depend on the other members.
func (o *octavia) checkNewMember(c caller, in lbBody) error {
	if err := checkAddress(in.text("address")); err != nil {
		return err
	}
	if id := in.text("subnet_id"); id != "" {
		if _, err := o.subnet(c, id); err != nil {
			return err
		}
	}
	if in.on("request_sriov") {
		return octaviaErrorf(http.StatusBadRequest, "The load balancer flavor does not allow SR-IOV member ports.")
	}
	return nil
}

func (o *octavia) postMember(r *request) (any, error) {
	p, err := o.memberPool(r)
	if err != nil {
		return nil, err
	}
	in, err := o.readObject(r, "member_", "member", memberSchema(), lbPost)
	if err != nil {
		return nil, err
	}
	if err := o.checkNewMember(callerOf(r), in); err != nil {
		return nil, err
	}
	if err := o.checkQuota("member", p.ProjectID, 1); err != nil {
		return nil, err
	}
	if err := p.mutable(); err != nil {
		return nil, err
	}
	m, err := o.newMember(p, in)
	if err != nil {
		return nil, err
	}
	if err := o.changeMembers(p, m); err != nil {
		return nil, err
	}
	p.members = append(p.members, m)
	o.rows[m.ID] = m
	return map[string]any{"member": o.view(m)}, nil
}

// newMember makes a member that the pool does not have yet, without adding it.
func (o *octavia) newMember(p *lbPool, in lbBody) (*lbMember, error) {
	if in["address"] == nil || in["protocol_port"] == nil {
		return nil, errLBDatabase
	}
	if p.find(in.text("address"), in.number("protocol_port")) != nil {
		return nil, duplicateMember(in)
	}
	if err := o.checkMember(p, in, in.text("address"), in.text("subnet_id")); err != nil {
		return nil, err
	}
	delete(in, "request_sriov")
	return &lbMember{lbObjectBase: o.begin(p.ProjectID, in), pool: p}, nil
}

func duplicateMember(in lbBody) error {
	return octaviaErrorf(http.StatusConflict, "Another member on this pool is already using ip %s on protocol_port %d",
		in.text("address"), in.number("protocol_port"))
}

// find is the member with an address, as it is written, and a port; nil if there is none.
func (p *lbPool) find(address string, port int) *lbMember {
	for _, m := range p.members {
		if m.values.text("address") == address && m.values.number("protocol_port") == port {
			return m
		}
	}
	return nil
}

func (o *octavia) putMember(r *request) (any, error) {
	m, err := o.member(r)
	if err != nil {
		return nil, err
	}
	in, err := o.readObject(r, "member_", "member", memberSchema(), lbPut)
	if err != nil {
		return nil, err
	}
	if err := m.pool.mutable(); err != nil {
		return nil, err
	}
	if err := o.checkMember(m.pool, in, m.values.text("address"), m.values.text("subnet_id")); err != nil {
		return nil, err
	}
	if err := o.changeMembers(m.pool, m); err != nil {
		return nil, err
	}
	m.set(in)
	m.Provisioning = lbPendingUpdate
	return map[string]any{"member": o.view(m)}, nil
}

func (o *octavia) deleteMember(r *request) (any, error) {
	m, err := o.member(r)
	if err != nil {
		return nil, err
	}
	if err := o.changeMembers(m.pool, m); err != nil {
		return nil, err
	}
	m.Provisioning = lbPendingDelete
	return nil, nil
}

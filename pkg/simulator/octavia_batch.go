package simulator

import (
	"net/http"
)

// The members of a pool in one call: MembersController.put in
// octavia/api/v2/controllers/member.py.

// memberBatch is what one call makes of a pool's members.
type memberBatch struct {
	pool *lbPool
	// created are new, changed are there already, with what they will be; leaving will go.
	created []*lbMember
	changed map[*lbMember]lbBody
	leaving []*lbMember
}

func (o *octavia) putMembers(r *request) (any, error) {
	p, err := o.memberPool(r)
	if err != nil {
		return nil, err
	}
	if r.Query.Has("additive_only") && o.minor < 11 {
		return nil, octaviaErrorf(http.StatusBadRequest, `Unknown argument: "additive_only"`)
	}
	additive, _ := lbBool(o.minor, r.Query.Get("additive_only"))
	v, err := o.readBody(r, "members_", "members", lbList(lbObject(memberSchema, lbPost)))
	if err != nil {
		return nil, err
	}
	if err := p.mutable(); err != nil {
		return nil, err
	}
	b, err := o.planBatch(callerOf(r), p, lbBody{"members": v}.objects("members"))
	if err != nil || len(b.created)+len(b.changed)+len(b.leaving) == 0 {
		return nil, err
	}
	if additive == true {
		b.leaving = nil
	}
	if more := len(b.created) - len(b.leaving); more > 0 {
		if err := o.checkQuota("member", p.ProjectID, more); err != nil {
			return nil, err
		}
	}
	return nil, o.applyBatch(b)
}

// planBatch sorts the members by address and port. With additive_only the leaving
// ones stay.
func (o *octavia) planBatch(c caller, p *lbPool, wanted []lbBody) (memberBatch, error) {
	b := memberBatch{pool: p, changed: map[*lbMember]lbBody{}}
	type key struct {
		address string
		port    int
	}
	seen := map[key]bool{}
	for _, in := range wanted {
		k := key{in.text("address"), in.number("protocol_port")}
		m := p.find(k.address, k.port)
		switch {
		case m == nil && seen[k]:
			return b, duplicateMember(in)
		case seen[k]:
			return b, lbInvalid("Member must be updated only once in the same request.")
		}
		seen[k] = true
		if m != nil {
			if err := o.checkMember(p, in, k.address, m.values.text("subnet_id")); err != nil {
				return b, err
			}
			b.changed[m] = in.kept()
			continue
		}
		if err := o.checkNewMember(c, in); err != nil {
			return b, err
		}
		made, err := o.newMember(p, in)
		if err != nil {
			return b, err
		}
		b.created = append(b.created, made)
	}
	for _, m := range p.members {
		if !seen[key{m.values.text("address"), m.values.number("protocol_port")}] {
			b.leaving = append(b.leaving, m)
		}
	}
	return b, nil
}

// kept is what a batch changes of a member that is there already. The body is of
// the type of a POST, so what has a default there is set to it when it is left
// out; name, tags and subnet stay, and a subnet that is named is taken without a look.
func (b lbBody) kept() lbBody {
	for _, name := range []string{"address", "protocol_port", "request_sriov", "project_id", "tenant_id"} {
		delete(b, name)
	}
	for _, name := range []string{"monitor_port", "monitor_address"} {
		if !b.has(name) {
			b[name] = nil
		}
	}
	if b["tags"] == nil {
		delete(b, "tags")
	}
	return b
}

func (o *octavia) applyBatch(b memberBatch) error {
	var what lbRow = b.pool
	switch {
	case len(b.created) > 0:
		what = b.created[0]
	case len(b.leaving) > 0:
		what = b.leaving[0]
	}
	if err := o.changeMembers(b.pool, what); err != nil {
		return err
	}
	for _, m := range b.created {
		b.pool.members = append(b.pool.members, m)
		o.rows[m.ID] = m
	}
	for m, in := range b.changed {
		m.set(in)
		m.Provisioning = lbPendingUpdate
	}
	for _, m := range b.leaving {
		m.Provisioning = lbPendingDelete
	}
	return nil
}

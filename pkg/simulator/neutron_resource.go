package simulator

import (
	"encoding/json"
	"slices"
)

// This file serves the five calls that every collection has, as
// neutron/pecan_wsgi/controllers/resource.py and the hooks around it do.

// find returns the row of the request's {id} if the caller may see it; otherwise
// it does not exist for him.
func (k *kind[T]) find(r *request) (T, error) {
	v, found := k.rows[r.Vars["id"]]
	if !found || !k.seenBy(callerOf(r), v) {
		var none T
		return none, k.missing(r.Vars["id"])
	}
	return v, nil
}

func (k *kind[T]) seenBy(c caller, v T) bool {
	if k.sees != nil {
		return k.sees(c, v)
	}
	return c.owns(v)
}

// findOwn is find for a change: who sees a row without owning it is refused.
func (k *kind[T]) findOwn(r *request, rule string) (T, error) {
	v, err := k.find(r)
	if err != nil {
		return v, err
	}
	c := callerOf(r)
	if c.owns(v) || k.changes != nil && k.changes(c, v) {
		return v, nil
	}
	return v, disallowed(rule)
}

func (k *kind[T]) show(r *request) (any, error) {
	v, err := k.find(r)
	if err != nil {
		return nil, err
	}
	return k.wrap(callerOf(r), v, r.Query["fields"]), nil
}

// wrap is the body of an answer about one row.
func (k *kind[T]) wrap(c caller, v T, fields []string) map[string]any {
	return map[string]any{k.singular: render(v, k.visible(c, fields))}
}

// post creates one row, or all the rows of a bulk request or none.
func (k *kind[T]) post(r *request) (any, error) {
	c := callerOf(r)
	list, bulk, err := k.bodies(r)
	if err != nil {
		return nil, err
	}
	for _, b := range list {
		if err := k.admit(c, b, inPost); err != nil {
			return nil, err
		}
	}
	if err := k.n.checkQuota(k.quota, c.project, k.owned[c.project], len(list)); err != nil {
		return nil, err
	}
	made, err := k.createAll(c, list, bulk)
	if err != nil {
		return nil, err
	}
	if !bulk {
		return k.wrap(c, made[0], nil), nil
	}
	all, chosen := make([]map[string]any, 0, len(made)), k.visible(c, nil)
	for _, v := range made {
		all = append(all, render(v, chosen))
	}
	return map[string]any{k.plural: all}, nil
}

func (k *kind[T]) createAll(c caller, list []body, bulk bool) ([]T, error) {
	if bulk && k.bulk != nil {
		if err := k.bulk(list); err != nil {
			return nil, err
		}
	}
	made := make([]T, 0, len(list))
	for _, b := range list {
		v, err := k.create(c, b)
		if err != nil {
			for _, undone := range slices.Backward(made) {
				k.drop(undone)
			}
			return nil, err
		}
		made = append(made, v)
	}
	return made, nil
}

// put updates one row. Its revision_number rises only if something changed, or
// if update itself says so.
func (k *kind[T]) put(r *request) (any, error) {
	outer, err := envelope(r)
	if err != nil {
		return nil, err
	}
	b, err := k.single(outer)
	if err != nil {
		return nil, err
	}
	c := callerOf(r)
	v, err := k.findOwn(r, "update_"+k.singular)
	if err != nil {
		return nil, err
	}
	if err := k.admit(c, b, inPut); err != nil {
		return nil, err
	}
	before, revision := k.image(v), v.base().Revision
	match := func() error {
		if k.writesNothing(v, b) {
			return nil
		}
		return k.n.ifMatch(r, v)
	}
	if err := k.update(c, v, b, match); err != nil {
		return nil, err
	}
	if v.base().Revision == revision && k.image(v) != before {
		v.base().touch()
	}
	return k.wrap(c, v, nil), nil
}

// writesNothing tells whether a body has only attributes that stand in tables of
// their own, and those as they are. A column of the row is written even if it stays the same.
func (k *kind[T]) writesNothing(v T, b body) bool {
	for name, sent := range b.fields {
		a, found := k.attribute(name)
		if !found || a.use&unsorted == 0 {
			return false
		}
		shown, err := json.Marshal(a.value(v))
		if err != nil || !slices.Equal(members(sent), members(shown)) {
			return false
		}
	}
	return true
}

// members are the elements of a JSON list, in any order, or the one value that it is.
func members(raw json.RawMessage) []string {
	var elements []any
	if json.Unmarshal(raw, &elements) != nil || elements == nil {
		return []string{string(raw)}
	}
	texts := make([]string, 0, len(elements))
	for _, element := range elements {
		text, err := json.Marshal(element) // keys in order
		if err != nil {
			return []string{string(raw)}
		}
		texts = append(texts, string(text))
	}
	slices.Sort(texts)
	return texts
}

// image is the whole row as text, to see whether it changed.
func (k *kind[T]) image(v T) string {
	text, err := json.Marshal(render(v, k.visible(caller{admin: true}, nil)))
	if err != nil {
		return ""
	}
	return string(text)
}

// remove deletes one row.
func (k *kind[T]) remove(r *request) (any, error) {
	v, err := k.findOwn(r, "delete_"+k.singular)
	if err != nil {
		return nil, err
	}
	if k.blocked != nil {
		if err := k.blocked(callerOf(r), v); err != nil {
			return nil, err
		}
	}
	if err := k.n.ifMatch(r, v); err != nil {
		return nil, err
	}
	k.drop(v)
	return nil, nil
}

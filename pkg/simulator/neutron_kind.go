package simulator

import (
	"slices"
	"time"
)

// attributes are what every row of every collection has: Neutron's "standard
// attributes" (neutron/db/standard_attr.py) with id, name and owner.
type attributes struct {
	ID, Name, ProjectID, Description string
	// Tags are never changed in place.
	Tags             []string
	Revision         int
	Created, Updated time.Time
}

func (a *attributes) base() *attributes { return a }

// touch notes a change, as the revisions and timestamp plugins do
// (neutron/services/revisions/revision_plugin.py). One request may raise a real
// revision_number by more than one; nobody may rely on the step.
func (a *attributes) touch() {
	a.Revision++
	a.Updated = time.Now()
}

// row is anything that stands in a collection.
type row interface{ base() *attributes }

// use says where an attribute may appear: the columns of Neutron's attribute
// maps (neutron_lib/api/definitions).
type use uint8

const (
	// inPost and inPut: a body of that method may set it.
	inPost use = 1 << iota
	inPut
	// inFilter: a list may be filtered by it.
	inFilter
	// mayBeNull: null is a value.
	mayBeNull
	// adminOnly: only an admin sees or sets it.
	adminOnly
	// unsorted: it is no column of the row, so that a list cannot be sorted by it,
	// and a PUT of what it is already writes nothing.
	unsorted
	// hidden: it is only ever sent, never shown.
	hidden
)

// attribute is one attribute of a collection's rows.
type attribute[T row] struct {
	name string
	use  use
	// extension that brings it; "" is the core API.
	extension string
	value     func(T) any
	// matches tells whether a row passes a filter; nil compares the value.
	matches func(v T, wanted []string) bool
}

// kind is one collection: what its rows are like, how they come and go, and the rows.
type kind[T row] struct {
	n *neutron
	// singular and plural are the keys of bodies, path the collection's path.
	singular, plural, path string
	// extension that brings the collection; "" is the core API.
	extension string
	// notFound is the type and the message (of one id) of the 404.
	notFound, notFoundMessage string
	// quota is the resource's name in quotas; "" is without limit.
	quota string
	// firstRevision is the revision_number after POST.
	firstRevision int
	attributes    []attribute[T]

	// sees and changes tell whether a caller may read or write a row; nil means its owner and admins.
	sees    func(caller, T) bool
	changes func(caller, T) bool
	// listing runs before a list is read; nil does nothing.
	listing func(caller)
	// bulk checks the rows of one POST against each other; nil checks nothing.
	bulk func([]body) error
	// create makes a row and adds it; nil means that POST does not exist.
	create func(caller, body) (T, error)
	// update applies a body; match must be called, and hold, before the first change.
	update func(c caller, v T, b body, match func() error) error
	// blocked tells why a row cannot be deleted; nil error if it can.
	blocked func(caller, T) error
	// drop removes a row with what hangs on it.
	drop func(T)

	rows  map[string]T
	order []T
	gone  int
	owned map[string]int
}

// register adds the collection's patterns.
func (k *kind[T]) register(t routeTable) {
	collection, item := "/v2.0/"+k.path, "/v2.0/"+k.path+"/{id}"
	k.n.on(t, "GET "+collection, k.extension, 200, k.list)
	k.n.on(t, "GET "+item, k.extension, 200, k.show)
	if k.create != nil {
		k.n.on(t, "POST "+collection, k.extension, 201, k.post)
	}
	if k.update != nil {
		k.n.on(t, "PUT "+item, k.extension, 200, k.put)
	}
	if k.drop != nil {
		k.n.on(t, "DELETE "+item, k.extension, 204, k.remove)
	}
	if k.has("tags") {
		k.registerTags(t)
	}
}

// add puts a new row into the collection and completes its standard attributes.
func (k *kind[T]) add(v T) T {
	a := v.base()
	if a.ID == "" {
		a.ID = newID()
	}
	a.Revision = k.firstRevision
	a.Created = time.Now()
	a.Updated = a.Created
	if k.rows == nil {
		k.rows, k.owned = map[string]T{}, map[string]int{}
	}
	k.rows[a.ID] = v
	k.order = append(k.order, v)
	k.owned[a.ProjectID]++
	return v
}

// take removes a row from the collection.
func (k *kind[T]) take(v T) {
	a := v.base()
	if _, found := k.rows[a.ID]; !found {
		return
	}
	delete(k.rows, a.ID)
	k.owned[a.ProjectID]--
	k.gone++
	if k.gone > len(k.order)/2 {
		// A copy, so that rows may be taken while all runs.
		k.order = slices.DeleteFunc(slices.Clone(k.order), func(o T) bool { return !k.holds(o) })
		k.gone = 0
	}
}

func (k *kind[T]) holds(v T) bool {
	_, found := k.rows[v.base().ID]
	return found
}

// all calls yield for every row, oldest first; yield may take rows.
func (k *kind[T]) all(yield func(T) bool) {
	for _, v := range k.order {
		if k.holds(v) && !yield(v) {
			return
		}
	}
}

// missing is the collection's 404.
func (k *kind[T]) missing(id string) error {
	return missing(k.notFound, k.notFoundMessage, id)
}

// has tells whether the collection has an attribute at present.
func (k *kind[T]) has(name string) bool {
	_, found := k.attribute(name)
	return found
}

func (k *kind[T]) attribute(name string) (attribute[T], bool) {
	for _, a := range k.attributes {
		if a.name == name && k.n.has(a.extension) {
			return a, true
		}
	}
	return attribute[T]{}, false
}

// render shows the chosen attributes of a row.
func render[T row](v T, chosen []attribute[T]) map[string]any {
	out := make(map[string]any, len(chosen))
	for _, a := range chosen {
		out[a.name] = a.value(v)
	}
	return out
}

// visible are the attributes that a caller sees, of those named, or all.
func (k *kind[T]) visible(c caller, names []string) []attribute[T] {
	chosen := make([]attribute[T], 0, len(k.attributes))
	for _, a := range k.attributes {
		switch {
		case !k.n.has(a.extension), a.use&hidden != 0:
		case a.use&adminOnly != 0 && !c.admin:
		case len(names) > 0 && !slices.Contains(names, a.name):
		default:
			chosen = append(chosen, a)
		}
	}
	return chosen
}

// standard are the attributes of attributes, with the extensions that bring them.
func standard[T row](own ...attribute[T]) []attribute[T] {
	of := func(value func(*attributes) any) func(T) any {
		return func(v T) any { return value(v.base()) }
	}
	return append([]attribute[T]{
		{name: "id", use: inFilter, value: of(func(a *attributes) any { return a.ID })},
		{name: "tenant_id", use: inPost | inFilter, value: of(func(a *attributes) any { return a.ProjectID })},
		{
			name: "project_id", use: inPost | inFilter, extension: "project-id",
			value: of(func(a *attributes) any { return a.ProjectID }),
		},
		{
			name: "description", use: inPost | inPut | inFilter, extension: "standard-attr-description",
			value: of(func(a *attributes) any { return a.Description }),
		},
		{
			name: "revision_number", use: inFilter, extension: "standard-attr-revisions",
			value: of(func(a *attributes) any { return a.Revision }),
		},
		{
			name: "created_at", extension: "standard-attr-timestamp",
			value: of(func(a *attributes) any { return timestamp(a.Created) }),
		},
		{
			name: "updated_at", extension: "standard-attr-timestamp",
			value: of(func(a *attributes) any { return timestamp(a.Updated) }),
		},
	}, own...)
}

// named is the name; security group rules have none.
func named[T row]() attribute[T] {
	return attribute[T]{
		name: "name", use: inPost | inPut | inFilter,
		value: func(v T) any { return v.base().Name },
	}
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// lbBody is an object of a body after checking, by attribute: what the caller
// left out is not there unless it has a default; nil is null.
type lbBody map[string]any

// lbUse says where an attribute appears: the types *POST, *SingleCreate, *PUT
// and *Response of octavia/api/v2/types.
type lbUse uint8

const (
	lbPost lbUse = 1 << iota
	// lbTree: in the body of a load balancer that brings its children.
	lbTree
	lbPut
	lbShow
	// lbMust: a POST, or a tree, must have it.
	lbMust
	lbAnew = lbPost | lbTree
	lbAll  = lbPost | lbTree | lbPut | lbShow
)

// lbField is one attribute of a kind of object.
type lbField struct {
	name string
	use  lbUse
	// since is the minor version that brought it.
	since int
	check lbType
	// def is the value of what a POST leaves out, and of null in a PUT; nil is none.
	def any
	// blank is shown in place of null.
	blank any
}

// lbSchema are the attributes of a kind of object.
type lbSchema []lbField

// lbUnknown is a body with attributes that the API does not know.
type lbUnknown struct {
	path  []string
	names []string
}

// Error is wsme's UnknownAttribute.
func (e *lbUnknown) Error() string {
	what := "Unknown attribute"
	if len(e.names) > 1 {
		what = "Unknown attributes"
	}
	return what + " for argument " + strings.Join(e.path, ".") + ": " + strings.Join(e.names, ", ")
}

// lbBadField is a value that an attribute refuses.
type lbBadField struct{ name, value, reason string }

// Error is wsme's InvalidInput.
func (e *lbBadField) Error() string {
	return "Invalid input for field/attribute " + e.name + ". Value: '" + e.value + "'. " + e.reason
}

// read checks an object for a use: lbPost, lbTree or lbPut.
func (s lbSchema) read(minor int, sent any, use lbUse) (lbBody, error) {
	object, ok := sent.(map[string]any)
	if !ok {
		return nil, octaviaErrorf(http.StatusInternalServerError, "'%s' object has no attribute 'keys'", pythonType(sent))
	}
	known := map[string]bool{}
	for _, f := range s {
		if f.use&use != 0 && f.since <= minor {
			known[f.name] = true
		}
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, &lbUnknown{names: unknown}
	}
	b := lbBody{}
	for _, f := range s {
		if f.use&use == 0 || !known[f.name] {
			continue
		}
		if err := f.into(b, object, minor, use); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// into checks one attribute and puts it into the body.
func (f lbField) into(b lbBody, object map[string]any, minor int, use lbUse) error {
	v, given := object[f.name]
	switch {
	case !given:
		return f.absent(b, use)
	case v == nil:
		b[f.name] = f.null(use)
		return nil
	}
	value, err := f.check(minor, v)
	var bad lbBadValue
	var unknown *lbUnknown
	switch {
	case errors.As(err, &bad):
		return &lbBadField{f.name, python(v), string(bad)}
	case errors.As(err, &unknown):
		unknown.path = slices.Insert(unknown.path, 0, f.name)
		return unknown
	case err != nil:
		return err
	}
	b[f.name] = value
	return nil
}

// absent is an attribute that the caller left out: a PUT leaves it alone.
func (f lbField) absent(b lbBody, use lbUse) error {
	switch {
	case use == lbPut:
		return nil
	case f.use&lbMust != 0:
		return &lbBadField{f.name, "None", "Mandatory field missing."}
	case f.def != nil:
		b[f.name] = f.def
	}
	return nil
}

// null is what null means: in a PUT the default, for what is up or down always down.
func (f lbField) null(use lbUse) any {
	switch {
	case f.name == "admin_state_up":
		return false
	case use == lbPut:
		return f.def
	}
	return nil
}

// lbObject takes one object of a kind within a body.
func lbObject(schema func() lbSchema, use lbUse) lbType {
	return func(minor int, v any) (any, error) {
		b, err := schema().read(minor, v, use)
		if err != nil {
			return nil, err
		}
		return b, nil
	}
}

// readBody reads a request's body: one value of a type under a key. argument is
// what the controller calls it, as errors do.
func (o *octavia) readBody(r *request, argument, key string, kind lbType) (any, error) {
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return nil, octaviaErrorf(http.StatusBadRequest, "Missing argument: %q", argument)
	}
	decoder := json.NewDecoder(bytes.NewReader(r.Body))
	decoder.UseNumber()
	var whole any
	if err := decoder.Decode(&whole); err != nil || decoder.Decode(new(any)) != io.EOF {
		return nil, octaviaErrorf(http.StatusBadRequest, "Request is not in valid JSON format")
	}
	root := lbSchema{{name: key, use: lbPost, check: kind}}
	b, err := root.read(o.minor, whole, lbPost)
	var unknown *lbUnknown
	var literal lbBadLiteral
	switch {
	case errors.As(err, &unknown):
		unknown.path = slices.Insert(unknown.path, 0, argument)
	case errors.As(err, &literal):
		err = &lbBadField{argument, python(whole), string(literal)}
	case err == nil && b[key] == nil:
		// Octavia looks into an object that is not there.
		return nil, octaviaErrorf(http.StatusInternalServerError, "'UnsetType' object has no attribute '%s'", key)
	}
	var known *octaviaError
	switch {
	case errors.As(err, &known):
		return nil, err
	case err != nil:
		return nil, octaviaErrorf(http.StatusBadRequest, "%s", err.Error())
	}
	return b[key], nil
}

// readObject reads a body with one object.
func (o *octavia) readObject(r *request, argument, key string, schema lbSchema, use lbUse) (lbBody, error) {
	v, err := o.readBody(r, argument, key, lbObject(func() lbSchema { return schema }, use))
	if err != nil {
		return nil, err
	}
	b := v.(lbBody)
	return b, b.checkTags(use)
}

// errLBDatabase is what refusals of the database become that nobody expects.
var errLBDatabase = &octaviaError{http.StatusInternalServerError, "Something unknown went wrong"}

// checkTags: the same tag twice is an error of the database, which only a POST
// makes into one of its own.
func (b lbBody) checkTags(use lbUse) error {
	tags := b.texts("tags") // sorted
	switch {
	case len(slices.Compact(slices.Clone(tags))) == len(tags):
		return nil
	case use == lbPut:
		return octaviaErrorf(http.StatusInternalServerError, "(pymysql.err.IntegrityError) (1062, \"Duplicate entry for key 'PRIMARY'\")")
	}
	return octaviaErrorf(http.StatusConflict, "Already an entity with that specified id.")
}

func (b lbBody) text(name string) string {
	text, _ := b[name].(string)
	return text
}

func (b lbBody) number(name string) int {
	number, _ := b[name].(int)
	return number
}

func (b lbBody) on(name string) bool {
	on, _ := b[name].(bool)
	return on
}

// has tells whether the attribute was given, null or not.
func (b lbBody) has(name string) bool {
	_, found := b[name]
	return found
}

// texts is a list of texts.
func (b lbBody) texts(name string) []string {
	sent, _ := b[name].([]any)
	texts := make([]string, 0, len(sent))
	for _, one := range sent {
		text, _ := one.(string)
		texts = append(texts, text)
	}
	return texts
}

// object is an object within the body, nil if there is none.
func (b lbBody) object(name string) lbBody {
	inner, _ := b[name].(lbBody)
	return inner
}

// objects is a list of objects within the body.
func (b lbBody) objects(name string) []lbBody {
	sent, _ := b[name].([]any)
	objects := make([]lbBody, 0, len(sent))
	for _, one := range sent {
		inner, _ := one.(lbBody)
		objects = append(objects, inner)
	}
	return objects
}

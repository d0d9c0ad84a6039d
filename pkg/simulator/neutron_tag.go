package simulator

import (
	"encoding/json"
	"slices"
	"strings"
)

// Tags as neutron/extensions/tagging.py and neutron/services/tag/tag_plugin.py have them.

const (
	maxRowTagLength = 255
	maxRowTags      = 50
)

// tagged is the attribute "tags"; only ports take tags when they are made.
func tagged[T row](where use) attribute[T] {
	return attribute[T]{
		name: "tags", use: where | inFilter | unsorted, extension: "standard-attr-tag",
		value: func(v T) any { return list(v.base().Tags) },
	}
}

// list is a list that is never null.
func list[V any](items []V) []V {
	if items == nil {
		return []V{}
	}
	return items
}

// tagFilter is the test for the four tag filters, whose value is a comma
// separated list, or nil for any other key.
func tagFilter(key string, values []string) func(tags []string) bool {
	wanted := strings.Split(strings.Join(values, ","), ",")
	has := func(tags []string) func(string) bool {
		return func(tag string) bool { return slices.Contains(tags, tag) }
	}
	every := func(tags []string) bool {
		return !slices.ContainsFunc(wanted, func(tag string) bool { return !slices.Contains(tags, tag) })
	}
	some := func(tags []string) bool { return slices.ContainsFunc(wanted, has(tags)) }
	switch key {
	case "tags":
		return every
	case "tags-any":
		return some
	case "not-tags":
		return func(tags []string) bool { return !every(tags) }
	case "not-tags-any":
		return func(tags []string) bool { return !some(tags) }
	}
	return nil
}

func (k *kind[T]) registerTags(t routeTable) {
	tags := "/v2.0/" + k.path + "/{id}/tags"
	on := func(pattern string, status int, run operation) {
		k.n.on(t, pattern, "standard-attr-tag", status, func(r *request) (any, error) {
			if !k.n.has(k.extension) {
				return nil, errNoResource
			}
			return run(r)
		})
	}
	on("GET "+tags, 200, func(r *request) (any, error) {
		v, err := k.taggable(r)
		if err != nil {
			return nil, err
		}
		return map[string]any{"tags": list(v.base().Tags)}, nil
	})
	on("PUT "+tags, 200, k.replaceTags)
	on("DELETE "+tags, 204, func(r *request) (any, error) {
		return nil, k.retag(r, func([]string) ([]string, error) { return nil, nil })
	})
	on("GET "+tags+"/{tag}", 204, func(r *request) (any, error) {
		v, err := k.taggable(r)
		if err == nil && !slices.Contains(v.base().Tags, r.Vars["tag"]) {
			err = missing("TagNotFound", "Tag %s could not be found.", r.Vars["tag"])
		}
		return nil, err
	})
	on("PUT "+tags+"/{tag}", 201, func(r *request) (any, error) {
		return nil, k.retag(r, func(tags []string) ([]string, error) {
			if slices.Contains(tags, r.Vars["tag"]) {
				return tags, nil
			}
			return append(slices.Clone(tags), r.Vars["tag"]), nil
		})
	})
	on("DELETE "+tags+"/{tag}", 204, func(r *request) (any, error) {
		return nil, k.retag(r, func(tags []string) ([]string, error) {
			at := slices.Index(tags, r.Vars["tag"])
			if at < 0 {
				return nil, missing("TagNotFound", "Tag %s could not be found.", r.Vars["tag"])
			}
			return slices.Delete(slices.Clone(tags), at, at+1), nil
		})
	})
}

func (k *kind[T]) taggable(r *request) (T, error) {
	v, err := k.find(r)
	if err != nil {
		return v, missing("TagResourceNotFound", "Resource %s %s could not be found.", k.singular, r.Vars["id"])
	}
	return v, nil
}

// retag changes the tags of the request's row; a change is a new revision (neutron/db/models/tag.py).
func (k *kind[T]) retag(r *request, change func([]string) ([]string, error)) error {
	v, err := k.taggable(r)
	if err != nil {
		return err
	}
	if !callerOf(r).owns(v) {
		return disallowed("update_" + k.plural + "_tags")
	}
	tags, err := change(v.base().Tags)
	if err != nil {
		return err
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	if !slices.Equal(tags, v.base().Tags) {
		v.base().Tags = tags
		v.base().touch()
	}
	return nil
}

func (k *kind[T]) replaceTags(r *request) (any, error) {
	var in struct {
		Tags *[]string `json:"tags"`
	}
	if err := json.Unmarshal(r.Body, &in); err != nil || in.Tags == nil {
		return nil, invalid("InvalidInput", "Invalid input for operation: Invalid tags body.")
	}
	err := k.retag(r, func([]string) ([]string, error) { return *in.Tags, nil })
	return map[string]any{"tags": list(*in.Tags)}, err
}

// checkTags holds the limits. The wording for too many tags is not checked
// against a real service.
func checkTags(tags []string) error {
	if len(tags) > maxRowTags {
		return invalid("InvalidInput",
			"Invalid input for operation: The number of tags exceed the per-resource limit of %d.", maxRowTags)
	}
	seen := map[string]bool{}
	for _, tag := range tags {
		switch {
		case len(tag) > maxRowTagLength:
			return invalid("InvalidInput", "Invalid input for operation: '%s' exceeds maximum length of %d.", tag, maxRowTagLength)
		case seen[tag]:
			return invalid("InvalidInput", "Invalid input for operation: Duplicate items in the list: '%s'.", tag)
		}
		seen[tag] = true
	}
	return nil
}

package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tags as neutron/extensions/tagging.py and neutron/services/tag/tag_plugin.py have them.

const (
	maxRowTagLength = 255
	maxRowTags      = 50
)

// tagged is the attribute "tags". Only ports may be sent with tags, and even theirs
// are kept only with ML2's driver tag_ports_during_bulk_creation, which is not
// loaded by default; without it they are taken and forgotten.
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
	k.n.on(t, "POST "+tags, "tag-creation", 200, k.addTags)
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
		if err := checkTags([]string{r.Vars["tag"]}); err != nil {
			return nil, err
		}
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
		return v, errInternal // the controller of 2025.1 stumbles over what is not there
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
	if err := k.checkTagCount(tags); err != nil {
		return err
	}
	if !slices.Equal(tags, v.base().Tags) {
		v.base().Tags = tags
		v.base().touch()
	}
	return nil
}

func (k *kind[T]) replaceTags(r *request) (any, error) {
	sent, err := sentTags(r)
	if err != nil {
		return nil, err
	}
	err = k.retag(r, func([]string) ([]string, error) { return sent, nil })
	return map[string]any{"tags": list(sent)}, err
}

// addTags keeps the tags that are there (extension tag-creation).
func (k *kind[T]) addTags(r *request) (any, error) {
	sent, err := sentTags(r)
	if err != nil {
		return nil, err
	}
	err = k.retag(r, func(tags []string) ([]string, error) {
		tags = slices.Clone(tags)
		for _, tag := range sent {
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
		return tags, nil
	})
	return map[string]any{"tags": list(sent)}, err
}

func (k *kind[T]) checkTagCount(tags []string) error {
	if len(tags) <= maxRowTags {
		return nil
	}
	return badResource(k.plural, "The number of tags exceed the per-resource limit of %d", maxRowTags)
}

func sentTags(r *request) ([]string, error) {
	var in struct {
		Tags *[]string `json:"tags"`
	}
	if err := json.Unmarshal(r.Body, &in); err != nil || in.Tags == nil {
		return nil, invalid("InvalidInput", "Invalid input for operation: Invalid tags body.")
	}
	return *in.Tags, checkTags(*in.Tags)
}

func checkTags(tags []string) error {
	if reason := tagFault(tags); reason != "" {
		return invalidOperation("%s.", reason)
	}
	return nil
}

// tagFault tells what is wrong with a list that was sent, or "".
func tagFault(tags []string) string {
	seen := map[string]bool{}
	for _, tag := range tags {
		switch {
		case utf8.RuneCountInString(tag) > maxRowTagLength:
			return fmt.Sprintf("'%s' exceeds maximum length of %d", tag, maxRowTagLength)
		case seen[tag]:
			return fmt.Sprintf("Duplicate items in the list: '%s'", tag)
		}
		seen[tag] = true
	}
	return ""
}

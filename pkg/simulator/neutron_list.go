package simulator

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// This file lists a collection as neutron/api/api_common.py does: filters,
// fields, sort_key and sort_dir, limit, marker and page_reverse.

func (k *kind[T]) list(r *request) (any, error) {
	c := callerOf(r)
	if k.listing != nil {
		k.listing(c)
	}
	passes, err := k.filter(r.Query)
	if err != nil {
		return nil, err
	}
	page, err := k.page(r.Query)
	if err != nil {
		return nil, err
	}
	var found []T
	for v := range k.all {
		if k.seenBy(c, v) && passes(v) {
			found = append(found, v)
		}
	}
	found, err = page.cut(k, found)
	if err != nil {
		return nil, err
	}
	chosen := k.visible(c, r.Query["fields"])
	items := make([]map[string]any, 0, len(found))
	for _, v := range found {
		items = append(items, render(v, chosen))
	}
	answer := map[string]any{k.plural: items}
	if links := page.links(r, found); len(links) > 0 {
		answer[k.plural+"_links"] = links
	}
	return answer, nil
}

// notFilters are the query's keys that do not filter.
var notFilters = []string{"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"}

// filter compiles the query: all keys must match, of a repeated key any value.
// A key that cannot filter is refused (extension filter-validation); without
// that extension it is ignored.
func (k *kind[T]) filter(query url.Values) (func(T) bool, error) {
	var all []func(T) bool
	var unknown []string
	for key, values := range query {
		if slices.Contains(notFilters, key) {
			continue
		}
		if !k.n.has("empty-string-filtering") {
			values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		}
		if err := checkFilter(key, values); err != nil {
			return nil, err
		}
		matches := k.matcher(key, values)
		switch {
		case matches == nil:
			unknown = append(unknown, key)
		case len(values) > 0:
			all = append(all, matches)
		}
	}
	if len(unknown) > 0 && k.n.has("filter-validation") {
		slices.Sort(unknown)
		return nil, badRequest("['%s'] is invalid attribute for filtering", strings.Join(unknown, "', '"))
	}
	return func(v T) bool {
		for _, matches := range all {
			if !matches(v) {
				return false
			}
		}
		return true
	}, nil
}

// checkFilter refuses values that cannot be what they should be.
func checkFilter(key string, values []string) error {
	for _, value := range values {
		switch {
		case slices.Contains(booleans, key):
			if _, err := boolean(value); err != nil {
				return err
			}
		case key == "fixed_ips" && !strings.Contains(value, "="):
			return invalid("InvalidInput", "Invalid input for operation: '%s' is not of the form <key>=[value].", value)
		}
	}
	return nil
}

// matcher is the test for one key, or nil where the key cannot filter. Who may
// not see an attribute may filter by it all the same.
func (k *kind[T]) matcher(key string, values []string) func(T) bool {
	if test := tagFilter(key, values); test != nil && k.has("tags") {
		return func(v T) bool { return test(v.base().Tags) }
	}
	a, found := k.attribute(key)
	if !found || a.use&inFilter == 0 {
		return nil
	}
	if a.matches != nil {
		return func(v T) bool { return a.matches(v, values) }
	}
	return func(v T) bool {
		return slices.ContainsFunc(values, func(wanted string) bool { return equals(a.value(v), wanted) })
	}
}

// equals compares an attribute with a filter's text.
func equals(value any, wanted string) bool {
	switch value := value.(type) {
	case string:
		return value == wanted
	case bool:
		on, err := strconv.ParseBool(strings.ToLower(wanted))
		return err == nil && on == value
	case nil:
		return wanted == ""
	default:
		return fmt.Sprint(value) == wanted
	}
}

// page is what part of the list is wanted, and in which order.
type page[T row] struct {
	limit   int
	marker  string
	reverse bool
	sorts   []sorting[T]
}

type sorting[T row] struct {
	value      func(T) any
	descending bool
}

func (k *kind[T]) page(query url.Values) (page[T], error) {
	p := page[T]{marker: query.Get("marker"), reverse: strings.EqualFold(query.Get("page_reverse"), "true")}
	if text := query.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 0 {
			return p, badResource("limit", "Limit must be an integer 0 or greater and not '%s'", text)
		}
		p.limit = limit
	}
	keys, dirs := query["sort_key"], query["sort_dir"]
	if len(keys) != len(dirs) {
		return p, badRequest("The number of sort_keys and sort_dirs must be same")
	}
	for i, key := range keys {
		a, found := k.attribute(key)
		if !found || a.use&unsorted != 0 {
			return p, badRequest("['%s'] is invalid attribute for sort_keys", key)
		}
		if dirs[i] != "asc" && dirs[i] != "desc" {
			return p, badRequest("['%s'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'", dirs[i])
		}
		p.sorts = append(p.sorts, sorting[T]{a.value, dirs[i] == "desc"})
	}
	return p, nil
}

// cut sorts and takes the page. The id breaks ties as soon as anything is sorted
// or limited; else the oldest row comes first, though the real service promises no order.
func (p page[T]) cut(k *kind[T], found []T) ([]T, error) {
	if p.limit > 0 || len(p.sorts) > 0 {
		slices.SortFunc(found, p.compare)
	}
	if p.limit == 0 {
		return found, nil
	}
	if p.marker != "" {
		mark, exists := k.rows[p.marker]
		if !exists {
			return nil, k.missing(p.marker)
		}
		at, present := slices.BinarySearchFunc(found, mark, p.compare)
		switch {
		case p.reverse:
			found = found[:at]
		case present:
			found = found[at+1:]
		default:
			found = found[at:]
		}
	}
	if len(found) <= p.limit {
		return found, nil
	}
	if p.reverse {
		return found[len(found)-p.limit:], nil
	}
	return found[:p.limit], nil
}

func (p page[T]) compare(a, b T) int {
	for _, s := range p.sorts {
		order := compareValues(s.value(a), s.value(b))
		if s.descending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return strings.Compare(a.base().ID, b.base().ID)
}

func compareValues(a, b any) int {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case int:
		if b, ok := b.(int); ok {
			return cmp.Compare(a, b)
		}
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// links are the links to the pages around this one. A full page always has a
// next one, even if that will be empty; all pages but the last backwards have a previous one.
func (p page[T]) links(r *request, found []T) []map[string]string {
	if p.limit == 0 {
		return nil
	}
	var links []map[string]string
	link := func(rel string, at int, reverse bool) {
		query := url.Values{}
		for key, values := range r.Query {
			if key != "marker" && key != "page_reverse" {
				query[key] = values
			}
		}
		if len(found) > 0 {
			query.Set("marker", found[at].base().ID)
		}
		if reverse {
			query.Set("page_reverse", "True")
		}
		links = append(links, map[string]string{"rel": rel, "href": r.BaseURL + r.Path + "?" + query.Encode()})
	}
	if p.reverse || len(found) >= p.limit {
		link("next", len(found)-1, false)
	}
	if !p.reverse || len(found) >= p.limit {
		link("previous", 0, true)
	}
	return links
}

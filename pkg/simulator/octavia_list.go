package simulator

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Lists, their filters and their pages: octavia/api/common/pagination.py.

// octavia's pagination_max_limit.
const lbMaxPage = 1000

// notLBFilters are the keys of a query that do not filter.
var notLBFilters = []string{"limit", "marker", "sort", "sort_key", "sort_dir", "fields", "page_reverse"}

// lbCollect are the parts of all load balancers, in order of creation.
func lbCollect[T lbRow](o *octavia, of func(*loadBalancer) []T) []T {
	var all []T
	for _, b := range o.balancers {
		all = append(all, of(b)...)
	}
	return all
}

// lbLister answers with a list under a key.
func lbLister[T lbRow](o *octavia, key string, rows func(*request) ([]T, error)) operation {
	return func(r *request) (any, error) {
		limit, err := lbLimit(r.Query)
		if err != nil {
			return nil, err
		}
		sorts, err := lbSorts(r.Query)
		if err != nil {
			return nil, err
		}
		found, err := rows(r)
		if err != nil {
			return nil, err
		}
		if c := callerOf(r); !c.admin && r.Query.Has("project_id") && r.Query.Get("project_id") != c.project {
			return nil, errOctaviaPolicy
		}
		list, err := lbSelect(o, r, found)
		if err != nil {
			return nil, err
		}
		list, err = lbPage(r.Query, list, sorts, limit)
		if err != nil {
			return nil, err
		}
		shown := []any{}
		for _, v := range list {
			shown = append(shown, lbFields(v.view, r.Query["fields"]))
		}
		return map[string]any{key: shown, key + "_links": lbPageLinks(r, list, limit)}, nil
	}
}

// lbListed is a row of a list: what it shows, and what filters see.
type lbListed struct {
	row  lbRow
	view map[string]any
}

// lbFields keeps the fields that were asked for; none keeps all.
func lbFields(view map[string]any, fields []string) map[string]any {
	if len(fields) == 0 {
		return view
	}
	kept := map[string]any{}
	for _, name := range fields {
		if value, found := view[name]; found {
			kept[name] = value
		}
	}
	return kept
}

// lbSelect shows the rows that the caller may see and that pass the filters.
func lbSelect[T lbRow](o *octavia, r *request, rows []T) ([]lbListed, error) {
	var all []lbListed
	of := r.Query.Get("loadbalancer_id") + r.Query.Get("load_balancer_id")
	for _, v := range rows {
		// What is of another load balancer need not be made into a view to be left out.
		if owns(r, v) && (of == "" || v.balancer().ID == of) {
			all = append(all, lbListed{v, o.view(v)})
		}
	}
	for name, values := range r.Query {
		if slices.Contains(notLBFilters, name) {
			continue
		}
		keep, err := lbFilter[T](o, name, values)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(v lbListed) bool { return !keep(v) })
	}
	return all, nil
}

// lbFilter is the test for one key of a query; one that the kind does not have
// is refused, and one that is given twice ends in the database's error.
func lbFilter[T lbRow](o *octavia, name string, values []string) (func(lbListed) bool, error) {
	if test := lbTagFilter(name, values); test != nil && o.minor >= 5 {
		return test, nil
	}
	if !lbFilters[T](o)[name] {
		return nil, octaviaErrorf(http.StatusBadRequest, "One or more arguments are either duplicate or invalid")
	}
	if len(values) > 1 {
		return nil, octaviaErrorf(http.StatusInternalServerError,
			"(pymysql.err.OperationalError) (4078, \"Illegal parameter data types varchar and row for operation '='\")")
	}
	return func(v lbListed) bool {
		value, shown := v.view[name]
		if !shown {
			value = lbParentID(v.row, name)
		}
		// What was never set is NULL to the database, which equals nothing.
		if raw, ours := v.row.base().values[name]; name == "name" || name == "description" {
			return ours && raw != nil && equals(raw, values[0])
		}
		return value != nil && equals(value, values[0])
	}, nil
}

// lbParentID is the id of what a row belongs to, by the name of the filter.
func lbParentID(v lbRow, name string) any {
	switch v := v.(type) {
	case *lbMonitor:
		if name == "pool_id" {
			return v.pool.ID
		}
	case *lbMember:
		if name == "pool_id" {
			return v.pool.ID
		}
	}
	if name == "loadbalancer_id" || name == "load_balancer_id" {
		return v.balancer().ID
	}
	return nil
}

// lbFilters are the keys by which a kind filters.
func lbFilters[T lbRow](o *octavia) map[string]bool {
	var none T
	names := map[string]bool{
		"id": true, "project_id": true, "provisioning_status": true, "operating_status": true,
		"created_at": true, "updated_at": true,
	}
	for _, f := range none.schema() {
		if f.use&lbShow != 0 && f.since <= o.minor && f.name != "tags" {
			names[f.name] = true
		}
	}
	own := map[string][]string{
		"Load Balancer":  {"provider", "vip_address", "vip_port_id", "vip_subnet_id", "vip_network_id"},
		"Listener":       {"loadbalancer_id", "load_balancer_id", "default_pool_id"},
		"Pool":           {"loadbalancer_id", "load_balancer_id"},
		"Member":         {"pool_id"},
		"Health Monitor": {"pool_id"},
		"L7 Policy":      {"listener_id", "redirect_pool_id"},
	}
	for _, name := range own[none.resource()] {
		names[name] = true
	}
	return names
}

// lbTagFilter is one of the four filters by tags, nil if the key is none.
func lbTagFilter(name string, values []string) func(lbListed) bool {
	wanted := strings.Split(strings.Join(values, ","), ",")
	has := func(v lbListed, tag string) bool { return slices.Contains(v.row.base().values.texts("tags"), tag) }
	anyTag := func(v lbListed) bool {
		return slices.ContainsFunc(wanted, func(tag string) bool { return has(v, tag) })
	}
	allTags := func(v lbListed) bool {
		return !slices.ContainsFunc(wanted, func(tag string) bool { return !has(v, tag) })
	}
	switch name {
	case "tags":
		return allTags
	case "tags-any":
		return anyTag
	case "not-tags":
		return func(v lbListed) bool { return !allTags(v) }
	case "not-tags-any":
		return func(v lbListed) bool { return !anyTag(v) }
	}
	return nil
}

// lbLimit is how long a page may be; 0 is without end, which has a next page all
// the same. A bad one is refused before the controller runs.
func lbLimit(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" || text == "infinite" {
		return lbMaxPage, nil
	}
	limit, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, &octaviaEarlyError{http.StatusBadRequest, "Supplied pagination limit '" + text + "' is not valid."}
	case limit < 1:
		return 0, nil
	}
	return min(limit, lbMaxPage), nil
}

// lbSort is a key by which a list is sorted.
type lbSort struct {
	name       string
	descending bool
}

func lbSorts(query url.Values) ([]lbSort, error) {
	var sorts []lbSort
	add := func(name, direction string) error {
		direction = strings.ToLower(direction)
		if direction != "" && direction != "asc" && direction != "desc" {
			return &octaviaEarlyError{http.StatusBadRequest, "Supplied sort direction '" + direction + "' is not valid."}
		}
		sorts = append(sorts, lbSort{name, direction == "desc"})
		return nil
	}
	if text := query.Get("sort"); text != "" {
		for part := range strings.SplitSeq(text, ",") {
			name, direction, _ := strings.Cut(part, ":")
			if err := add(name, direction); err != nil {
				return nil, err
			}
		}
	} else if text := query.Get("sort_key"); text != "" {
		directions := strings.Split(query.Get("sort_dir"), ",")
		for i, name := range strings.Split(text, ",") {
			direction := ""
			if i < len(directions) {
				direction = directions[i]
			}
			if err := add(name, direction); err != nil {
				return nil, err
			}
		}
	}
	return append(sorts, lbSort{name: "created_at"}), nil
}

// lbPage sorts a list and takes one page of it.
func lbPage(query url.Values, list []lbListed, sorts []lbSort, limit int) ([]lbListed, error) {
	for _, s := range sorts {
		if len(list) > 0 && s.name != "created_at" {
			if _, found := list[0].view[s.name]; !found {
				return nil, octaviaErrorf(http.StatusBadRequest, "Supplied sort key '%s' is not valid.", s.name)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b lbListed) int {
		for _, s := range sorts {
			order := compareValues(a.view[s.name], b.view[s.name])
			if s.name == "created_at" {
				order = a.row.base().Created.Compare(b.row.base().Created)
			}
			if s.descending {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return cmp.Or(cmp.Compare(a.row.base().number, b.row.base().number), strings.Compare(a.row.base().ID, b.row.base().ID))
	})
	if marker := query.Get("marker"); marker != "" {
		at := slices.IndexFunc(list, func(v lbListed) bool { return v.row.base().ID == marker })
		switch {
		case at < 0:
			return nil, octaviaErrorf(http.StatusBadRequest, "Supplied pagination marker '%s' is not valid.", marker)
		case strings.EqualFold(query.Get("page_reverse"), "true"):
			list = list[:at]
			return list[max(0, len(list)-cmp.Or(limit, len(list))):], nil
		}
		list = list[at+1:]
	}
	return list[:min(cmp.Or(limit, len(list)), len(list))], nil
}

// lbPageLinks lead to the pages around this one; a full page always has a next one.
func lbPageLinks(r *request, page []lbListed, limit int) []map[string]string {
	links := []map[string]string{}
	if len(page) == 0 {
		return links
	}
	size := strconv.Itoa(limit)
	if limit == 0 {
		size = "None" // which leads nowhere: it is no number
	}
	href := r.RootURL + r.FullPath + "?limit=" + size
	for _, name := range []string{"sort", "sort_key"} {
		if value := r.Query.Get(name); value != "" {
			href += "&" + name + "=" + value
		}
	}
	if r.Query.Has("marker") {
		links = append(links, map[string]string{
			"rel": "previous", "href": href + "&marker=" + page[0].row.base().ID + "&page_reverse=True",
		})
	}
	if len(page) >= limit {
		links = append(links, map[string]string{"rel": "next", "href": href + "&marker=" + page[len(page)-1].row.base().ID})
	}
	return links
}

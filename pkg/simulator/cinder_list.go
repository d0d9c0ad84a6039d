package simulator

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lists: filters, order and pages, as cinder/api/common.py (get_pagination_params,
// get_sort_params, ViewBuilder._get_collection_links) and the resource filters of
// etc/cinder/resource_filters.json have them.

// maxCinderPage is osapi_max_limit.
const maxCinderPage = 1000

// cinderList is one kind of list.
type cinderList[T cinderRow] struct {
	// name is the body's key, what names a row in errors.
	name, what string
	table      *cinderTable[T]
	// brief is a row of GET /x, detail of GET /x/detail.
	brief, detail func(*request, T) map[string]any
	// filters give the value of a row that a filter compares.
	filters map[string]func(T) string
	// keys sort beside those that every row has.
	keys map[string]func(T) string
	// words are parameters of this list that are no filters.
	words []string
	// keep chooses rows by what the filters cannot say; nil keeps all.
	keep func(*request, T) (bool, error)
}

// listWords are the parameters of a list that are no filters.
var listWords = []string{"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "with_count", "all_tenants", "metadata"}

func (l *cinderList[T]) serve(r *request) (any, error) {
	found, err := l.matching(r)
	if err != nil {
		return nil, err
	}
	if err := l.order(r, found); err != nil {
		return nil, err
	}
	total := len(found)
	page, limit, err := l.page(r, found)
	if err != nil {
		return nil, err
	}
	look := l.brief
	if strings.HasSuffix(r.Path, "/detail") {
		look = l.detail
	}
	views := make([]any, 0, len(page))
	for _, row := range page {
		views = append(views, look(r, row))
	}
	body := map[string]any{l.name: views}
	if len(page) > 0 && len(page) >= limit {
		query := url.Values{}
		maps.Copy(query, r.Query)
		query.Set("marker", page[len(page)-1].base().ID)
		body[l.name+"_links"] = []map[string]string{{"rel": "next", "href": r.BaseURL + r.ServicePath + "?" + query.Encode()}}
	}
	if r.since(45) && isYes(r.Query.Get("with_count")) {
		body["count"] = total
	}
	return body, nil
}

// matching are the rows that the caller may see and wants.
func (l *cinderList[T]) matching(r *request) ([]T, error) {
	everyone := r.Token.Admin && isYes(r.Query.Get("all_tenants"))
	if err := l.checkFilters(r); err != nil {
		return nil, err
	}
	var found []T
	for _, row := range l.table.rows {
		if !everyone && row.base().ProjectID != r.Token.ProjectID {
			continue
		}
		if keep, err := l.wants(r, row); err != nil {
			return nil, err
		} else if keep {
			found = append(found, row)
		}
	}
	return found, nil
}

// checkFilters: since 3.31 a filter that nobody knows is refused, of who is no
// admin; before, it does nothing (reject_invalid_filters).
func (l *cinderList[T]) checkFilters(r *request) error {
	if !r.since(31) || r.Token.Admin {
		return nil
	}
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(r.Query)) {
		_, known := l.filter(key)
		known = known || slices.Contains(l.words, key)
		if !known && key != "created_at" && key != "updated_at" && (!slices.Contains(listWords, key) || key == "all_tenants") {
			unknown = append(unknown, key)
		}
	}
	if unknown != nil {
		return badCinderInput("Invalid filters ", strings.Join(unknown, ", "), " are found in query options.")
	}
	return nil
}

// filter is what a filter compares. name~, which finds parts, is for clouds that
// configure it.
func (l *cinderList[T]) filter(key string) (func(T) string, bool) {
	value, known := l.filters[key]
	switch {
	case known:
		return value, true
	case key == "name":
		return func(row T) string { return row.base().Name }, true
	case key == "status":
		return func(row T) string { return row.base().Status }, true
	}
	return nil, false
}

func (l *cinderList[T]) wants(r *request, row T) (bool, error) {
	for key, values := range r.Query {
		value, known := l.filter(key)
		if !known {
			continue
		}
		if value(row) != strings.Trim(values[len(values)-1], `"`) {
			return false, nil
		}
	}
	if text := r.Query.Get("metadata"); text != "" && !hasMetadata(row.base().Metadata, text) {
		return false, nil
	}
	if l.keep == nil {
		return true, nil
	}
	return l.keep(r, row)
}

// hasMetadata compares with a Python dictionary, as in {'key': 'value'}.
func hasMetadata(metadata map[string]string, wanted string) bool {
	wanted = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(wanted), "{"), "}")
	if strings.TrimSpace(wanted) == "" {
		return true
	}
	for pair := range strings.SplitSeq(wanted, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), `': `)
		if _, after, found := strings.Cut(pair, `": `); found {
			key, value = strings.TrimSuffix(pair, `": `+after), after
		}
		key, value = strings.Trim(strings.TrimSpace(key), `'"u`), strings.Trim(strings.TrimSpace(value), `'"`)
		if metadata[key] != value {
			return false
		}
	}
	return true
}

// sortKeys are what a list is to be sorted by, and which way.
func sortKeys(r *request) (keys, dirs []string) {
	if text := r.Query.Get("sort"); text != "" {
		for part := range strings.SplitSeq(text, ",") {
			key, dir, _ := strings.Cut(strings.TrimSpace(part), ":")
			keys, dirs = append(keys, key), append(dirs, dir)
		}
		return keys, dirs
	}
	if keys = r.Query["sort_key"]; len(keys) == 0 {
		return []string{"created_at"}, nil
	}
	return keys, r.Query["sort_dir"]
}

// order sorts rows, newest first unless something else is asked for. Within one
// second, which is all that the database knows, the id decides.
func (l *cinderList[T]) order(r *request, rows []T) error {
	keys, dirs := sortKeys(r)
	last := "desc"
	var order []func(a, b T) int
	for i, key := range append(slices.Clone(keys), "id") {
		compare, err := l.compare(key)
		if err != nil {
			return err
		}
		if i < len(dirs) && dirs[i] != "" {
			last = dirs[i]
		}
		if last != "asc" && last != "desc" {
			return badCinderInput("Unknown sort direction, must be 'desc' or 'asc'.")
		}
		sign := 1
		if last == "desc" {
			sign = -1
		}
		order = append(order, func(a, b T) int { return sign * compare(a, b) })
	}
	slices.SortStableFunc(rows, func(a, b T) int {
		for _, compare := range order {
			if at := compare(a, b); at != 0 {
				return at
			}
		}
		return 0
	})
	return nil
}

func (l *cinderList[T]) compare(key string) (func(a, b T) int, error) {
	text := func(value func(T) string) func(a, b T) int {
		return func(a, b T) int { return cmp.Compare(value(a), value(b)) }
	}
	switch key {
	case "id":
		return text(func(row T) string { return row.base().ID }), nil
	case "name", "display_name":
		return text(func(row T) string { return row.base().Name }), nil
	case "status":
		return text(func(row T) string { return row.base().Status }), nil
	case "created_at":
		return func(a, b T) int {
			return a.base().Created.Truncate(time.Second).Compare(b.base().Created.Truncate(time.Second))
		}, nil
	case "updated_at":
		return func(a, b T) int {
			return a.base().Updated.Truncate(time.Second).Compare(b.base().Updated.Truncate(time.Second))
		}, nil
	}
	if value, known := l.keys[key]; known {
		return text(value), nil
	}
	return nil, badCinderInput("Sort key supplied is invalid: ", key)
}

// page cuts out what limit, marker and offset ask for; limit is the page's length at most.
func (l *cinderList[T]) page(r *request, rows []T) (page []T, limit int, err error) {
	number := func(name string, fallback int) (int, error) {
		text := r.Query.Get(name)
		if text == "" {
			return fallback, nil
		}
		value, err := strconv.Atoi(text)
		if err != nil || value < 0 {
			return 0, cinderErrorf(http.StatusBadRequest, name, " param must be an integer and not negative")
		}
		return value, nil
	}
	limit, err = number("limit", maxCinderPage)
	if err != nil {
		return nil, 0, err
	}
	limit = min(limit, maxCinderPage)
	offset, err := number("offset", 0)
	if err != nil {
		return nil, 0, err
	}
	if marker := r.Query.Get("marker"); marker != "" {
		at := slices.IndexFunc(rows, func(row T) bool { return row.base().ID == marker })
		if at < 0 {
			return nil, 0, noCinder(l.what, marker)
		}
		rows = rows[at+1:]
	}
	rows = rows[min(offset, len(rows)):]
	return rows[:min(limit, len(rows))], limit, nil
}

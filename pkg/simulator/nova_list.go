package simulator

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lists of servers: filters, order and pages, as nova/api/openstack/compute/servers.py
// (_get_servers), nova/api/openstack/common.py and nova/compute/api.py (get_all) have them.

// defaultMaxPage is Nova's [api] max_limit where nobody says otherwise.
const defaultMaxPage = 1000

// list serves GET /servers and GET /servers/detail.
func (n *nova) list(r *request) response {
	keep, refused := n.filters(r)
	if refused != nil {
		return *refused
	}
	found := n.matching(r, keep)
	if refused := sortServers(found, r.Query["sort_key"], r.Query["sort_dir"]); refused != nil {
		return *refused
	}
	page, limit, refused := n.page(r, found)
	if refused != nil {
		return *refused
	}
	look, path := n.brief, "/servers"
	if r.Pattern == "GET /servers/detail" {
		look, path = n.detail, "/servers/detail"
	}
	views := make([]any, 0, len(page))
	for _, s := range page {
		views = append(views, look(r, s))
	}
	body := map[string]any{"servers": append(views, n.unreachable(r)...)}
	if limit > 0 && len(page) == limit {
		query := url.Values{}
		for key, values := range r.Query {
			query[key] = values
		}
		query.Set("marker", page[len(page)-1].ID)
		body["servers_links"] = []map[string]string{{"rel": "next", "href": r.BaseURL + "/v2.1" + path + "?" + query.Encode()}}
	}
	return response{Status: http.StatusOK, Body: body}
}

// allTenants tells whether a list is of all projects: the parameter alone says
// so, unless it is a word for no (nova/api/openstack/common.py is_all_tenants).
func allTenants(r *request) bool {
	return r.Query.Has("all_tenants") && !slices.Contains(wordsForNo, strings.ToLower(r.Query.Get("all_tenants")))
}

// The words for yes and no (oslo_utils/strutils.py bool_from_string).
var (
	wordsForNo  = []string{"0", "f", "false", "n", "no", "off"}
	wordsForYes = []string{"1", "on", "t", "true", "y", "yes"}
)

// checkTenants refuses a list of no project, one of all by who is no admin, and
// words that are neither yes nor no.
func checkTenants(r *request) *response {
	word := strings.ToLower(r.Query.Get("all_tenants"))
	switch {
	case word != "" && !slices.Contains(wordsForNo, word) && !slices.Contains(wordsForYes, word):
		return refuse("Unrecognized value '" + word + "', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', " +
			"'on', 't', 'true', 'y', 'yes'")
	case allTenants(r) && !r.Token.Admin:
		return disallowedList("detail:get_all_tenants")
	case r.Token.ProjectID == "" && !r.Token.Admin:
		return disallowedList("index")
	}
	return nil
}

func disallowedList(rule string) *response {
	answer := novaError(http.StatusForbidden, "Policy doesn't allow os_compute_api:servers:"+rule+" to be performed.")
	return &answer
}

// wantsDeleted tells whether a list holds servers that are deleted, fully or
// softly: those who ask what has changed see them, and admins who say deleted=true
// see nothing else. A filter by status does not bring them back.
func wantsDeleted(r *request) (also, only bool) {
	asked, err := strconv.ParseBool(r.Query.Get("deleted"))
	if only = r.Token.Admin && err == nil && asked; only {
		return true, true
	}
	return r.Query.Has("changes-since") || r.Query.Has("changes-before") && r.since(66), false
}

// matching are the servers that the caller may see and wants, newest first. Those
// in a cell that is down are missing.
func (n *nova) matching(r *request, keep func(*server) bool) []*server {
	everyone := allTenants(r)
	var found []*server
	add := func(servers []*server) {
		for _, s := range slices.Backward(servers) {
			if (everyone || s.ProjectID == r.Token.ProjectID) && !n.cell.hides(s) && keep(s) {
				found = append(found, s)
			}
		}
	}
	add(n.servers)
	if also, _ := wantsDeleted(r); also {
		add(n.deleted)
	}
	return found
}

// page cuts out what limit and marker ask for; limit is the page's length at most.
func (n *nova) page(r *request, found []*server) (page []*server, limit int, refused *response) {
	limit = n.cloud.options.MaxPage
	if text := r.Query.Get("limit"); text != "" {
		wanted, err := strconv.Atoi(text)
		if err != nil || wanted < 0 {
			return nil, 0, refuse("Invalid input for query parameters limit. Value: " + text + ". '" + text +
				"' does not match '^[0-9]*$'")
		}
		limit = min(wanted, limit)
	}
	if marker := r.Query.Get("marker"); marker != "" {
		if s := n.byID[marker]; s != nil && n.cell.hides(s) {
			failed := novaError(http.StatusInternalServerError, unexpected("nova.exception.CellTimeout"))
			return nil, 0, &failed
		}
		at := slices.IndexFunc(found, func(s *server) bool { return s.ID == marker })
		if at < 0 {
			return nil, 0, refuse("marker [" + marker + "] not found")
		}
		found = found[at+1:]
	}
	return found[:min(limit, len(found))], limit, nil
}

func refuse(message string) *response {
	answer := novaError(http.StatusBadRequest, message)
	return &answer
}

// unexpected is what Nova tells of an error that it did not foresee.
func unexpected(class string) string {
	return "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach the Nova API log if possible.\n<class '" +
		class + "'>"
}

// known are the query parameters of the server lists; from 2.75 on others are refused.
var known = map[string]bool{
	"limit": true, "marker": true, "sort_key": true, "sort_dir": true, "all_tenants": true, "deleted": true,
	"name": true, "status": true, "image": true, "flavor": true, "ip": true, "ip6": true, "uuid": true, "host": true,
	"hostname": true, "project_id": true, "tenant_id": true, "user_id": true, "availability_zone": true,
	"changes-since": true, "changes-before": true, "tags": true, "tags-any": true, "not-tags": true, "not-tags-any": true,
	"reservation_id": true, "locked": true, "vm_state": true, "power_state": true, "task_state": true, "key_name": true,
	"config_drive": true, "description": true, "metadata": true, "system_metadata": true, "created_at": true,
	"launched_at": true, "terminated_at": true, "access_ip_v4": true, "access_ip_v6": true, "node": true,
	"root_device_name": true, "launch_index": true, "instance_type_id": true, "image_ref": true, "kernel_id": true,
	"ramdisk_id": true, "user_data": true, "auto_disk_config": true, "progress": true, "soft_deleted": true,
}

// filters makes one test of all filters of the query.
func (n *nova) filters(r *request) (keep func(*server) bool, refused *response) {
	q := r.Query
	if refused := checkTenants(r); refused != nil {
		return nil, refused
	}
	for key := range q {
		if r.since(75) && !known[key] {
			return nil, refuse("Additional properties are not allowed ('" + key + "' was unexpected)")
		}
	}
	var tests []func(*server) bool
	for _, add := range []func(*request, *[]func(*server) bool) *response{
		n.filterPatterns, n.filterStatus, n.filterTimes, n.filterTags,
	} {
		if refused := add(r, &tests); refused != nil {
			return nil, refused
		}
	}
	n.filterValues(r, &tests)
	return func(s *server) bool {
		for _, test := range tests {
			if !test(s) {
				return false
			}
		}
		return true
	}, nil
}

// filterPatterns handles the filters that are regular expressions. The
// database compares them without regard to case (MySQL's REGEXP).
func (n *nova) filterPatterns(r *request, tests *[]func(*server) bool) *response {
	for key, values := range map[string]func(*server) []string{
		"name":     func(s *server) []string { return []string{s.Name} },
		"hostname": func(s *server) []string { return []string{s.Hostname} },
		"ip":       func(s *server) []string { return n.fixedAddresses(s, 4) },
		"ip6":      func(s *server) []string { return n.fixedAddresses(s, 6) },
	} {
		wanted := r.Query.Get(key)
		if wanted == "" {
			continue
		}
		pattern, err := regexp.Compile("(?i)" + wanted)
		if err != nil {
			return refuse("Invalid input for query parameters " + key + ". Value: " + wanted + ". '" + wanted + "' is not a 'regex'")
		}
		*tests = append(*tests, func(s *server) bool { return slices.ContainsFunc(values(s), pattern.MatchString) })
	}
	return nil
}

func (n *nova) fixedAddresses(s *server, version int) []string {
	var addresses []string
	for _, p := range n.cloud.neutron.serverPorts(s.ID) {
		for _, ip := range p.FixedIPs {
			if family(ip.IPAddress) == version {
				addresses = append(addresses, ip.IPAddress)
			}
		}
	}
	return addresses
}

// filterStatus handles status, which may be repeated and written in any case, and
// hides what is deleted (nova/db/main/api.py instance_get_all_by_filters_sort).
func (n *nova) filterStatus(r *request, tests *[]func(*server) bool) *response {
	wanted := map[string]bool{}
	for _, status := range r.Query["status"] {
		status = strings.ToUpper(status)
		_, exists := states[status]
		if !exists && r.since(38) {
			return refuse("Invalid status value")
		}
		if status == "DELETED" && !r.Token.Admin {
			answer := novaError(http.StatusForbidden, "Only administrators may list deleted instances")
			return &answer
		}
		wanted[status] = true
	}
	also, only := wantsDeleted(r)
	*tests = append(*tests, func(s *server) bool {
		status := s.status()
		gone := status == "DELETED" || status == "SOFT_DELETED"
		return (also || !gone) && (gone || !only) && (len(wanted) == 0 || wanted[status])
	})
	return nil
}

func (n *nova) filterTimes(r *request, tests *[]func(*server) bool) *response {
	for key, accept := range map[string]func(updated, limit time.Time) bool{
		"changes-since":  func(updated, limit time.Time) bool { return !updated.Before(limit) },
		"changes-before": func(updated, limit time.Time) bool { return !updated.After(limit) },
	} {
		text := r.Query.Get(key)
		if text == "" || key == "changes-before" && !r.since(66) {
			continue
		}
		limit, err := parseKeystoneTime(text)
		if err != nil {
			return refuse("Invalid input for query parameters " + key + ". Value: " + text + ". '" + text + "' is not a 'date-time'")
		}
		*tests = append(*tests, func(s *server) bool { return accept(s.Updated.Truncate(time.Second), limit) })
	}
	return nil
}

// filterTags handles the four filters by tag, of 2.26: comma-separated lists.
func (n *nova) filterTags(r *request, tests *[]func(*server) bool) *response {
	if !r.since(26) {
		return nil
	}
	for key, accept := range map[string]func(has, wanted int) bool{
		"tags":         func(has, wanted int) bool { return has == wanted },
		"tags-any":     func(has, _ int) bool { return has > 0 },
		"not-tags":     func(has, wanted int) bool { return has < wanted },
		"not-tags-any": func(has, _ int) bool { return has == 0 },
	} {
		if !r.Query.Has(key) {
			continue
		}
		wanted := strings.Split(r.Query.Get(key), ",")
		*tests = append(*tests, func(s *server) bool {
			has := 0
			for _, tag := range wanted {
				if slices.Contains(s.Tags, tag) {
					has++
				}
			}
			return accept(has, len(wanted))
		})
	}
	return nil
}

// filterValues handles the filters that are plain values. Those that the policy
// reserves for admins are ignored for others, as Nova does; from 2.83 on zone is for all.
func (n *nova) filterValues(r *request, tests *[]func(*server) bool) {
	admin := r.Token.Admin
	for key, filter := range map[string]struct {
		allowed bool
		value   func(*server) string
	}{
		"uuid":              {admin, func(s *server) string { return s.ID }},
		"vm_state":          {admin || r.since(83), func(s *server) string { return states[s.status()].vm }},
		"power_state":       {admin || r.since(83), func(s *server) string { return strconv.Itoa(states[s.status()].power) }},
		"locked":            {r.since(73), func(s *server) string { return strconv.FormatBool(s.Locked) }},
		"flavor":            {true, func(s *server) string { return s.Flavor.ID }},
		"image":             {true, func(s *server) string { return s.ImageID }},
		"availability_zone": {admin || r.since(83), func(s *server) string { return s.Zone }},
		"key_name":          {admin || r.since(83), func(s *server) string { return s.KeyName }},
		"host":              {admin, func(s *server) string { return s.Host }},
		"project_id":        {admin, func(s *server) string { return s.ProjectID }},
		"tenant_id":         {admin, func(s *server) string { return s.ProjectID }},
		"user_id":           {admin || r.since(83), func(s *server) string { return s.UserID }},
	} {
		wanted := r.Query.Get(key)
		if wanted == "" || !filter.allowed {
			continue
		}
		*tests = append(*tests, func(s *server) bool { return filter.value(s) == wanted })
	}
}

// sortServers orders a list that comes newest first, which is also the default.
func sortServers(servers []*server, keys, directions []string) *response {
	compare := map[string]func(a, b *server) int{
		"created_at":        func(a, b *server) int { return a.Created.Compare(b.Created) },
		"updated_at":        func(a, b *server) int { return a.Updated.Compare(b.Updated) },
		"display_name":      func(a, b *server) int { return cmp.Compare(a.Name, b.Name) },
		"uuid":              func(a, b *server) int { return cmp.Compare(a.ID, b.ID) },
		"vm_state":          func(a, b *server) int { return cmp.Compare(states[a.status()].vm, states[b.status()].vm) },
		"availability_zone": func(a, b *server) int { return cmp.Compare(a.Zone, b.Zone) },
	}
	for _, key := range keys {
		if compare[key] == nil {
			return refuse("Invalid input for query parameters sort_key. Value: " + key + ".")
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortStableFunc(servers, func(a, b *server) int {
		for i, key := range keys {
			order := compare[key](a, b)
			if i >= len(directions) || directions[i] != "asc" {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	return nil
}

package simulator

import (
	"slices"
	"strings"
)

// matcher finds the handler of a method and path. Literal segments win over placeholders.
type matcher struct {
	// byLength holds the patterns by their number of segments, most literal first.
	byLength map[int][]compiled
}

type compiled struct {
	pattern  string
	method   string
	segments []string
	literals int
	serve    handler
}

func compile(table routeTable) *matcher {
	m := &matcher{byLength: map[int][]compiled{}}
	for pattern, serve := range table {
		method, path, _ := strings.Cut(pattern, " ")
		c := compiled{pattern: pattern, method: method, segments: segments(path), serve: serve}
		for _, s := range c.segments {
			if !isPlaceholder(s) {
				c.literals++
			}
		}
		m.byLength[len(c.segments)] = append(m.byLength[len(c.segments)], c)
	}
	for _, list := range m.byLength {
		slices.SortFunc(list, func(a, b compiled) int {
			if a.literals != b.literals {
				return b.literals - a.literals
			}
			return strings.Compare(a.pattern, b.pattern)
		})
	}
	return m
}

// find returns the handler and its placeholders' values. With no handler,
// known tells whether the path exists for another method.
func (m *matcher) find(method, path string) (found *compiled, vars map[string]string, known bool) {
	parts := segments(path)
	list := m.byLength[len(parts)]
	for i := range list {
		c := &list[i]
		if !c.matches(parts) {
			continue
		}
		known = true
		if c.method == method || method == "HEAD" && c.method == "GET" {
			return c, c.vars(parts), true
		}
	}
	return nil, nil, known
}

func (c *compiled) matches(parts []string) bool {
	for i, s := range c.segments {
		if !isPlaceholder(s) && s != parts[i] {
			return false
		}
	}
	return true
}

func (c *compiled) vars(parts []string) map[string]string {
	vars := map[string]string{}
	for i, s := range c.segments {
		if isPlaceholder(s) {
			vars[s[1:len(s)-1]] = parts[i]
		}
	}
	return vars
}

func isPlaceholder(segment string) bool { return strings.HasPrefix(segment, "{") }

// segments splits a path; a trailing slash does not matter, as in the services' own routers.
func segments(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// glob tells whether text matches a pattern in which * stands for any run of characters.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return len(text) >= len(last) && strings.HasSuffix(text, last)
}

package config

import "strings"

// Nearest returns the candidate that a person who wrote name most likely
// meant; "" where none is near.
func Nearest(name string, candidates []string) string {
	if len(name) > longest { // nobody misspells that much
		return ""
	}
	best, bestDistance := "", max(2, (len(name)+2)/3)+1
	for _, c := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(c))
		if d < bestDistance && d < len(c) {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(s)][len(t)]
}

// meant returns the key of the section that name stands for: a synonym, a
// near miss; "" where there is none.
func (s *Section) meant(name string) string {
	if key, ok := s.Synonyms[strings.ToLower(name)]; ok {
		return key
	}
	return Nearest(name, s.keyNames())
}

// keyNames lists the keys that are not retired.
func (s *Section) keyNames() []string {
	var names []string
	for i := range s.Keys {
		if s.Keys[i].Retired == "" {
			names = append(names, s.Keys[i].Name)
		}
	}
	return names
}

// otherHome returns another section that has a key of this name.
func otherHome(not *Section, name string) string {
	for i := range sections {
		if &sections[i] != not && sections[i].key(name) != nil {
			return sections[i].Name
		}
	}
	return ""
}

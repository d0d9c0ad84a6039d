package config

import (
	"fmt"
	"slices"
	"strings"
)

// reader turns one text into a Config and a Report.
type reader struct {
	name   string
	env    Env
	config *Config
	report Report
	blocks []*block
}

// block is one section with all its values, wherever they are written.
type block struct {
	section *Section
	name    string // of the subsection; "" for none
	line    int    // of its first header; 0 when the file does not have it
	target  any    // the struct that it fills
	values  map[string]*value
	bad     map[string]bool // keys whose value could not be used
	watch   []string        // files that values came from
}

// value is the text of a key before it is converted.
type value struct {
	texts   []string
	bare    bool
	origin  Origin
	excerpt string
	hidden  bool // whatever the key, the text is not shown
}

// text is the value of a key that has one; the last one where it is repeated.
func (v *value) text() string {
	if v == nil || len(v.texts) == 0 {
		return ""
	}
	return v.texts[len(v.texts)-1]
}

func (r *reader) read(text []byte) {
	legible := !utf16(text)
	if legible {
		r.collect(split(text))
	} else {
		r.add(Problem{Severity: Error, Message: "the file is UTF-16", Advice: "save it as UTF-8"})
	}
	r.complete()
	for _, b := range r.blocks {
		if legible && b.section.Name == globalSection.Name {
			r.fillFromClouds(b)
			r.fillFromEnvironment(b)
		}
		r.convert(b)
	}
	if legible {
		r.checkTogether()
	}
	r.settings()
}

func utf16(text []byte) bool {
	return len(text) >= 2 && (text[0] == 0xff && text[1] == 0xfe || text[0] == 0xfe && text[1] == 0xff)
}

// collect sorts the lines into blocks.
func (r *reader) collect(lines []line) {
	var current *block
	skipping := false // the section is not ours, or not readable
	for _, l := range lines {
		s := parse(l)
		switch {
		case s.header:
			current = r.open(s)
			skipping = current == nil
		case skipping:
		case current == nil:
			r.add(Problem{Severity: Error, Line: s.number, Message: "the line stands before the first section",
				Advice: "write [Global] above it", Excerpt: s.excerpt(nil)})
		default:
			r.set(current, s)
		}
	}
}

// open starts or continues the block of a header; nil when its lines have to
// be skipped.
func (r *reader) open(s statement) *block {
	section := sectionNamed(s.name)
	if s.fault != nil {
		r.add(Problem{Severity: s.fault.severity, Line: s.number, Message: s.fault.message, Advice: s.fault.advice, Excerpt: s.excerpt(nil)})
		if section == nil {
			return nil
		}
	}
	if section == nil {
		r.unknownSection(s)
		return nil
	}
	switch {
	case section.Naming == Unnamed && s.sub != "":
		r.add(Problem{Severity: Warning, Line: s.number, Section: section.Name, Message: "the section takes no name, so it is ignored",
			Advice: "write " + header(section.Name, ""), Excerpt: s.excerpt(nil)})
		return nil
	case section.Naming == MustName && s.sub == "" && s.fault == nil:
		r.add(Problem{Severity: Warning, Line: s.number, Section: section.Name, Message: "the section has no name, so nothing can refer to it",
			Advice: fmt.Sprintf("write [%s \"name\"]", section.Name), Excerpt: s.excerpt(nil)})
		return nil
	case section.Naming == MustName && s.sub == "":
		return nil
	}
	return r.block(section, s.sub, s.number)
}

func (r *reader) block(section *Section, name string, line int) *block {
	for _, b := range r.blocks {
		if b.section == section && b.name == name {
			return b
		}
	}
	b := &block{section: section, name: name, line: line, values: map[string]*value{}, bad: map[string]bool{}, target: section.holder(r.config, name)}
	r.blocks = append(r.blocks, b)
	return b
}

// complete adds the sections that the file does not have, for their defaults,
// and puts all in reference order.
func (r *reader) complete() {
	r.config.Route.Present = slices.ContainsFunc(r.blocks, func(b *block) bool { return b.section.Name == routeSection.Name })
	for i := range sections {
		if sections[i].Naming != MustName {
			r.block(&sections[i], "", 0)
		}
	}
	order := func(b *block) int {
		return slices.IndexFunc(sections, func(s Section) bool { return s.Name == b.section.Name })
	}
	slices.SortStableFunc(r.blocks, func(a, b *block) int {
		if order(a) != order(b) {
			return order(a) - order(b)
		}
		return strings.Compare(a.name, b.name)
	})
}

func (r *reader) unknownSection(s statement) {
	if program, ok := elsewhere[strings.ToLower(s.name)]; ok {
		r.add(Problem{Severity: Note, Line: s.number, Section: s.name, Message: "the section is for " + program + "; it is not read here"})
		return
	}
	var names []string
	for _, section := range sections {
		names = append(names, section.Name)
	}
	p := Problem{Severity: Warning, Line: s.number, Section: s.name, Message: "there is no such section, so it is ignored", Excerpt: s.excerpt(nil)}
	if near := Nearest(s.name, names); near != "" {
		p.Advice = fmt.Sprintf("did you mean [%s]?", near)
	} else {
		p.Advice = "the sections are " + strings.Join(names, ", ")
	}
	r.add(p)
}

// set takes one setting into its block.
func (r *reader) set(b *block, s statement) {
	key := b.section.key(hyphens(s.name))
	say := func(severity Severity, message, advice string) {
		name := s.name
		if key != nil {
			name = key.Name
		}
		r.add(Problem{Severity: severity, Line: s.number, Section: b.section.Name, Subsection: b.name,
			Key: name, Message: message, Advice: advice, Excerpt: s.excerpt(key)})
	}
	switch {
	case s.fault != nil:
		if key != nil {
			b.bad[key.Name] = true
		}
		say(s.fault.severity, s.fault.message, s.fault.advice)
		return
	case key == nil:
		r.unknownKey(b, s)
		return
	case key.Retired != "":
		say(Note, "the key has no effect any more: "+key.Retired, "remove the line")
		return
	}
	if strings.Contains(s.name, "_") {
		say(Warning, "keys are written with hyphens", "write "+key.Name)
	}
	b.bad[key.Name] = s.checkCut(key, say)
	s.checkJoin(key, say)
	b.store(key, r.value(s, key), say)
}

func (r *reader) value(s statement, key *Key) *value {
	v := &value{bare: s.bare, origin: Origin{Kind: FromFile, Name: r.name, Line: s.number},
		excerpt: s.excerpt(key), hidden: s.joined}
	if !s.bare {
		v.texts = []string{s.value}
	}
	return v
}

// store keeps the value of a key: the last one, or all of a list. As in gcfg,
// a bare key empties a list.
func (b *block) store(key *Key, v *value, say func(Severity, string, string)) {
	old := b.values[key.Name]
	if old != nil && key.repeats() && !v.bare {
		v.texts = append(slices.Clone(old.texts), v.texts...)
		v.hidden = v.hidden || old.hidden
	} else if old != nil && !key.repeats() {
		say(Warning, fmt.Sprintf("the key is already set in line %d; this line wins", old.origin.Line), "remove one of them")
	}
	b.values[key.Name] = v
}

func (r *reader) unknownKey(b *block, s statement) {
	p := Problem{Severity: Warning, Line: s.number, Section: b.section.Name, Subsection: b.name, Key: s.name,
		Message: "there is no such key, so the line is ignored", Advice: "remove the line", Excerpt: s.excerpt(nil)}
	meant, home := b.section.meant(s.name), otherHome(b.section, hyphens(s.name))
	switch {
	case home != "" && b.section.Synonyms[strings.ToLower(s.name)] == "":
		p.Advice = fmt.Sprintf("%s belongs in [%s]", hyphens(s.name), home)
	case meant != "":
		p.Advice = fmt.Sprintf("did you mean %s?", meant)
	case s.bare: // it may be anything, a piece of a secret too
		p.Key = ""
	}
	r.add(p)
}

// checkCut tells of a value that ends at an unquoted # or ;, and reports
// whether that makes it unusable.
func (s statement) checkCut(key *Key, say func(Severity, string, string)) bool {
	if s.cut == 0 || s.cutQuoted && !s.cutTight {
		return false
	}
	message := fmt.Sprintf("the value ends at the unquoted %c: the rest of the line is a comment", s.cut)
	advice := fmt.Sprintf("if the %c is part of the value, write %s=\"…\" with the value in double quotes", s.cut, key.Name)
	switch {
	case key.Secret && (s.cutTight || s.value == ""):
		say(Error, message, advice+"; if it is a comment, put it on a line of its own")
		return true
	case s.cutTight || key.Secret:
		say(Warning, message, advice)
	}
	return false
}

// checkJoin tells of a backslash at the end of a line that swallowed the next.
func (s statement) checkJoin(key *Key, say func(Severity, string, string)) {
	if !s.joined {
		return
	}
	severity := Warning
	if key.Secret {
		severity = Error
	}
	say(severity, "the backslash at the end of the line joins the next line to the value",
		`put the value in double quotes and write \\ for a backslash`)
}

func (r *reader) add(p Problem) {
	if p.File == "" {
		p.File = r.name
	}
	p.Section, p.Subsection, p.Key = clip(p.Section), clip(p.Subsection), clip(p.Key)
	r.report.Problems = append(r.report.Problems, p)
}

// say adds a problem about a key of a block, at the place of its value.
func (r *reader) say(b *block, key string, severity Severity, message, advice string) {
	p := Problem{Severity: severity, Section: b.section.Name, Subsection: b.name, Key: key, Line: b.line, Message: message, Advice: advice}
	if v := b.values[key]; v != nil && v.origin.Kind != FromDefault {
		p.File, p.Line, p.Excerpt = v.origin.Name, v.origin.Line, v.excerpt
		if v.origin.Kind == FromSettings {
			p.File, p.Line = "", b.line
		}
		if v.hidden { // the message may quote it
			p.Message, p.Advice = "the value, which goes over several lines, does not fit", "write it on one line, in double quotes"
		}
	}
	r.add(p)
}

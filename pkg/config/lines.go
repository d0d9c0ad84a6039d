package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/gcfg.v1"
)

// line is one logical line: a physical line, together with those that
// unquoted backslashes at line ends join to it.
type line struct {
	number int // of its first physical line, from 1
	text   string
	joined bool
}

// statement is what a logical line says.
type statement struct {
	line
	header bool   // a section header; else a setting
	name   string // of the section or the key, as written
	sub    string // name of the subsection
	value  string // after gcfg has unquoted it
	bare   bool   // a key without "="
	fault  *fault // the line cannot be used

	cut       rune // the # or ; that ended the value; 0 for none
	cutTight  bool // no blank stands before it: it was probably meant as part of the value
	cutQuoted bool // a closing quote stands before it: it was probably meant as a comment
}

// fault is a problem that does not know its place yet.
type fault struct {
	severity        Severity
	message, advice string
}

var (
	headerLine  = regexp.MustCompile(`^\[[ \t]*([\pL][\pL\p{Nd}_.-]*)`)
	settingLine = regexp.MustCompile(`^([\pL][\pL\p{Nd}_.-]*)[ \t\r]*`)
	ownLine     = regexp.MustCompile(`^[ \t\r]*(\[|[\pL][\pL\p{Nd}_.-]*[ \t\r]*=)`)
	byteOrder   = []byte("\ufeff")
)

// maxJoins bounds how many lines backslashes join to one.
const maxJoins = 64

// split cuts text into logical lines, without blank lines and comments. A
// backslash does not join a line that is clearly a setting or a header of its
// own: gcfg would, and so put a password into the name before it.
func split(text []byte) []line {
	physical := strings.Split(string(bytes.TrimPrefix(text, byteOrder)), "\n")
	var lines []line
	for i := 0; i < len(physical); i++ {
		l := line{number: i + 1, text: strings.TrimSuffix(strings.TrimLeft(physical[i], " \t\r"), "\r")}
		if l.text == "" || l.text[0] == '#' || l.text[0] == ';' {
			continue
		}
		_, rest, found := strings.Cut(l.text, "=")
		for n := 0; n < maxJoins && found && l.text[0] != '[' && measure(rest).continues && i+1 < len(physical) && !ownLine.MatchString(physical[i+1]); n++ {
			i++
			l.joined = true
			next := "\n" + strings.TrimSuffix(physical[i], "\r")
			l.text, rest = l.text+next, rest+next
		}
		lines = append(lines, l)
	}
	return lines
}

// extent tells how far gcfg's scanner reads a value (gcfg.v1/scanner,
// scanValString), and what it would stumble over.
type extent struct {
	comment   int  // where an unquoted # or ; ends the value; -1 for nowhere
	open      bool // a double quote is not closed
	escape    bool // a backslash where there may be none
	continues bool // the last character is an unquoted backslash
}

func measure(text string) extent {
	e := extent{comment: -1}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i = e.escaped(text, i+1)
		case c == '"':
			e.open = !e.open
		case c == '\n' && e.open:
			return e
		case (c == '#' || c == ';') && !e.open:
			e.comment = i
			return e
		}
	}
	return e
}

// escaped looks at what follows a backslash, from text[i], and returns where
// it ends.
func (e *extent) escaped(text string, i int) int {
	if !e.open && i < len(text) && text[i] == '\r' { // gcfg drops it
		i++
	}
	switch {
	case i >= len(text) && !e.open:
		e.continues = true
	case i >= len(text) || !strings.ContainsRune(escapable(e.open), rune(text[i])):
		e.escape = true
	}
	return i
}

func escapable(quoted bool) string {
	if quoted {
		return `\"nt`
	}
	return "\"\n"
}

// parse reads one logical line.
func parse(l line) statement {
	s := statement{line: l, header: l.text[0] == '['}
	switch {
	case !utf8.ValidString(l.text) || strings.ContainsRune(l.text, 0):
		s.fault = &fault{Error, "the line is not UTF-8 text", "save the file as UTF-8"}
	case s.header:
		s.parseHeader()
	default:
		s.parseSetting()
	}
	return s
}

// parseHeader lets gcfg read a section header under the name "s".
func (s *statement) parseHeader() {
	m := headerLine.FindStringSubmatch(s.text)
	if m == nil {
		s.fault = &fault{Error, "the section has no name", "write it as [Global]"}
		return
	}
	s.name = m[1]
	rest := s.text[len(m[0]):]
	var got struct{ S map[string]*struct{} }
	if err := gcfg.ReadStringInto(&got, "[s"+rest); err != nil {
		s.fault = faultyHeader(s.name, rest)
		return
	}
	for name := range got.S {
		s.sub = name
	}
	if strings.ContainsAny(s.name, "._") {
		s.fault = faultyHeader(s.name, rest)
	}
}

func faultyHeader(name, rest string) *fault {
	closed := strings.Index(rest, "]")
	base, sub, dotted := strings.Cut(name, ".")
	switch {
	case dotted:
		return &fault{Error, "a section name has no dot", fmt.Sprintf("write [%s %q]", base, sub)}
	case closed < 0:
		return &fault{Error, "the section header is not closed", fmt.Sprintf("write [%s]", name)}
	case strings.Trim(rest[closed+1:], " \t\r") != "":
		return &fault{Error, "something follows the section header", "put each setting on a line of its own"}
	default:
		sub = strings.Trim(rest[:closed], " \t\"'")
		return &fault{Error, "the section header is not valid: the name in it goes in double quotes", fmt.Sprintf("write [%s %s]", name, quote(clip(sub)))}
	}
}

// parseSetting lets gcfg read a setting under the name "k".
func (s *statement) parseSetting() {
	m := settingLine.FindStringSubmatch(s.text)
	if m == nil {
		s.fault = &fault{Error, "the line is neither a section, a setting nor a comment", "write key=value, or # in front of a comment"}
		return
	}
	s.name = m[1]
	rest := s.text[len(m[0]):]
	if value, found := strings.CutPrefix(rest, "="); found {
		e := measure(value)
		s.measured(value, e)
		if s.fault = faultyValue(e); s.fault != nil {
			return
		}
	}
	var got struct{ S struct{ K []string } }
	if err := gcfg.ReadStringInto(&got, "[s]\nk"+rest); err != nil {
		s.fault = &fault{Error, "there is no = after the key", fmt.Sprintf("write %s=value", hyphens(s.name))}
		return
	}
	if s.bare = len(got.S.K) == 0; !s.bare {
		s.value = got.S.K[0]
	}
}

func (s *statement) measured(value string, e extent) {
	if e.comment < 0 {
		return
	}
	before := strings.Trim(value[:e.comment], " \t\r\n")
	s.cut, s.cutQuoted = rune(value[e.comment]), strings.HasSuffix(before, `"`)
	s.cutTight = e.comment == 0 || !strings.ContainsRune(" \t\r\n", rune(value[e.comment-1]))
}

func faultyValue(e extent) *fault {
	switch {
	case e.continues:
		return &fault{Error, "the backslash at the end of the line has nothing to join", `remove it, or put the value in double quotes and write \\ for a backslash`}
	case e.escape:
		return &fault{Error, "a backslash stands where it means something else",
			`put the value in double quotes and write \\ for each backslash`}
	case e.open:
		return &fault{Error, "a double quote is not closed", `close it, or write \" for a quote that is part of the value`}
	default:
		return nil
	}
}

// hyphens is the form of a name that gcfg accepts.
func hyphens(name string) string { return strings.ReplaceAll(name, "_", "-") }

// quote writes a text so that gcfg reads it back.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(text) + `"`
}

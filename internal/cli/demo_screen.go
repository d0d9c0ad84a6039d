package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fatih/color"
	"golang.org/x/term"

	"underlay/internal/playground"
)

// The inks of the demo; what they mean never rests on the color alone.
var (
	good   = []color.Attribute{color.FgGreen}
	bad    = []color.Attribute{color.FgRed}
	faint  = []color.Attribute{color.Faint}
	strong = []color.Attribute{color.Bold}
	link   = []color.Attribute{color.FgCyan, color.Underline}
	node   = []color.Attribute{color.FgCyan}
)

// screen writes the demo's story, top to bottom, so that all of it can be
// scrolled back. On a terminal its last line says what is going on right now.
type screen struct {
	out           io.Writer
	live, colored bool
	width         int
	began         time.Time

	mu     sync.Mutex
	now    string // the last line; "" for none
	since  time.Time
	said   time.Time // without a terminal: when the status was last written out
	frame  int
	closed chan struct{}
	ticker sync.WaitGroup
}

// wipe empties the line that the cursor is on.
const wipe = "\r\033[K"

const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

func newScreen(out io.Writer, noColor bool) *screen {
	s := &screen{out: out, width: 100, began: time.Now(), closed: make(chan struct{})}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		s.live = os.Getenv("TERM") != "dumb"
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 20 {
			s.width = width
		}
	}
	s.colored = s.live && !noColor && os.Getenv("NO_COLOR") == ""
	s.ticker.Go(s.tick)
	return s
}

// tick keeps the last line alive: on a terminal it moves; elsewhere it is
// written out when something takes long, so that nobody wonders.
func (s *screen) tick() {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-ticker.C:
			s.mu.Lock()
			s.frame++
			switch {
			case s.now == "":
			case s.live:
				s.draw()
			case time.Since(s.since) > 2*time.Second && time.Since(s.said) > 10*time.Second:
				s.said = time.Now()
				s.write(fmt.Sprintf("   … %s", s.now))
			}
			s.mu.Unlock()
		}
	}
}

func (s *screen) close() {
	s.status("")
	close(s.closed)
	s.ticker.Wait()
}

// draw paints the last line; the lock is held.
func (s *screen) draw() {
	runes := []rune(frames)
	text := []rune(s.now)
	if room := s.width - 12; len(text) > room {
		text = append(text[:room-1], '…')
	}
	s.put(wipe+" %s %s %s", s.paint(node, string(runes[s.frame%len(runes)])), s.paint(faint, string(text)),
		s.paint(faint, seconds(time.Since(s.since))))
}

// status says what is going on; "" = nothing any more.
func (s *screen) status(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == "" || text == "" {
		s.since, s.said = time.Now(), time.Time{}
	}
	s.now = text
	switch {
	case !s.live:
	case text == "":
		s.put(wipe)
	default:
		s.draw()
	}
}

// line writes one line above the last one.
func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && s.now != "" {
		s.put(wipe)
	}
	s.write(text)
	if s.live && s.now != "" {
		s.draw()
	}
}

// write writes one line; the lock is held.
func (s *screen) write(text string) { s.put("%s\n", strings.TrimRight(text, " ")) }

// put writes to the terminal; one that is gone is no reason to stop the work.
func (s *screen) put(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

func (s *screen) paint(ink []color.Attribute, text string) string {
	if !s.colored || text == "" {
		return text
	}
	c := color.New(ink...)
	c.EnableColor()
	return c.Sprint(text)
}

// step does one thing that may take a while, then writes one line about it.
// say changes what the last line shows in the meantime.
func (s *screen) step(label string, do func(say func(string)) (detail string, err error)) error {
	began := time.Now()
	say := func(text string) { s.status(label + ": " + text) }
	s.status(label)
	detail, err := do(say)
	s.status("")
	if err != nil {
		s.line(fmt.Sprintf(" %s %s", s.paint(bad, "✗"), label))
		return err
	}
	took := ""
	if elapsed := time.Since(began); elapsed > 100*time.Millisecond {
		took = "  " + s.paint(faint, seconds(elapsed))
	}
	s.line(fmt.Sprintf(" %s %-*s %s%s", s.paint(good, "✓"), labelWidth, label, detail, took))
	return nil
}

// labelWidth fits the longest label.
const labelWidth = 25

func (s *screen) title(name, claim, parts string) {
	s.line("")
	s.line(" " + s.paint(strong, name) + "  " + claim)
	s.line(" " + s.paint(faint, parts))
	s.line("")
}

func (s *screen) section(title string) {
	rule := strings.Repeat("─", max(3, min(s.width, 100)-len(title)-6))
	s.line("")
	s.line(" " + s.paint(faint, "──") + " " + s.paint(strong, title) + " " + s.paint(faint, rule))
	s.line("")
}

func (s *screen) note(text string) { s.prose("   ", faint, text) }

func (s *screen) done(text string) {
	s.line(" " + s.paint(good, "✓") + strings.TrimPrefix(s.folded("   ", text), "  "))
}

// prose writes words behind a lead, on as many lines of the terminal as they need.
// What a user copies is no prose: a terminal folds it so that it stays one line.
func (s *screen) prose(lead string, ink []color.Attribute, text string) {
	folded := s.folded(lead, text)
	s.line(lead + s.paint(ink, strings.TrimPrefix(folded, lead)))
}

func (s *screen) folded(lead, text string) string {
	p := &page{}
	if s.live {
		p.width = s.width
	}
	return p.hang(lead, text)
}

// cut shortens a text in its middle where the line behind so many columns has no room.
func (s *screen) cut(text string, behind int) string {
	if !s.live {
		return text
	}
	return shorten(text, max(s.width-1-behind, 12))
}

// quote shows the end of a log.
func (s *screen) quote(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		s.note("│ " + line)
	}
}

func (s *screen) failure(err error) {
	s.status("")
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			s.line(" " + s.paint(bad, "✗ "+line))
		} else {
			s.line("   " + line)
		}
	}
}

// eventIndent is where the detail of a change begins.
const eventIndent = 42

// events writes one line a change, at the given time of the stage.
func (s *screen) events(at time.Duration, all []change) {
	for _, c := range all {
		ink, sign := good, "+"
		if c.gone {
			ink, sign = bad, "−"
		}
		s.line(fmt.Sprintf("   %s  %s  %s %s  %s", s.paint(faint, fmt.Sprintf("%6s", seconds(at))), s.paint(node, fmt.Sprintf("%-7s", c.node)),
			s.paint(ink, sign), fmt.Sprintf("%-18s", c.what), s.cut(c.detail, eventIndent)))
	}
}

// routeTable shows the router's routes as `openstack router show` does, with
// the node that each leads to, and marks what has come and gone.
func (s *screen) routeTable(rows []row) {
	widths := []int{len("destination"), len("nexthop"), len("node")}
	for _, r := range rows {
		for i, cell := range []string{r.destination, r.nexthop, r.node} {
			widths[i] = max(widths[i], len(cell))
		}
	}
	border := "+"
	for _, width := range widths {
		border += strings.Repeat("-", width+2) + "+"
	}
	cells := func(a, b, c string) string {
		return fmt.Sprintf("| %-*s | %-*s | %-*s |", widths[0], a, widths[1], b, widths[2], c)
	}
	s.line("")
	s.line("   " + s.paint(faint, "$ openstack router show "+playground.RouterName+" -c routes"))
	for _, text := range []string{border, cells("destination", "nexthop", "node"), border} {
		s.line("     " + text)
	}
	for _, r := range rows {
		text := string(r.mark) + " " + cells(r.destination, r.nexthop, r.node)
		switch r.mark {
		case '+':
			text = s.paint(good, text)
		case '-':
			text = s.paint(bad, text)
		}
		s.line("   " + text)
	}
	s.line("     " + border)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"
)

// cell is one field of a table; ink is used on a terminal only.
type cell struct {
	text string
	ink  []color.Attribute
}

// table is columns under a head. It fits the width: the widest columns give way.
type table struct {
	head []string
	rows [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// plain is a cell without ink.
func plain(text string) cell { return cell{text: text} }

const columnGap = "  "

// tableWidth is how wide a table is where nobody says: a common terminal's width.
const tableWidth = 100

func (t *table) write(out io.Writer, p *page) {
	widths := t.widths(p.width)
	var titles []cell
	for _, title := range t.head {
		titles = append(titles, cell{title, []color.Attribute{color.Bold}})
	}
	for _, row := range append([][]cell{titles}, t.rows...) {
		var b strings.Builder
		for i, c := range row {
			text := shorten(c.text, widths[i])
			pad := strings.Repeat(" ", widths[i]-length(text))
			if i == len(row)-1 {
				pad = ""
			} else {
				pad += columnGap
			}
			b.WriteString(p.paint(text, c.ink...) + pad)
		}
		line(out, "%s", strings.TrimRight(b.String(), " "))
	}
}

// widths gives each column what it needs, and takes from the widest what is too much.
func (t *table) widths(room int) []int {
	if room == 0 {
		room = tableWidth
	}
	widths := make([]int, len(t.head))
	sum := len(columnGap) * (len(widths) - 1)
	for i, title := range t.head {
		widths[i] = length(title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], length(row[i].text))
		}
		sum += widths[i]
	}
	for ; sum > room; sum-- {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= 8 {
			break
		}
		widths[widest]--
	}
	return widths
}

func length(text string) int { return len([]rune(text)) }

// shorten cuts a text in its middle, where names differ least.
func shorten(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	head := (width - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}

// say prints a sentence in lines of the page's width.
func (p *page) say(out io.Writer, format string, args ...any) {
	line(out, "%s", p.hang("", fmt.Sprintf(format, args...)))
}

// hang writes a text behind a lead, in lines of the page's width that begin
// where the text does.
func (p *page) hang(lead, text string) string {
	if p.width == 0 {
		return lead + text
	}
	var b strings.Builder
	b.WriteString(lead)
	column, room := length(lead), p.width-1
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+length(word) > room:
			b.WriteString("\n" + strings.Repeat(" ", length(lead)))
			column = length(lead)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += length(word)
	}
	return b.String()
}

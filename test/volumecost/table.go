package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// figures are all that was measured.
type figures struct {
	// Binary is the size of the driver's file, in MiB.
	Binary     float64     `json:"binary_mib"`
	Volumes    int         `json:"volumes"`
	Attaches   int         `json:"attaches"`
	Memory     []memory    `json:"memory"`
	Operations []operation `json:"operations"`
}

// forgetTimes leaves out how long things took, and the processor time.
func (f *figures) forgetTimes() {
	for i := range f.Memory {
		f.Memory[i].CPU = 0
	}
	for i := range f.Operations {
		f.Operations[i].Seconds = 0
	}
}

// text is for people.
func (f figures) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "The driver's file has %.1f MiB.\n\n%-20s %-42s %8s %8s %8s %8s\n", f.Binary, "", "MiB of memory", "in all", "its own", "at most", "CPU s/min")
	for _, m := range f.Memory {
		fmt.Fprintf(&b, "%-20s %-42s %8.1f %8.1f %8.1f %8s\n", m.Service, m.When, m.Resident, m.Own, m.Peak, m.perMinute())
	}
	fmt.Fprintf(&b, "\n%-30s %-10s %8s %8s %8s\n", "", "cloud", "reads", "writes", "seconds")
	for _, o := range f.Operations {
		fmt.Fprintf(&b, "%-30s %-10s %8d %8d %8s\n", o.Name, o.Pace, o.Reads, o.Writes, o.took())
	}
	return b.String()
}

// perMinute is empty where it was not measured.
func (m memory) perMinute() string {
	if m.CPU == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", m.CPU)
}

// took is empty where it was not measured.
func (o operation) took() string {
	if o.Seconds == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", o.Seconds)
}

// timed says whether it is known how long things took.
func (f figures) timed() bool {
	return slices.ContainsFunc(f.Operations, func(o operation) bool { return o.Seconds > 0 })
}

// markdown is for the page of the documentation: one row an operation, with the
// paces beside each other, and no columns of times where they are not known.
func (f figures) markdown() string {
	head, timed := []string{"Service", "When", "Memory, MiB", "its own", "at most"}, f.timed()
	if timed {
		head = append(head, "CPU, seconds a minute")
	}
	var rows [][]string
	for _, m := range f.Memory {
		row := []string{m.Service, m.When, mib(m.Resident), mib(m.Own), mib(m.Peak)}
		if timed {
			row = append(row, m.perMinute())
		}
		rows = append(rows, row)
	}
	return fmt.Sprintf("The file has %.1f MiB.\n\n%s\n%s", f.Binary, markdownTable(2, head, rows), f.markdownOperations(timed))
}

func mib(n float64) string { return fmt.Sprintf("%.0f", n) }

func (f figures) markdownOperations(timed bool) string {
	head := []string{"What is asked for"}
	for _, p := range paces {
		head = append(head, "Reads, writes on a cloud that is "+p.name)
		if timed {
			head = append(head, "Seconds")
		}
	}
	var rows [][]string
	for _, o := range f.Operations {
		at := slices.IndexFunc(rows, func(row []string) bool { return row[0] == o.Name })
		if at < 0 {
			at, rows = len(rows), append(rows, []string{o.Name})
		}
		rows[at] = append(rows[at], fmt.Sprintf("%d, %d", o.Reads, o.Writes))
		if timed {
			rows[at] = append(rows[at], o.took())
		}
	}
	return markdownTable(1, head, rows)
}

// markdownTable is a table whose columns are figures but for the first ones.
func markdownTable(words int, head []string, rows [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s%s\n", strings.Join(head, " | "), strings.Repeat("---|", words), strings.Repeat("---:|", len(head)-words))
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

// The marks between which a page has the tables.
const (
	tablesBegin = "<!-- figures: make bench-volumes -->\n"
	tablesEnd   = "<!-- end of figures -->\n"
)

// writeInto puts tables between the marks of a page.
func writeInto(page, tables string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), tablesBegin)
	_, after, ends := strings.Cut(rest, tablesEnd)
	if !begins || !ends {
		return errors.New(page + " has not the two marks between which the tables are")
	}
	return os.WriteFile(page, []byte(before+tablesBegin+"\n"+tables+"\n"+tablesEnd+after), 0o644)
}

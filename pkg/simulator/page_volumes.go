package simulator

import (
	"cmp"
	"fmt"
	"strconv"
)

// volumeSections is the table of volumes, with the servers that have them.
func (s *pageSnapshot) volumeSections() []pageSection {
	section := pageSection{
		ID: "volumes", Title: "Volumes", Noun: "volume", Empty: "None yet.",
		Columns: []string{"Name", "State", "Size", "Attached to"},
	}
	total := 0
	var rows []pageRow
	for _, v := range s.volumes {
		total += v.SizeGiB
		size := []part{{Text: strconv.Itoa(v.SizeGiB) + " GiB"}, {Text: v.Type, Kind: "tag"}, {Text: v.Zone, Kind: "tag"}}
		rows = append(rows, pageRow{
			Key: v.ID, Label: called(v.Name, v.ID),
			Cells: [][]part{name(called(v.Name, v.ID)), toned(v.Status, volumeTone(v.Status)), size, s.attachmentParts(v)},
		})
	}
	if total > 0 {
		section.Note = plain(fmt.Sprintf("%d GiB in all", total))
	}
	section.Rows, section.More = shown(rows)
	return []pageSection{section}
}

// attachmentParts names the servers that have a volume. One that Nova does not
// know, or that does not have it, is an orphan.
func (s *pageSnapshot) attachmentParts(v VolumeState) []part {
	if len(v.Attachments) == 0 {
		return toned("nothing", "soft")
	}
	var parts []part
	for _, a := range v.Attachments {
		server := cmp.Or(s.serverNames[a.ServerID], a.ServerID[:min(len(a.ServerID), 8)], "no server")
		parts = append(parts, part{Text: server, Kind: "name"})
		if a.Device != "" {
			parts = append(parts, part{Text: a.Device, Kind: "code"})
		}
		if !a.Nova {
			parts = append(parts, part{Text: "orphan", Tone: "bad"})
		}
	}
	return parts
}

func volumeTone(status string) string {
	switch {
	case status == cinderAvailable, status == cinderInUse:
		return "good"
	case len(status) >= len(cinderFailed) && status[:len(cinderFailed)] == cinderFailed:
		return "bad"
	}
	return "warn"
}

// revision is what volumes add to the page's revision.
func (s *cinder) revision(mark func(number int, texts ...string)) {
	s.settle()
	for _, v := range s.volumes.rows {
		mark(v.size, v.ID, v.Name, v.Status, v.kind.Name)
	}
	for _, a := range s.attachments.rows {
		mark(-1, a.ID, a.Status)
	}
	mark(-1)
}

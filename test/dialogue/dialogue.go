// Package dialogue plays scenarios that are written as dialogues, and holds them
// to what was answered. A line that begins with "> " is said; lines right after it
// that begin with "| " go with it; what follows up to a blank line is the answer;
// all else is prose. With -update the answers are written anew.
package dialogue

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/*.txt anew")

// Stage answers what is said, in one dialogue. Words are those of the line, body
// the text of its "| " lines; the answer ends with a newline, or is "".
type Stage func(t *testing.T, words []string, body string) string

// PlayAll plays testdata/*.txt, each on a fresh stage.
func PlayAll(t *testing.T, fresh func() Stage) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d scenarios: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := Play(t, fresh(), string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// Play says each line to the stage and gives the dialogue as it went.
func Play(t *testing.T, stage Stage, text string) string {
	t.Helper()
	var out, body strings.Builder
	var said []string // waits for its body
	answering := false
	answer := func() {
		if said != nil {
			out.WriteString(stage(t, said, body.String()))
		}
		said = nil
		body.Reset()
	}
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "> "); ok {
			answer()
			said, answering = strings.Fields(command), true
			out.WriteString(line)
			continue
		}
		if more, ok := strings.CutPrefix(line, "| "); ok && said != nil {
			body.WriteString(more)
			out.WriteString(line)
			continue
		}
		answer()
		// Prose and blank lines stay; an answer is written anew.
		if answering = answering && strings.TrimSpace(line) != ""; !answering {
			out.WriteString(line)
		}
	}
	answer()
	return out.String()
}

package dialogue_test

import (
	"fmt"
	"strings"
	"testing"

	"underlay/test/dialogue"
)

func TestAnswersAreWrittenAnewAndProseStays(t *testing.T) {
	n := 0
	echo := func(_ *testing.T, words []string, body string) string {
		if n++; words[0] == "quiet" {
			return ""
		}
		return fmt.Sprintf("%d %s %s\n", n, strings.Join(words, "+"), strings.ReplaceAll(body, "\n", ";"))
	}
	got := dialogue.Play(t, echo, "Prose.\n\n> quiet\n> say  two\nan old answer\nof two lines\n\nMore prose.\n> with\n| a\n| b\nold\n\nEnd.\n> last\n")
	want := "Prose.\n\n> quiet\n> say  two\n2 say+two \n\nMore prose.\n> with\n| a\n| b\n3 with a;b;\n\nEnd.\n> last\n4 last \n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

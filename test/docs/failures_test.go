package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamedTestsExist: every test that the pages name is there.
func TestNamedTestsExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "explanation", "known-failures.md"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "git", "-C", filepath.Join("..", ".."), "grep", "-h", "^func Test", "--", "*_test.go").Output()
	if err != nil {
		t.Fatalf("list the tests: %v", err)
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 15 {
		t.Fatalf("found only %d names of tests", len(named))
	}
	for _, name := range named {
		if !strings.Contains(string(out), "func "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}

package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCIRunsEveryPart: continuous integration leaves no part of the tests out, and
// nothing of what it runs is left out by name.
func TestCIRunsEveryPart(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^PARTS +:= (.+)$`).FindStringSubmatch(string(makefile))
	if match == nil {
		t.Fatal("the Makefile has no PARTS")
	}
	parts := strings.Fields(match[1])
	if len(parts) < 5 {
		t.Errorf("found only the parts %v", parts)
	}
	for _, part := range parts {
		if !regexp.MustCompile(`(?m)^section .* make test-` + part + `$`).Match(script) {
			t.Errorf(".ci/run has no section with make test-%s", part)
		}
	}
	if strings.Contains(string(script), "UNDERLAY_WITHOUT=") {
		t.Error(".ci/run leaves something out")
	}
}

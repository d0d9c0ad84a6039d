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
		if !regexp.MustCompile(`(?m)^test-` + part + `:`).Match(makefile) {
			t.Errorf("the Makefile has no test-%s", part)
		}
	}
	if !regexp.MustCompile(`(?m)^test: .*\n.* hack/parts \$\(PARTS\)$`).Match(makefile) {
		t.Error("make test does not run all of PARTS")
	}
	if !regexp.MustCompile(`(?m)^all_tests\(\) \{ .* && make test\); \}$`).Match(script) ||
		!regexp.MustCompile(`(?m)^section .* all_tests$`).Match(script) {
		t.Error(".ci/run has no section that calls make test")
	}
	if strings.Contains(string(script), "UNDERLAY_WITHOUT=") {
		t.Error(".ci/run leaves something out")
	}
}

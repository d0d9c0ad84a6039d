package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lists are the variables of the Makefile with the parts of the tests.
var lists = []string{"WORKING", "WAITING", "ALONE"}

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
	var parts []string
	for _, list := range lists {
		match := regexp.MustCompile(`(?m)^` + list + ` +:= (.+)$`).FindSubmatch(makefile)
		if match == nil {
			t.Fatalf("the Makefile has no %s", list)
		}
		parts = append(parts, strings.Fields(string(match[1]))...)
	}
	if len(parts) < 5 {
		t.Errorf("found only the parts %v", parts)
	}
	for _, part := range parts {
		if !regexp.MustCompile(`(?m)^test-` + part + `:`).Match(makefile) {
			t.Errorf("the Makefile has no test-%s", part)
		}
	}
	recipe := regexp.MustCompile(`(?m)^test: .*\n(\t.*\n)+`).Find(makefile)
	for _, list := range lists {
		if !strings.Contains(string(recipe), "$("+list+":%=test-%)") {
			t.Errorf("make test does not run all of %s:\n%s", list, recipe)
		}
	}
	if !regexp.MustCompile(`(?m)^all_tests\(\) \{ .* && make test\); \}$`).Match(script) ||
		!regexp.MustCompile(`(?m)^section .* all_tests$`).Match(script) {
		t.Error(".ci/run has no section that calls make test")
	}
	if strings.Contains(string(script), "UNDERLAY_WITHOUT=") {
		t.Error(".ci/run leaves something out")
	}
}

// fakeMake stands for make: bad fails, and slow ends when beside has begun.
const fakeMake = `#!/bin/sh
echo "this is $2"
case $2 in
bad) exit 2 ;;
beside) : >"$0.begun" ;;
slow) for i in $(seq 600); do [ -e "$0.begun" ] && exit 0; sleep 0.1; done; exit 1 ;;
esac
`

// TestPartsRunInLists: all parts run whichever fails, the second list runs beside
// the first, and the table and the exit status tell what came of each.
func TestPartsRunInLists(t *testing.T) {
	stand := filepath.Join(t.TempDir(), "make")
	if err := os.WriteFile(stand, []byte(fakeMake), 0o755); err != nil {
		t.Fatal(err)
	}
	parts := func(lists ...string) (string, error) {
		run := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "parts"), lists...)
		run.Env = append(os.Environ(), "MAKE="+stand, "UNDERLAY_WITHOUT=")
		out, err := run.CombinedOutput()
		return string(out), err
	}
	out, err := parts("slow bad", "beside other", "last")
	if err == nil {
		t.Error("a part failed, and the exit status is 0")
	}
	_, table, _ := strings.Cut(out, "=== The parts of the tests")
	want := []string{"passed slow", "FAILED bad", "passed beside", "passed other", "passed last"}
	var got []string
	for _, row := range regexp.MustCompile(`(?m)^ +[0-9:]+ +(passed|FAILED) +(.+)$`).FindAllStringSubmatch(table, -1) {
		got = append(got, row[1]+" "+row[2])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s\n%s", diff, out)
	}
	if last, of := strings.Index(out, "this is last"), strings.Index(out, "this is other"); of < 0 || last < of {
		t.Errorf("the last list did not wait for what runs beside the first:\n%s", out)
	}
	if out, err := parts("good"); err != nil {
		t.Errorf("one part that passes: %v\n%s", err, out)
	}
}

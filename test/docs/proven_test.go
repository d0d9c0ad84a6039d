package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestProvenScenariosAreAllOfThem holds the table of what is proven where to the
// tests: each name in a column is a test of that world, and each test of that
// world is in the column.
func TestProvenScenariosAreAllOfThem(t *testing.T) {
	const page = "docs/explanation/what-is-proven.md"
	content, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(content), "## Scenarios\n")
	if !found {
		t.Fatalf("%s has no scenarios", page)
	}
	table, _, _ = strings.Cut(table, "\n## ")
	worlds := []struct {
		name  string
		tests map[string]bool
	}{
		{"simulated OpenStack", union(testsIn(t, "test/e2e"), map[string]bool{
			"TestTheStoryOnTheSimulator": true, "TestTheStoryOfBalancersOnTheSimulator": true, "TestTheStoryOfSettingsOnTheSimulator": true,
			"TestTheStoryOfVolumesOnTheSimulator": true,
		})},
		{"real OpenStack", union(literals(t, "test/openstack/scenario", "Run"), scenarioNames(t))},
		{"real nodes", union(testsIn(t, "test/nodes"), literals(t, "test/nodes", "step"))},
	}
	named := make([]map[string]bool, len(worlds))
	for i := range named {
		named[i] = map[string]bool{}
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != len(worlds)+3 { // the row's name, and an empty one at each end
			continue
		}
		for i := range worlds {
			for _, code := range inlineCode.FindAllStringSubmatch(cells[i+2], -1) {
				named[i][code[1]] = true
			}
		}
	}
	for i, world := range worlds {
		if len(world.tests) < 10 {
			t.Errorf("found only %d tests of the %s", len(world.tests), world.name)
		}
		for name := range named[i] {
			if !world.tests[name] {
				t.Errorf("%s: no test of the %s is named %q", page, world.name, name)
			}
		}
		for name := range world.tests {
			if !named[i][name] {
				t.Errorf("%s: the column of the %s lacks %q", page, world.name, name)
			}
		}
	}
}

// TestNumberOfDifferences: the page counts what it lists.
func TestNumberOfDifferences(t *testing.T) {
	const page = "docs/explanation/simulator-fidelity.md"
	content, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(content), "## What was different\n")
	part, _, _ = strings.Cut(part, "\n## ")
	rows := 0
	for line := range strings.Lines(part) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| Request |") {
			rows++
		}
	}
	if want := fmt.Sprintf("**%d behaviours**", rows); !strings.Contains(part, want) {
		t.Errorf("%s does not say %q", page, want)
	}
}

func union(a, b map[string]bool) map[string]bool {
	both := map[string]bool{}
	for _, names := range []map[string]bool{a, b} {
		for name := range names {
			both[name] = true
		}
	}
	return both
}

// sources are the parsed test files of a package.
func sources(t *testing.T, dir string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no tests in %s (%v)", dir, err)
	}
	var files []*ast.File
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// testsIn are the names of a package's tests.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range sources(t, dir) {
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if ok && regexp.MustCompile(`^Test[A-Z]`).MatchString(function.Name.Name) && function.Name.Name != "TestMain" {
				names[function.Name.Name] = true
			}
		}
	}
	return names
}

// literals are the names that a package gives to its subtests: the first argument
// of calls of that method, where it is a literal.
func literals(t *testing.T, dir, method string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range sources(t, dir) {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == method {
				addText(names, call.Args[0])
			}
			return true
		})
	}
	return names
}

// scenarioNames are those of the variables scenarios and balancerScenarios.
func scenarioNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range sources(t, "test/openstack/scenario") {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || !strings.HasSuffix(strings.ToLower(spec.Names[0].Name), "scenarios") || len(spec.Values) != 1 {
				return true
			}
			for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
				addText(names, element.(*ast.CompositeLit).Elts[0])
			}
			return false
		})
	}
	return names
}

// addText adds what a string literal says.
func addText(names map[string]bool, expression ast.Expr) {
	literal, ok := expression.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	if text, err := strconv.Unquote(literal.Value); err == nil {
		names[text] = true
	}
}

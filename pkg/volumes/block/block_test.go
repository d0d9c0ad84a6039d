package block_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"underlay/pkg/volumes/block"
)

func TestAttachedTo(t *testing.T) {
	v := block.Volume{Attachments: []block.Attachment{{ID: "a1", ServerID: "s1"}, {ID: "a2", ServerID: "s2"}}}
	for server, want := range map[string]string{"s1": "a1", "s2": "a2", "s3": "", "": ""} {
		if got, found := v.AttachedTo(server); got.ID != want || found != (want != "") {
			t.Errorf("%q: got %v (%v), want %q", server, got, found, want)
		}
	}
}

// Every status that is declared is told, so that tables over all of them miss none.
func TestStatusesAreAll(t *testing.T) {
	var told []string
	for _, s := range block.Statuses() {
		told = append(told, string(s))
	}
	missing(t, "volume.go", "Status", told)
	told = nil
	for _, s := range block.SnapshotStatuses() {
		told = append(told, string(s))
	}
	missing(t, "snapshot.go", "SnapshotStatus", told)
}

// missing compares the constants of a type in a file with what is told.
func missing(t *testing.T, file, kind string, told []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		name, ok := spec.Type.(*ast.Ident)
		if !ok || name.Name != kind {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if found++; err != nil || !slices.Contains(told, text) {
			t.Errorf("%s %q is not told (%v)", kind, text, err)
		}
		return true
	})
	if found < 5 {
		t.Errorf("found only %d constants of %s", found, kind)
	}
}

package docs_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// quotedOfOthers are what the runbooks quote of Kubernetes, and who says it.
var quotedOfOthers = map[string]string{
	"volume node affinity conflict":                  "kube-scheduler",
	"exceed max volume count":                        "kube-scheduler",
	"Multi-Attach error":                             "kube-controller-manager",
	"Waiting for detach":                             "kube-controller-manager",
	"CIDRNotAvailable":                               "kube-controller-manager",
	"Failed to start service controller":             "the framework of cloud controller managers",
	"driver name cinder.csi.openstack.org not found": "kubelet",
}

// filledIn are quotes in which a part that varies has one of its values.
var filledIn = map[string]string{
	"no IPv4 next hop": "no … next hop", "no IPv6 next hop": "no … next hop",
	"The operating status of load balancer … is DEGRADED": "The operating status of load balancer … is …",
}

// TestQuotedMessagesAreSaid: who searches a runbook for what a message says finds
// it only if the runbook has it word for word. "…" stands for what varies.
func TestQuotedMessagesAreSaid(t *testing.T) {
	said := spoken(t)
	if said.has("nobody ever said this") {
		t.Fatal("what nobody says is found")
	}
	used := map[string]bool{}
	for _, name := range []string{"docs/how-to/load-balancers-do-not-work.md", "docs/how-to/routes-do-not-work.md", "docs/how-to/volumes-do-not-work.md"} {
		quotes := quoted(t, name)
		if len(quotes) < 12 {
			t.Errorf("%s: found only %d quotes", name, len(quotes))
		}
		for _, quote := range quotes {
			_, others := quotedOfOthers[quote]
			used[quote] = true
			if !others && !said.has(cmp.Or(filledIn[quote], quote)) {
				t.Errorf("%s quotes %q, which nobody says", name, quote)
			}
		}
	}
	for _, quote := range slices.Concat(slices.Collect(maps.Keys(quotedOfOthers)), slices.Collect(maps.Keys(filledIn))) {
		if !used[quote] {
			t.Errorf("no runbook quotes %q any more", quote)
		}
	}
}

// listed is a list item that tells what a message means: "- `message`: …".
var listed = regexp.MustCompile("^- `[^`]+`(, `[^`]+`)*:")

// quoted is the code in the first cells of those tables whose head says that
// something "says" it, and at the begin of list items.
func quoted(t *testing.T, name string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	var quotes []string
	head := ""
	for _, line := range parse(name, string(content)).prose {
		first := ""
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			if head == "" {
				head = cells[1]
			} else if strings.Contains(head, " says") {
				first = cells[1]
			}
		} else {
			head = ""
			first = listed.FindString(line)
		}
		for _, code := range inlineCode.FindAllStringSubmatch(first, -1) {
			quotes = append(quotes, code[1])
		}
	}
	return quotes
}

// speech is every text of the product and of the simulated services, "…" for what
// varies.
type speech []string

// has says whether one text has the parts of the quote in their order. A message
// may be put together of several, with ": " between them.
func (s speech) has(quote string) bool {
	one := func(quote string) bool {
		parts := strings.Split(quote, "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern := regexp.MustCompile(strings.Join(parts, ".*"))
		return slices.ContainsFunc(s, pattern.MatchString)
	}
	return one(quote) || !slices.ContainsFunc(strings.Split(quote, ": "), func(part string) bool { return !one(part) })
}

var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

func spoken(t *testing.T) speech {
	t.Helper()
	var all speech
	for _, folder := range []string{"pkg", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if _, ok := n.(*ast.ImportSpec); ok {
					return false
				}
				if text := verb.ReplaceAllString(textOf(n), "…"); strings.Trim(text, "…") != "" {
					all = append(all, text)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// textOf is the text of a literal, of literals and others joined with +, or the
// name of a gRPC code; "…" for what is only known at run time.
func textOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
			return text
		}
	case *ast.BinaryExpr:
		if n.Op == token.ADD {
			return textOf(n.X) + textOf(n.Y)
		}
	case *ast.SelectorExpr:
		if of, ok := n.X.(*ast.Ident); ok && of.Name == "codes" {
			return n.Sel.Name
		}
	}
	return "…"
}

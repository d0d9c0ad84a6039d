// Package docs checks what the documents promise: links lead somewhere, the
// commands that they name exist, and the examples work.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"underlay/internal/cli"
	"underlay/pkg/config"
)

// root is the top of the tree, from this package.
const root = "../.."

// page is one Markdown file: its lines outside of code blocks, and the blocks.
type page struct {
	path   string // from the top
	prose  []string
	blocks []block
}

type block struct {
	language string
	lines    []string
}

func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		all = append(all, parse(name, string(content)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 15 {
		t.Fatalf("found only %d pages", len(all))
	}
	return all
}

func parse(path, content string) page {
	p := page{path: path}
	inside := false
	for line := range strings.SplitSeq(content, "\n") {
		trimmed := strings.TrimSpace(line)
		switch fence := strings.HasPrefix(trimmed, "```"); {
		case fence && !inside:
			inside = true
			p.blocks = append(p.blocks, block{language: strings.TrimPrefix(trimmed, "```")})
		case fence:
			inside = false
		case inside:
			last := &p.blocks[len(p.blocks)-1]
			last.lines = append(last.lines, trimmed)
		default:
			p.prose = append(p.prose, line)
		}
	}
	return p
}

var (
	inlineLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	imageLink  = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	inlineCode = regexp.MustCompile("`([^`]+)`")
	mdLink     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// anchors are the ids that GitHub gives the page's headings.
func (p page) anchors() map[string]bool {
	found := map[string]bool{}
	for _, line := range p.prose {
		hashes, title, ok := strings.Cut(line, " ")
		if !ok || hashes == "" || strings.Trim(hashes, "#") != "" {
			continue
		}
		title = mdLink.ReplaceAllString(title, "$1")
		slug := strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-")
		for n, unique := 1, slug; ; n++ {
			if !found[unique] {
				found[unique] = true
				break
			}
			unique = fmt.Sprintf("%s-%d", slug, n)
		}
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	anchors := map[string]map[string]bool{}
	for _, p := range all {
		anchors[p.path] = p.anchors()
	}
	links := 0
	for _, p := range all {
		prose := inlineCode.ReplaceAllString(strings.Join(p.prose, "\n"), "")
		for _, match := range slices.Concat(inlineLink.FindAllStringSubmatch(prose, -1), imageLink.FindAllStringSubmatch(prose, -1)) {
			if strings.Contains(match[1], "://") {
				continue // the network is not asked
			}
			links++
			target, anchor, _ := strings.Cut(match[1], "#")
			at := p.path
			if target != "" {
				at = filepath.Join(filepath.Dir(p.path), target)
			}
			if _, err := os.Stat(filepath.Join(root, at)); err != nil {
				t.Errorf("%s: %s leads nowhere", p.path, match[1])
			} else if anchor != "" && !anchors[at][anchor] {
				t.Errorf("%s: %s has no heading %q", p.path, at, anchor)
			}
		}
	}
	if links < 50 {
		t.Errorf("found only %d links", links)
	}
}

// commands are all lines of code blocks and all inline code of the page.
func (p page) commands() []string {
	var found []string
	for _, b := range p.blocks {
		if b.language == "" || b.language == "sh" || b.language == "console" {
			found = append(found, b.lines...)
		}
	}
	for _, match := range inlineCode.FindAllStringSubmatch(strings.Join(p.prose, "\n"), -1) {
		found = append(found, match[1])
	}
	return found
}

var target = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)

func TestMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, match := range target.FindAllStringSubmatch(string(makefile), -1) {
		known[match[1]] = true
	}
	named := map[string]bool{}
	for _, p := range pages(t) {
		for _, command := range p.commands() {
			words := strings.Fields(command)
			for len(words) > 0 && strings.Contains(words[0], "=") {
				words = words[1:] // a variable for this one command
			}
			if len(words) < 2 || words[0] != "make" {
				continue
			}
			named[words[1]] = true
			if !known[words[1]] {
				t.Errorf("%s: `%s`: no such target", p.path, command)
			}
		}
	}
	for _, always := range []string{"demo", "test", "build", "generate", "verify"} {
		if !named[always] {
			t.Errorf("no page names make %s", always)
		}
	}
}

func TestUnderlayCommandsExist(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, command := range p.commands() {
			words := strings.Fields(command)
			if len(words) < 2 || strings.TrimPrefix(words[0], "bin/") != "underlay" {
				continue
			}
			found++
			if err := check(cli.NewRootCommand(), words[1:]); err != nil {
				t.Errorf("%s: `%s`: %v", p.path, command, err)
			}
		}
	}
	if found < 5 {
		t.Errorf("found only %d commands", found)
	}
}

// check says whether the command line would be understood.
func check(root *cobra.Command, words []string) error {
	root.InitDefaultHelpFlag()
	command, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if command == root && !strings.HasPrefix(words[0], "-") {
		return fmt.Errorf("no command %q", words[0])
	}
	command.InitDefaultHelpFlag()
	return command.ParseFlags(rest)
}

var treePath = regexp.MustCompile(`(?:^|[\s=])((?:manifests|docs|pkg|internal|cmd|hack|test)/[A-Za-z0-9_./*-]*[A-Za-z0-9_/*])`)

// TestPathsExist: what commands and prose name as a file of this tree is there.
func TestPathsExist(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, command := range p.commands() {
			for _, match := range treePath.FindAllStringSubmatch(command, -1) {
				found++
				path := strings.TrimSuffix(match[1], "/...")
				if there, err := filepath.Glob(filepath.Join(root, path)); err != nil || len(there) == 0 {
					t.Errorf("%s: %s does not exist", p.path, match[1])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d paths", found)
	}
}

// TestExamplesOfCloudConf: what is shown as a cloud.conf has no problem at all.
func TestExamplesOfCloudConf(t *testing.T) {
	examples := map[string]string{}
	for _, p := range pages(t) {
		for i, b := range p.blocks {
			text := strings.Join(b.lines, "\n")
			if b.language == "ini" && strings.Contains(text, "[Global]") {
				examples[fmt.Sprintf("%s, block %d", p.path, i)] = text
			}
		}
	}
	content, err := os.ReadFile(filepath.Join(root, "manifests/examples/cloud.conf"))
	if err != nil {
		t.Fatal(err)
	}
	examples["manifests/examples/cloud.conf"] = string(content)
	if len(examples) < 2 {
		t.Fatalf("found only %d examples", len(examples))
	}
	for name, text := range examples {
		if strings.HasPrefix(name, "docs/reference/") {
			continue // generated, and checked where it is generated
		}
		if _, report := config.Read(strings.NewReader(text), name, config.Env{}); len(report.Problems) != 0 {
			t.Errorf("%s: %v", name, report.Problems)
		}
	}
}

// TestIndexesAreWhole: every page of a folder is linked from its index.
func TestIndexesAreWhole(t *testing.T) {
	for _, index := range []string{"docs/README.md", "docs/adr/README.md", "docs/reference/README.md"} {
		content, err := os.ReadFile(filepath.Join(root, index))
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(index)
		for _, p := range pages(t) {
			within, err := filepath.Rel(folder, p.path)
			inside := err == nil && !strings.HasPrefix(within, "..") && p.path != index
			if folder == "docs" && strings.Count(within, "/") == 1 && (strings.HasPrefix(within, "adr/") || strings.HasPrefix(within, "reference/")) && filepath.Base(within) != "README.md" {
				continue // those folders have their own index
			}
			if inside && !strings.Contains(string(content), "("+within+")") {
				t.Errorf("%s does not link %s", index, within)
			}
		}
	}
}

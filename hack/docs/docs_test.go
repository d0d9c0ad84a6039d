package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
)

// TestPagesAreUpToDate holds the pages in the tree to the code.
func TestPagesAreUpToDate(t *testing.T) {
	if err := run(filepath.Join("..", ".."), true); err != nil {
		t.Error(err)
	}
}

func TestWrittenPagesPassTheCheckAndChangedOnesFail(t *testing.T) {
	root := t.TempDir()
	if err := run(root, true); err == nil {
		t.Error("the check passes although no page is there")
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Errorf("the check fails on pages just written: %v", err)
	}
	file := filepath.Join(root, "docs", "reference", "cloud-conf.md")
	if err := os.WriteFile(file, []byte("changed by hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "make generate") {
		t.Errorf("got %v for a page changed by hand, want an error that says what to run", err)
	}
}

func TestAnnotationsPageHasEveryAnnotation(t *testing.T) {
	var page bytes.Buffer
	annotationsPage(&page)
	for _, a := range spec.Annotations {
		if row := "\n| " + annotationName(a) + " | "; !strings.Contains(page.String(), row) {
			t.Errorf("the page does not have %s", a.Name)
		}
	}
}

func TestCloudConfPageHasEveryKey(t *testing.T) {
	var page bytes.Buffer
	cloudConf(&page)
	for _, section := range config.Sections() {
		_, text, found := strings.Cut(page.String(), "\n## ["+section.Name)
		if !found {
			t.Errorf("the page has no section %s", section.Name)
			continue
		}
		own, _, _ := strings.Cut(text, "\n## ")
		for i := range section.Keys {
			key := &section.Keys[i]
			if key.Retired != "" {
				own = page.String()
			}
			if !strings.Contains(own, "`"+key.Name+"`") {
				t.Errorf("the page does not have [%s] %s", section.Name, key.Name)
			}
			if key.Retired == "" && key.Meaning == "" {
				t.Errorf("[%s] %s has no meaning", section.Name, key.Name)
			}
		}
	}
}

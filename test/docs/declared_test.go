package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-base/metrics/legacyregistry"

	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/openstack"
	"underlay/pkg/routes"
)

// runbook is what somebody reads at night.
const runbook = "docs/how-to/routes-do-not-work.md"

// TestRunbookHasEveryWarning: a warning without a row leaves its reader alone.
func TestRunbookHasEveryWarning(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, runbook))
	if err != nil {
		t.Fatal(err)
	}
	warnings := map[string]bool{}
	for _, e := range instances.Events {
		warnings[e.Reason] = e.Type == v1.EventTypeWarning
	}
	for _, e := range routes.Events {
		warnings[e.Reason] = e.Type == v1.EventTypeWarning
	}
	if len(warnings) < 8 {
		t.Fatalf("found only %d events", len(warnings))
	}
	for reason, warning := range warnings {
		if warning && !strings.Contains(string(content), "`"+reason+"`") {
			t.Errorf("%s does not name the warning %s", runbook, reason)
		}
	}
	// The framework's own reasons, and kube-controller-manager's.
	for _, reason := range []string{"FailedToCreateRoute"} {
		warnings[reason] = true
	}
	for _, match := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\|").FindAllStringSubmatch(string(content), -1) {
		if _, declared := warnings[match[1]]; !declared {
			t.Errorf("%s names the event %s, which nobody sends", runbook, match[1])
		}
	}
}

// TestMetricsExist: every metric of ours that a page names is declared.
func TestMetricsExist(t *testing.T) {
	declared := map[string]bool{}
	for _, m := range instances.Metrics() {
		declared[m.Name] = true
	}
	for _, m := range slices.Concat(openstack.Metrics(), loadbalancer.Metrics()) {
		declared[m.Name] = true
	}
	routes.RegisterMetrics()
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		declared[family.GetName()] = true
	}
	named := map[string]bool{}
	for _, p := range pages(t) {
		if !strings.HasPrefix(p.path, "docs/") {
			continue
		}
		for _, command := range p.commands() {
			for _, name := range regexp.MustCompile(`\b(?:underlay|openstack_api)_[a-z_]+\b`).FindAllString(command, -1) {
				named[name] = true
				if !declared[name] {
					t.Errorf("%s: there is no metric %s", p.path, name)
				}
			}
		}
	}
	if len(named) < 10 {
		t.Errorf("found only %d metrics", len(named))
	}
}

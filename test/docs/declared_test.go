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

	"underlay/internal/signal"
	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/openstack"
	"underlay/pkg/routes"
	"underlay/pkg/volumes"
	"underlay/pkg/volumes/controller"
)

// runbooks are what somebody reads at night, with the events that each explains.
var runbooks = []struct {
	page   string
	events []signal.Event
	// others are reasons of Kubernetes itself.
	others []string
}{
	{"docs/how-to/routes-do-not-work.md", slices.Concat(instances.Events, routes.Events), []string{"FailedToCreateRoute"}},
	{"docs/how-to/load-balancers-do-not-work.md", loadbalancer.Events, nil},
	{"docs/how-to/volumes-do-not-work.md", controller.Events(), nil},
}

// TestRunbookHasEveryWarning: a warning without a row leaves its reader alone.
func TestRunbookHasEveryWarning(t *testing.T) {
	for _, book := range runbooks {
		content, err := os.ReadFile(filepath.Join(root, book.page))
		if err != nil {
			t.Fatal(err)
		}
		warnings := map[string]bool{}
		for _, e := range book.events {
			warnings[e.Reason] = e.Type == v1.EventTypeWarning
		}
		if len(warnings) < 5 {
			t.Fatalf("%s: found only %d events", book.page, len(warnings))
		}
		for reason, warning := range warnings {
			if warning && !strings.Contains(string(content), "`"+reason+"`") {
				t.Errorf("%s does not name the warning %s", book.page, reason)
			}
		}
		for _, reason := range book.others {
			warnings[reason] = true
		}
		for _, match := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\|").FindAllStringSubmatch(string(content), -1) {
			if _, declared := warnings[match[1]]; !declared {
				t.Errorf("%s names the event %s, which nobody sends", book.page, match[1])
			}
		}
	}
}

// TestMetricsExist: every metric of ours that a page names is declared.
func TestMetricsExist(t *testing.T) {
	declared := map[string]bool{}
	for _, m := range instances.Metrics() {
		declared[m.Name] = true
	}
	for _, m := range slices.Concat(openstack.Metrics(), loadbalancer.Metrics(), volumes.Metrics()) {
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
			for _, name := range regexp.MustCompile(`\b(?:underlay|openstack_api)_[a-z_]*[a-z]\b`).FindAllString(command, -1) {
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

// Package house holds the rules of the house: who may import whom. The rules
// are those of docs/explanation/architecture.md; a change of one is a decision
// and belongs in docs/adr.
package house_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// rule forbids packages to import others. Patterns are path.Match on the import
// path; "/..." at the end also matches everything below.
type rule struct {
	name         string
	from, except []string // who the rule binds, and who of them is free
	not, but     []string // what is forbidden, and what of it is allowed
	deep         bool     // also what the imports import
	breakage     string   // what goes wrong when the rule is broken
}

var rules = []rule{
	{
		name:     "only pkg/openstack and what is below it speak gophercloud",
		from:     []string{"underlay/..."},
		except:   []string{"underlay/pkg/openstack/..."},
		not:      []string{"github.com/gophercloud/..."},
		breakage: "a second place would classify errors and count calls in its own way",
	},
	{
		name:     "the connection is small",
		from:     []string{"underlay/pkg/openstack/session/...", "underlay/pkg/openstack/storage/..."},
		not:      append([]string{"k8s.io/client-go/...", "k8s.io/cloud-provider/...", "underlay/pkg/openstack", "underlay/internal/cli/..."}, features...),
		but:      []string{"underlay/pkg/volumes/block"},
		deep:     true,
		breakage: "what needs only the connection would carry the controllers and Kubernetes' clients in its memory",
	},
	{
		name:     "features know neither each other nor the cloud client",
		from:     features,
		not:      append([]string{"underlay/pkg/openstack/...", "underlay/pkg/cloudprovider/...", "underlay/pkg/simulator/...", "underlay/internal/cli/..."}, features...),
		but:      []string{"underlay/pkg/config"},
		breakage: "a feature could no longer be read, tested or replaced alone",
	},
	{
		name:     "the simulator shares no code with the cloud client",
		from:     []string{"underlay/pkg/simulator/..."},
		not:      []string{"underlay/pkg/...", "underlay/internal/...", "github.com/gophercloud/..."},
		but:      []string{"underlay/pkg/simulator/..."},
		deep:     true,
		breakage: "one misunderstanding of the API could hide in both",
	},
	{
		name:     "the product never links the simulator or the tools",
		from:     []string{"underlay/cmd/openstack-cloud-controller-manager/...", "underlay/pkg/cloudprovider/..."},
		not:      []string{"underlay/pkg/simulator/...", "underlay/internal/cli/...", "underlay/internal/kube/..."},
		deep:     true,
		breakage: "what runs in production would carry what runs in tests",
	},
	{
		name:     "the CSI driver is small",
		from:     []string{"underlay/cmd/cinder-csi-plugin/...", "underlay/internal/csi/...", "underlay/pkg/volumes/...", "underlay/pkg/openstack/storage/..."},
		not:      []string{"k8s.io/cloud-provider/...", "k8s.io/client-go/...", "k8s.io/apiserver/...", "underlay/pkg/simulator/...", "underlay/internal/cli/...", "underlay/internal/kube/..."},
		deep:     true,
		breakage: "it runs on every node, and each node would hold their memory",
	},
	{
		name:     "the small pieces know no feature",
		from:     []string{"underlay/internal/cloud/...", "underlay/internal/step/...", "underlay/internal/batch/...", "underlay/internal/poll/...", "underlay/internal/snapshot/...", "underlay/internal/lease/...", "underlay/internal/signal/..."},
		not:      []string{"underlay/pkg/...", "underlay/internal/cli/...", "underlay/internal/kube/..."},
		breakage: "they could not be shared by the next feature",
	},
	{
		name:     "commands are thin",
		from:     []string{"underlay/cmd/underlay/..."},
		not:      []string{"underlay/pkg/..."},
		breakage: "a subcommand could not be tested without its binary",
	},
}

// features are the packages that each serve one part of the cloud provider.
var features = []string{"underlay/pkg/instances/...", "underlay/pkg/routes/...", "underlay/pkg/loadbalancer/...", "underlay/pkg/volumes/..."}

type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

func TestDependenciesPointOneWay(t *testing.T) {
	packages := list(t)
	if len(packages) < 10 {
		t.Fatalf("go list found only %d packages: the rules would hold by absence", len(packages))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, p := range packages {
				for _, broken := range r.broken(p) {
					t.Errorf("%s imports %s: %s", p.ImportPath, broken, r.breakage)
				}
			}
		})
	}
}

// TestRulesCanFail shows each rule a package that breaks it.
func TestRulesCanFail(t *testing.T) {
	for from, imported := range map[string]string{
		"underlay/pkg/routes":        "github.com/gophercloud/gophercloud/v2",
		"underlay/pkg/instances":     "underlay/pkg/routes",
		"underlay/pkg/routes/plan":   "underlay/pkg/loadbalancer/tree",
		"underlay/pkg/simulator":     "underlay/internal/cloud",
		"underlay/pkg/cloudprovider": "underlay/pkg/simulator",
		"underlay/internal/batch":    "underlay/pkg/routes",
		"underlay/internal/poll":     "underlay/pkg/volumes/block",
		"underlay/cmd/underlay":      "underlay/pkg/config",
		"underlay/internal/csi":      "k8s.io/client-go/kubernetes",

		"underlay/pkg/openstack/session": "k8s.io/client-go/rest",
		"underlay/pkg/openstack/storage": "underlay/pkg/volumes/controller",
	} {
		p := goPackage{ImportPath: from, Imports: []string{imported}, Deps: []string{imported}}
		found := false
		for _, r := range rules {
			found = found || len(r.broken(p)) > 0
		}
		if !found {
			t.Errorf("no rule forbids %s to import %s", from, imported)
		}
	}
}

func (r rule) broken(p goPackage) []string {
	if !matchAny(r.from, p.ImportPath) || matchAny(r.except, p.ImportPath) {
		return nil
	}
	imports := p.Imports
	if r.deep {
		imports = p.Deps
	}
	var out []string
	for _, i := range imports {
		own := strings.HasPrefix(i, p.ImportPath+"/") || i == p.ImportPath || feature(i) != "" && feature(i) == feature(p.ImportPath)
		if !own && matchAny(r.not, i) && !matchAny(r.but, i) {
			out = append(out, i)
		}
	}
	return out
}

// feature is the pattern of the feature that a package is a part of, or "".
func feature(importPath string) string {
	for _, f := range features {
		if matchAny([]string{f}, importPath) {
			return f
		}
	}
	return ""
}

func matchAny(patterns []string, importPath string) bool {
	for _, pattern := range patterns {
		if root, deep := strings.CutSuffix(pattern, "/..."); deep && (importPath == root || strings.HasPrefix(importPath, root+"/")) {
			return true
		}
		if ok, _ := path.Match(pattern, importPath); ok {
			return true
		}
	}
	return false
}

func list(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "underlay/...")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(out); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		packages = append(packages, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	return packages
}

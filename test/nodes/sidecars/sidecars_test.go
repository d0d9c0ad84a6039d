package sidecars

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

const manifests = `
      containers:
        - image: registry.example.org/team/csi-attacher:v4
          name: csi-attacher
        - name: csi-resizer
          image: "registry.example.org/team/csi-resizer:v2"
        - name: other
          image: registry.example.org/team/not-csi-provisioner:v1
`

func TestImagesHaveTheNamesThatManifestsAskFor(t *testing.T) {
	for name, want := range map[string]string{
		"csi-attacher": "registry.example.org/team/csi-attacher:v4",
		"csi-resizer":  "registry.example.org/team/csi-resizer:v2",
	} {
		if got, err := refOf(name, []string{"", manifests}); err != nil || got != want {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, want)
		}
	}
	if got, err := refOf("csi-provisioner", []string{manifests}); err == nil {
		t.Errorf("got %q for an image that nobody asks for", got)
	}
}

func TestEveryProgramIsBuilt(t *testing.T) {
	built := map[string]bool{}
	for _, m := range modules {
		for _, pkg := range m.packages {
			built[path.Base(pkg)] = true
		}
	}
	for _, name := range Names {
		if !built[name] {
			t.Errorf("no module builds %s", name)
		}
	}
	if len(built) != len(Names) {
		t.Errorf("the modules build %v, the names are %v", built, Names)
	}
}

// TestTheManifestsNameTheVersionsThatAreBuilt: what is shown on real nodes is what
// the manifests run.
func TestTheManifestsNameTheVersionsThatAreBuilt(t *testing.T) {
	shipped, err := os.ReadFile("../../../manifests/csi/controller.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		for _, pkg := range m.packages {
			name := path.Base(pkg)
			if name == SnapshotController {
				continue // its manifest is external-snapshotter's
			}
			want := regexp.MustCompile(`(?m)^\s` + regexp.QuoteMeta(path.Dir(path.Dir(pkg))) + ` (v\S+)`).FindSubmatch(m.mod)
			if want == nil {
				t.Errorf("%s.mod does not require the module of %s", m.name, name)
				continue
			}
			ref, err := refOf(name, []string{string(shipped)})
			if got := ref[strings.LastIndex(ref, ":")+1:]; err != nil || got != string(want[1]) {
				t.Errorf("%s: the manifest asks for %s (%v), and %s is built", name, got, err, want[1])
			}
		}
	}
}

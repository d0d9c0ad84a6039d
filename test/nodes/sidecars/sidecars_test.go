package sidecars

import (
	"path"
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

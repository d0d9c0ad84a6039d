package main

import (
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ignition "github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const manifests = "../../manifests"

var nodes = []string{"control-plane", "worker"}

func file(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(manifests, "node", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// parse reads an Ignition configuration as Flatcar's first boot does.
func parse(t *testing.T, name string) types.Config {
	t.Helper()
	config, report, err := ignition.Parse(file(t, name+".ign"))
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, report.String())
	}
	if len(report.Entries) > 0 {
		t.Errorf("%s: %s", name, report.String())
	}
	return config
}

func TestTheFilesAreUpToDate(t *testing.T) {
	if err := run(manifests, true); err != nil {
		t.Error(err)
	}
}

func TestIgnitionAcceptsThem(t *testing.T) {
	for _, name := range nodes {
		if config := parse(t, name); len(config.Storage.Files) < 4 || len(config.Systemd.Units) < 3 {
			t.Errorf("%s: %d files, %d units", name, len(config.Storage.Files), len(config.Systemd.Units))
		}
	}
}

func TestCloudInitAcceptsThem(t *testing.T) {
	if _, err := exec.LookPath("cloud-init"); err != nil {
		meant := slices.Contains(strings.Split(os.Getenv("UNDERLAY_WITHOUT"), ","), "cloud-init")
		if os.Getenv("CI") == "true" && !meant {
			t.Fatal("cloud-init is missing: apt-get install cloud-init, or say UNDERLAY_WITHOUT=cloud-init")
		}
		t.Log("left out: cloud-init is missing (apt-get install cloud-init)")
		return
	}
	for _, name := range nodes {
		out, err := exec.CommandContext(t.Context(), "cloud-init", "schema", "--config-file", filepath.Join(manifests, "node", name+".cloud-config")).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Valid") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestBothFormsPutTheSameThere compares what the two forms write, path by path.
func TestBothFormsPutTheSameThere(t *testing.T) {
	for _, name := range nodes {
		want := map[string]string{}
		config := parse(t, name)
		for _, f := range config.Storage.Files {
			want[f.Path] = content(t, f)
		}
		for _, unit := range config.Systemd.Units {
			if unit.Contents != nil {
				want["/etc/systemd/system/"+unit.Name] = *unit.Contents
			}
			for _, d := range unit.Dropins {
				want["/etc/systemd/system/"+unit.Name+".d/"+d.Name] = *d.Contents
			}
		}
		var cloudConfig struct {
			WriteFiles []struct{ Path, Content, Permissions string } `json:"write_files"`
		}
		if err := yaml.Unmarshal(file(t, name+".cloud-config"), &cloudConfig); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, f := range cloudConfig.WriteFiles {
			got[f.Path] = f.Content
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Ignition +cloud-init):\n%s", name, diff)
		}
	}
}

func content(t *testing.T, f types.File) string {
	t.Helper()
	encoded, found := strings.CutPrefix(*f.Contents.Source, "data:;base64,")
	text, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil {
		t.Fatalf("%s: %s (%v)", f.Path, *f.Contents.Source, err)
	}
	return string(text)
}

// TestCredentialsAreTheControlPlanesAlone: only its nodes have cloud.conf, closed to
// all but the user that the static pod runs as.
func TestCredentialsAreTheControlPlanesAlone(t *testing.T) {
	const path, uid = "/etc/kubernetes/openstack-cloud-controller-manager/cloud.conf", 65532
	found := false
	for _, f := range parse(t, "control-plane").Storage.Files {
		if f.Path != path {
			continue
		}
		found = true
		if *f.Mode != 0o600 || *f.User.ID != uid || *f.Group.ID != uid {
			t.Errorf("cloud.conf: mode %o of %d:%d", *f.Mode, *f.User.ID, *f.Group.ID)
		}
	}
	if !found {
		t.Error("a control-plane node has no cloud.conf")
	}
	commands := string(file(t, "control-plane.cloud-config"))
	if !strings.Contains(commands, "permissions: \"0600\"") || !strings.Contains(commands, "- 65532:65532\n  - "+path) {
		t.Error("cloud-init leaves cloud.conf open or root's")
	}
	for _, name := range []string{"worker.ign", "worker.cloud-config"} {
		if strings.Contains(string(file(t, name)), "cloud.conf") || strings.Contains(string(file(t, name)), "cloud-controller-manager.yaml") {
			t.Errorf("%s has what is the control plane's", name)
		}
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "node"), 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"variant: flatcar\nversion: 1.1.0\npasswd: {}\n": "passwd",
		"variant: fcos\nversion: 1.5.0\n":                "only flatcar",
		"variant: flatcar\nversion: 1.1.0\nstorage: {files: [{path: /a, contents: {local: node/no-such}}]}\n": "no-such",
	} {
		if err := os.WriteFile(filepath.Join(dir, "node", "x.bu"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := run(dir, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error about %s", text, err, want)
		}
	}
	if err := run(t.TempDir(), false); err == nil {
		t.Error("no Butane file: no error")
	}
}

func TestAnOldFileIsNoticed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "worker.ign")
	if err := put(name, []byte("new"), true); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
	if err := put(name, []byte("old"), false); err != nil {
		t.Fatal(err)
	}
	if err := put(name, []byte("new"), true); err == nil || !strings.Contains(err.Error(), "make generate") {
		t.Errorf("got %v, want what to do", err)
	}
}

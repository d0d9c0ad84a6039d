package ociarchive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ref = "registry.example.org/underlay/web:v1"

func image(t *testing.T) Image {
	t.Helper()
	source := filepath.Join(t.TempDir(), "web")
	if err := os.WriteFile(source, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Image{
		Ref: ref, Cmd: []string{"/usr/bin/web"}, User: "65532:65532", Architecture: "arm64",
		Files: []File{{Path: "/usr/bin/web", Source: source, Mode: 0o755}, {Path: "etc/web.conf", Source: source, Mode: 0o644}},
	}
}

func write(t *testing.T, i Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := i.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// entries reads a tar archive: contents by name, and the names in order.
func entries(t *testing.T, content []byte) (map[string][]byte, []string) {
	t.Helper()
	all, names := map[string][]byte{}, []string{}
	for reader := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return all, names
		}
		if err != nil {
			t.Fatal(err)
		}
		if !header.ModTime.IsZero() && header.ModTime.Unix() != 0 {
			t.Errorf("%s has a time: %s", header.Name, header.ModTime)
		}
		body, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		all[header.Name] = body
		names = append(names, fs.FileMode(header.Mode).String()+" "+header.Name)
	}
}

func decode(t *testing.T, content []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%v: %s", err, content)
	}
}

func TestBlobsAreNamedByTheirContent(t *testing.T) {
	all, _ := entries(t, write(t, image(t)))
	found := 0
	for name, content := range all {
		if digest, isBlob := strings.CutPrefix(name, "blobs/sha256/"); isBlob {
			found++
			if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != digest {
				t.Errorf("%s has another content", name)
			}
		}
	}
	if found != 3 {
		t.Errorf("got %d blobs, want the layer, the configuration and the manifest", found)
	}
}

func TestTheLayoutLeadsToTheLayer(t *testing.T) {
	all, _ := entries(t, write(t, image(t)))
	var index struct{ Manifests []descriptor }
	decode(t, all["index.json"], &index)
	if len(index.Manifests) != 1 || index.Manifests[0].Annotations["io.containerd.image.name"] != ref {
		t.Fatalf("index: %s", all["index.json"])
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(t, all[index.Manifests[0].path()], &manifest)
	var config struct {
		Architecture, OS string
		Config           struct {
			User string
			Cmd  []string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	decode(t, all[manifest.Config.path()], &config)
	if config.Architecture != "arm64" || config.OS != "linux" || config.Config.User != "65532:65532" {
		t.Errorf("configuration: %+v", config)
	}
	if diff := cmp.Diff([]string{"/usr/bin/web"}, config.Config.Cmd); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{manifest.Layers[0].Digest}, config.RootFS.DiffIDs); diff != "" {
		t.Errorf("diff ids (-want +got):\n%s", diff)
	}
	layer := all[manifest.Layers[0].path()]
	if int64(len(layer)) != manifest.Layers[0].Size {
		t.Errorf("layer: %d bytes, the manifest says %d", len(layer), manifest.Layers[0].Size)
	}
	files, names := entries(t, layer)
	want := []string{"-rwxr-xr-x etc/", "-rw-r--r-- etc/web.conf", "-rwxr-xr-x usr/", "-rwxr-xr-x usr/bin/", "-rwxr-xr-x usr/bin/web"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
	if got := string(files["usr/bin/web"]); got != "program" {
		t.Errorf("content: got %q", got)
	}
}

func TestDockerFindsTheSameImage(t *testing.T) {
	all, _ := entries(t, write(t, image(t)))
	var saved []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	decode(t, all["manifest.json"], &saved)
	if len(saved) != 1 || all[saved[0].Config] == nil || len(saved[0].Layers) != 1 || all[saved[0].Layers[0]] == nil {
		t.Fatalf("manifest.json: %s", all["manifest.json"])
	}
	if diff := cmp.Diff([]string{ref}, saved[0].RepoTags); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	first := image(t)
	second := first
	second.Files = []File{first.Files[1], first.Files[0]}
	if !bytes.Equal(write(t, first), write(t, second)) {
		t.Error("the order of the files changes the archive")
	}
}

func TestAnImageIsWrittenWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	good, bad := image(t), image(t)
	bad.Files[0].Source = filepath.Join(dir, "missing")
	name := filepath.Join(dir, "web.tar")
	if err := bad.WriteFile(name); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), ref) {
		t.Errorf("got %v, want the image and the missing file", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := good.WriteFile(name); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, write(t, good)) {
		t.Errorf("the file differs from the archive (%v)", err)
	}
	if err := good.WriteFile(filepath.Join(dir, "no", "folder")); err == nil {
		t.Error("into a folder that is not there: no error")
	}
}

// TestTheControllersImageIsThatOfTheContainerfile: two ways to one image.
func TestTheControllersImageIsThatOfTheContainerfile(t *testing.T) {
	text, err := os.ReadFile("../../manifests/image/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	i := Controller(ControllerRef, image(t).Files[0].Source, "amd64")
	for _, line := range []string{
		"USER " + i.User, `CMD ["` + strings.Join(i.Cmd, `", "`) + `"]`,
		"COPY --from=build /src/bin/openstack-cloud-controller-manager " + i.Files[0].Path,
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("the Containerfile has no line %q", line)
		}
	}
	if i.Files[0].Mode != 0o755 {
		t.Errorf("mode: got %s", i.Files[0].Mode)
	}
}

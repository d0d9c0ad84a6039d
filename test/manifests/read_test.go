// Package manifests checks what users deploy: that every file is read strictly,
// that every flag exists, that the pods are as closed as they can be, and that
// the rights are enough on a real API server.
package manifests_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"

	"underlay/internal/kube"
)

// root is the folder of the manifests, from this package.
const root = "../../manifests"

// bases are the folders that documents tell users to render or apply.
var bases = []string{"rbac", "daemonset", "static-pod", "static-pod/rbac", "csi"}

// image is what stands in the manifests until somebody writes their own.
const image = "registry.example.org/underlay/openstack-cloud-controller-manager:latest"

// strict refuses unknown and repeated fields.
var strict = json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Yaml: true, Strict: true})

// decode reads every document of a YAML stream.
func decode(t *testing.T, name string, content []byte) []runtime.Object {
	t.Helper()
	var objects []runtime.Object
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(content)))
	defer documents.Close()
	for {
		buffer := make([]byte, len(content)+1)
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		object, kind, err := strict.Decode(buffer[:n], nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if named, err := meta.Accessor(object); err != nil || named.GetName() == "" {
			t.Errorf("%s: a %s without a name: %v", name, kind.Kind, err)
		}
		objects = append(objects, object)
	}
}

// kubectl builds kubectl once, or finds it, and returns its path.
func kubectl(t *testing.T) string {
	t.Helper()
	binaries, err := kube.Build(t.Context(), kube.LogProgress(os.Stderr), kube.Kubectl)
	if err != nil {
		t.Fatal(err)
	}
	return binaries[kube.Kubectl]
}

func run(ctx context.Context, t *testing.T, name string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out, stderr.String())
	}
	return out
}

// render is what `kubectl kustomize` makes of a base.
func render(t *testing.T, base string) []runtime.Object {
	t.Helper()
	return decode(t, base, run(t.Context(), t, kubectl(t), "kustomize", filepath.Join(root, base)))
}

// pod is the one pod that a base runs.
func pod(t *testing.T, base string) v1.PodSpec {
	t.Helper()
	for _, object := range render(t, base) {
		switch o := object.(type) {
		case *appsv1.DaemonSet:
			return o.Spec.Template.Spec
		case *v1.Pod:
			return o.Spec
		}
	}
	t.Fatalf("%s runs no pod", base)
	return v1.PodSpec{}
}

// TestEveryFileIsReadStrictly: a misspelt field would be dropped in silence.
func TestEveryFileIsReadStrictly(t *testing.T) {
	kustomizations, others := 0, 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		if entry.Name() == "kustomization.yaml" {
			kustomizations++
			return nil // read by kubectl, which is strict about it, in TestEveryBaseRenders
		}
		others++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if len(decode(t, path, content)) == 0 {
			t.Errorf("%s has no object", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if kustomizations != len(bases)+1 || others < 5 { // +1: the image component
		t.Errorf("found %d kustomizations and %d other files; are all bases tested?", kustomizations, others)
	}
}

func TestEveryBaseRenders(t *testing.T) {
	for _, base := range bases {
		t.Run(base, func(t *testing.T) {
			if len(render(t, base)) == 0 {
				t.Error("nothing")
			}
		})
	}
}

// TestOnePlaceSetsTheImage: the component's image reaches every pod.
func TestOnePlaceSetsTheImage(t *testing.T) {
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	component := filepath.Join(copied, "image/kustomization.yaml")
	content, err := os.ReadFile(component)
	if err != nil {
		t.Fatal(err)
	}
	const want = "registry.test/ours:v9"
	changed := strings.NewReplacer("newName: registry.example.org/underlay/openstack-cloud-controller-manager", "newName: registry.test/ours", "newTag: latest", "newTag: v9").Replace(string(content))
	if err := os.WriteFile(component, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"daemonset", "static-pod"} {
		if before := pod(t, base); before.Containers[0].Image != image {
			t.Errorf("%s: got image %s, want %s", base, before.Containers[0].Image, image)
		}
		rendered := run(t.Context(), t, kubectl(t), "kustomize", filepath.Join(copied, base))
		if !slices.Contains(strings.Fields(string(rendered)), want) || bytes.Contains(rendered, []byte("registry.example.org")) {
			t.Errorf("%s: the image is not %s", base, want)
		}
	}
}

package sidecars

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"underlay/internal/ociarchive"
)

// Files of a folder that Build fills.
const (
	definitions = "snapshot-definitions.yaml"
	controller  = "snapshot-controller.yaml"
)

// Archive is the image of a program in a folder.
func Archive(dir, name string) string { return filepath.Join(dir, name+".tar") }

// Definitions is the file with the custom resource definitions of snapshots in a
// folder that Build filled.
func Definitions(dir string) string { return filepath.Join(dir, definitions) }

// Controller is the file that deploys the snapshot controller, in the same folder.
func Controller(dir string) string { return filepath.Join(dir, controller) }

// Build makes the images and manifests in a folder. Images get the names that the
// manifests, which are texts, ask for. It needs the network for what is not in the caches yet.
func Build(ctx context.Context, dir string, say func(string), manifests ...string) error {
	w, free, err := open(say)
	if err != nil {
		return err
	}
	defer free()
	for _, m := range modules {
		if err := w.build(ctx, m); err != nil {
			return err
		}
	}
	deploy, err := w.snapshots(ctx, dir)
	if err != nil {
		return err
	}
	for _, name := range Names {
		ref, err := refOf(name, append(manifests, deploy))
		if err != nil {
			return err
		}
		err = ociarchive.Image{
			Ref: ref, Entrypoint: []string{"/" + name}, User: "65532:65532", Architecture: runtime.GOARCH,
			Files: []ociarchive.File{{Path: "/" + name, Source: w.bin(name), Mode: 0o755}},
		}.WriteFile(Archive(dir, name))
		if err != nil {
			return err
		}
	}
	return nil
}

// refOf is the image by which manifests ask for a program.
func refOf(name string, manifests []string) (string, error) {
	asked := regexp.MustCompile(`(?m)^\s*-?\s*image:\s*["']?(\S*/` + regexp.QuoteMeta(name) + `:[^\s"']+)`)
	for _, manifest := range manifests {
		if found := asked.FindStringSubmatch(manifest); found != nil {
			return found[1], nil
		}
	}
	return "", errors.New("no manifest asks for an image of " + name)
}

// snapshots writes the manifests about snapshots, which the snapshotter's modules
// have, and returns the deployment of their controller.
func (w *workshop) snapshots(ctx context.Context, dir string) (string, error) {
	client, err := w.folder(ctx, modules[0], clientModule)
	if err != nil {
		return "", err
	}
	server, err := w.folder(ctx, modules[0], snapshotterModule)
	if err != nil {
		return "", err
	}
	crds, err := filepath.Glob(filepath.Join(client, "config", "crd", "*snapshot.storage.k8s.io_*.yaml"))
	if err != nil {
		return "", err
	}
	if _, err := join(filepath.Join(dir, definitions), crds); err != nil {
		return "", err
	}
	deploy := filepath.Join(server, "deploy", "kubernetes", "snapshot-controller")
	return join(filepath.Join(dir, controller), []string{
		filepath.Join(deploy, "rbac-snapshot-controller.yaml"), filepath.Join(deploy, "setup-snapshot-controller.yaml"),
	})
}

// join writes files as one stream of YAML.
func join(target string, files []string) (string, error) {
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read a manifest about snapshots: %w", err)
		}
		all.WriteString("---\n" + string(text) + "\n")
	}
	if all.Len() == 0 {
		return "", errors.New("the modules have no manifests about snapshots")
	}
	return all.String(), os.WriteFile(target, []byte(all.String()), 0o644)
}

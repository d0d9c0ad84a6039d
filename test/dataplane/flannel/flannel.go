package flannel

import (
	"bytes"
	"context"
	_ "embed" // the manifest
	"fmt"
	"path/filepath"
	"runtime"
	"text/template"

	"underlay/internal/ociarchive"
	"underlay/test/nodes/lab"
)

// imageRef is the image with the daemon and the plugin.
const imageRef = "underlay.test/flannel:" + Version

// The names of flannel's objects in Kubernetes, as in its own manifest.
const (
	Namespace = "kube-flannel"
	DaemonSet = "kube-flannel-ds"
)

// What flannel leaves on a node, beside its rules.
const (
	// Device is the tunnel's end.
	Device = "flannel.1"
	// Bridge is where the plugin connects the pods of a node.
	Bridge = "cni0"
	// Daemon is the name of its process.
	Daemon = "flanneld"
)

// Archive is flannel's image in a folder.
func Archive(dir string) string { return filepath.Join(dir, "flannel.tar") }

// BuildImage makes flannel's image in a folder. It needs the network for what is
// not in the caches yet.
func BuildImage(ctx context.Context, dir string, say func(string)) error {
	binary, err := daemon.binary(ctx, say)
	if err != nil {
		return err
	}
	cni, err := plugin.binary(ctx, say)
	if err != nil {
		return err
	}
	return ociarchive.Image{
		Ref: imageRef, Entrypoint: []string{"/opt/bin/flanneld"}, Architecture: runtime.GOARCH,
		Files: []ociarchive.File{
			{Path: "/opt/bin/flanneld", Source: binary, Mode: 0o755},
			{Path: "/flannel", Source: cni, Mode: 0o755},
		},
	}.WriteFile(Archive(dir))
}

//go:embed flannel.yaml
var manifest string

// Manifest is what deploys flannel on a lab's nodes. The image has nothing but
// flannel: what it calls (iptables, and cp to install itself) is the node's own.
func Manifest() ([]byte, error) {
	parsed, err := template.New("flannel").Parse(manifest)
	if err != nil {
		return nil, fmt.Errorf("read flannel's manifest: %w", err)
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, map[string]string{
		"Image": imageRef, "Network": lab.ClusterCIDR.String(), "Plugins": lab.PluginFolder(),
	})
	if err != nil {
		return nil, fmt.Errorf("write flannel's manifest: %w", err)
	}
	return text.Bytes(), nil
}

package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"underlay/internal/kube"
	"underlay/test/nodes/machine"
)

// StaticPodFile is where a control-plane node has the controller manager's manifest.
const StaticPodFile = "/etc/kubernetes/manifests/openstack-cloud-controller-manager.yaml"

// controllerFolder has what the static pod reads, owned by controllerUser.
const (
	controllerFolder = "/etc/kubernetes/openstack-cloud-controller-manager/"
	controllerUser   = 65532
)

// StaticPod grants the rights of manifests/static-pod/rbac and returns the files
// that make a machine run the controller manager, as docs/how-to/deploy.md has them.
func (l *Lab) StaticPod(ctx context.Context) ([]machine.File, error) {
	if _, err := l.Kubectl(ctx, "apply", "-k", l.manifest("static-pod/rbac")); err != nil {
		return nil, err
	}
	manifest, err := l.Kubectl(ctx, "kustomize", l.manifest("static-pod"))
	if err != nil {
		return nil, err
	}
	path, err := l.Cluster.KubeconfigFor("system:cloud-controller-manager")
	if err != nil {
		return nil, err
	}
	kubeconfig, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return []machine.File{
		{Path: StaticPodFile, Content: []byte(manifest), Mode: 0o600},
		{Path: controllerFolder + "cloud.conf", Content: []byte(l.cloudConf()), Mode: 0o400, UID: controllerUser},
		{Path: controllerFolder + "kubeconfig", Content: kubeconfig, Mode: 0o400, UID: controllerUser},
	}, nil
}

// Kubectl runs kubectl as the cluster's administrator and returns all it says.
func (l *Lab) Kubectl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, l.opts.Binaries[kube.Kubectl], append([]string{"--kubeconfig", l.Cluster.Kubeconfig()}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Label waits for a node to register and labels it. A kubelet must not give itself
// the label of a control-plane node.
func (l *Lab) Label(ctx context.Context, node, label string) error {
	_, err := l.Kubectl(ctx, "wait", "--for=create", "--timeout=120s", "node/"+node)
	if err != nil {
		return err
	}
	_, err = l.Kubectl(ctx, "label", "node", node, label)
	return err
}

// Folder is where a program outside of the lab's namespaces finds its state.
func (l *Lab) Folder() string { return filepath.Join(l.opts.Dir, l.opts.Name) }

package nodes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"underlay/internal/kube"
	"underlay/test/nodes/lab"
	"underlay/test/nodes/sidecars"
)

// driverManifests deploy the CSI driver.
const driverManifests = "manifests/csi"

// storageClass is the one of the manifests that the tests use.
const storageClass = "cinder"

// driverImage is how the manifests ask for the driver.
var driverImage = regexp.MustCompile(`(?m)^\s*-?\s*image:\s*(\S*/cinder-csi-plugin:\S+)`)

// buildDriver makes the images that the manifests of the CSI driver ask for.
func buildDriver(ctx context.Context, options *lab.Options) error {
	cmd := exec.CommandContext(ctx, options.Binaries[kube.Kubectl], "kustomize", filepath.Join(options.Root, driverManifests))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("read %s: %w", driverManifests, err)
	}
	ref := driverImage.FindSubmatch(text)
	if ref == nil {
		return errors.New(driverManifests + " asks for no image of cinder-csi-plugin")
	}
	if err := lab.BuildDriver(ctx, options, string(ref[1])); err != nil {
		return err
	}
	return sidecars.Build(ctx, options.Dir, func(what string) { fmt.Fprintln(os.Stderr, what) }, string(text))
}

// driverLacks says what this computer lacks to build the image of the CSI driver and
// to make disks; nothing when it can.
func driverLacks() []string {
	var lacks []string
	for program, debian := range map[string]string{"mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs", "losetup": "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			lacks = append(lacks, fmt.Sprintf("the program %s (on Debian and Ubuntu: apt-get install %s)", program, debian))
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		lacks = append(lacks, "loop devices")
	}
	return lacks
}

// sidecarImages are the archives of all sidecars.
func sidecarImages() []string {
	var all []string
	for _, name := range sidecars.Names {
		all = append(all, sidecars.Archive(built.Dir, name))
	}
	return all
}

// deployDriver does what docs/how-to/deploy-volumes.md says: the definitions and the
// controller of snapshots, the Secret with cloud.conf, and the driver.
func (w *world) deployDriver() {
	w.t.Helper()
	conf := filepath.Join(w.t.TempDir(), "cloud.conf")
	if err := os.WriteFile(conf, []byte(w.Account.CloudConf(w.Network.RouterID)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.kubectl("apply", "--server-side", "-f", sidecars.Definitions(built.Dir))
	w.kubectl("apply", "-f", sidecars.Controller(built.Dir))
	w.kubectl("-n", "kube-system", "create", "secret", "generic", "cloud-config", "--from-file=cloud.conf="+conf)
	w.kubectl("apply", "-k", w.driverFolder(w.t))
}

// driverFolder is what to apply: the manifests as shipped. A real cloud on this computer
// answers at the loopback address, which only Pods in the node's network reach.
func (w *world) driverFolder(t *testing.T) string {
	t.Helper()
	shipped := filepath.Join(built.Root, driverManifests)
	if built.Account == nil {
		return shipped
	}
	dir := t.TempDir()
	base, err := filepath.Rel(dir, shipped)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [%s]
patches:
  - target: {kind: Deployment}
    patch: |
      - {op: add, path: /spec/template/spec/hostNetwork, value: true}
`, base)
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

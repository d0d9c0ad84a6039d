package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"underlay/internal/kube"
	"underlay/internal/ociarchive"
	"underlay/test/nodes/sidecars"
)

// driverManifests deploy the CSI driver.
const driverManifests = "csi"

// driverImage is how the manifests ask for the driver.
var driverImage = regexp.MustCompile(`(?m)^\s*-?\s*image:\s*(\S*/cinder-csi-plugin:\S+)`)

// BuildDriver makes the images that the manifests of the CSI driver ask for: its own
// and those of the sidecars. say hears what takes long.
func BuildDriver(ctx context.Context, opts *Options, say func(string)) error {
	cmd := exec.CommandContext(ctx, opts.Binaries[kube.Kubectl], "kustomize", filepath.Join(opts.Root, "manifests", driverManifests))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("read the manifests of the CSI driver: %w", err)
	}
	ref := driverImage.FindSubmatch(text)
	if ref == nil {
		return errors.New("the manifests of the CSI driver ask for no image of cinder-csi-plugin")
	}
	binary, err := compile(ctx, opts.Root, opts.Dir, "./cmd/cinder-csi-plugin")
	if err != nil {
		return err
	}
	image, err := ociarchive.Driver(ctx, string(ref[1]), binary)
	if err != nil {
		return err
	}
	opts.DriverImage = filepath.Join(opts.Dir, "driver.tar")
	if err := image.WriteFile(opts.DriverImage); err != nil {
		return err
	}
	return sidecars.Build(ctx, opts.Dir, say, string(text))
}

// SidecarImages are the archives of all sidecars, when BuildDriver has made them.
func (o Options) SidecarImages() []string {
	var all []string
	for _, name := range sidecars.Names {
		all = append(all, sidecars.Archive(o.Dir, name))
	}
	return all
}

// DriverLacks says what this computer lacks to build the image of the CSI driver and
// to make disks; nothing when it can.
func DriverLacks() []string {
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

// DeployDriver does what docs/how-to/deploy-volumes.md says: the definitions and the
// controller of snapshots, the Secret with cloud.conf, and the driver.
func (l *Lab) DeployDriver(ctx context.Context) error {
	conf := l.path("cloud.conf")
	if err := os.WriteFile(conf, []byte(l.Account.CloudConf(l.Network.RouterID)), 0o600); err != nil {
		return fmt.Errorf("write cloud.conf: %w", err)
	}
	folder, err := l.driverFolder()
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"apply", "--server-side", "-f", sidecars.Definitions(l.opts.Dir)},
		{"apply", "-f", sidecars.Controller(l.opts.Dir)},
		{"-n", "kube-system", "create", "secret", "generic", "cloud-config", "--from-file=cloud.conf=" + conf},
		{"apply", "-k", folder},
	} {
		if _, err := l.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// driverFolder is what to apply: the manifests as shipped. A real cloud on this computer
// answers at the loopback address, which only Pods in the node's network reach.
func (l *Lab) driverFolder() (string, error) {
	shipped := l.manifest(driverManifests)
	if l.opts.Account == nil {
		return shipped, nil
	}
	dir := l.path("csi")
	base, err := filepath.Rel(dir, shipped)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [%s]
patches:
  - target: {kind: Deployment}
    patch: |
      - {op: add, path: /spec/template/spec/hostNetwork, value: true}
`, base)
	return dir, errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600))
}

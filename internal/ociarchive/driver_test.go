package ociarchive

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"underlay/test/disk"
)

// TestTheDriversImageRuns unpacks the image and runs each of its programs with
// nothing else around it.
func TestTheDriversImageRuns(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	root := t.TempDir()
	binary := filepath.Join(t.TempDir(), "driver")
	if err := os.WriteFile(binary, []byte("the driver"), 0o600); err != nil {
		t.Fatal(err)
	}
	i, err := Driver(t.Context(), DriverRef, binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range i.Files {
		content, err := os.ReadFile(file.Source)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, file.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, file.Mode); err != nil {
			t.Fatal(err)
		}
	}
	// resize2fs looks into the table of mounts, which every container has.
	for name, content := range map[string][]byte{"disk": make([]byte, 8<<20), "proc/mounts": []byte("none / tmpfs rw 0 0\n")} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range []string{
		"mkfs.ext4 -q -F -m0 -E nodiscard /disk", "blkid -p -s TYPE -o value /disk", "fsck.ext4 -a /disk", "resize2fs /disk",
		"mkfs.xfs -V", "xfs_growfs -V", "mkfs.btrfs --version", "btrfs --version", "mount --version", "umount --version", "fsck --version", "blockdev --version",
	} {
		args := strings.Fields(command)
		cmd := exec.CommandContext(t.Context(), "chroot", append([]string{root}, args...)...)
		cmd.Env = []string{searchPath} // as the driver calls them
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", command, err, out)
		}
	}
}

// TestTheDriversImageIsThatOfTheContainerfile: two ways to one image.
func TestTheDriversImageIsThatOfTheContainerfile(t *testing.T) {
	text, err := os.ReadFile("../../manifests/image/Containerfile.csi")
	if err != nil {
		t.Fatal(err)
	}
	var packages []string
	for _, debian := range programs {
		packages = append(packages, debian)
	}
	slices.Sort(packages)
	for _, part := range append(slices.Compact(packages), "ca-certificates", "COPY --from=build /src/bin/cinder-csi-plugin /bin/cinder-csi-plugin\n", `CMD ["/bin/cinder-csi-plugin"]`) {
		if !strings.Contains(string(text), part) {
			t.Errorf("the Containerfile has no %q", part)
		}
	}
}

// TestWhatIsMissingIsNamed: with the package that has it.
func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Driver(t.Context(), DriverRef, "none")
	for _, debian := range programs {
		if err == nil || !strings.Contains(err.Error(), "apt-get install "+debian) {
			t.Errorf("got %v, want %s", err, debian)
		}
	}
}

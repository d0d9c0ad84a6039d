package ociarchive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// DriverRef is the name that the manifests ship with.
const DriverRef = "registry.example.org/underlay/cinder-csi-plugin:latest"

// programs are what the node service runs, with the packages of Debian that have them.
var programs = map[string]string{
	"blkid": "util-linux", "blockdev": "util-linux", "fsck": "util-linux", "mount": "mount", "umount": "mount",
	"fsck.ext2": "e2fsprogs", "fsck.ext3": "e2fsprogs", "fsck.ext4": "e2fsprogs", "resize2fs": "e2fsprogs",
	"mkfs.ext2": "e2fsprogs", "mkfs.ext3": "e2fsprogs", "mkfs.ext4": "e2fsprogs",
	"mkfs.xfs": "xfsprogs", "xfs_growfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs", "btrfs": "btrfs-progs",
}

// settings are read by these programs where they are.
var settings = []string{"/etc/mke2fs.conf"}

// Driver is the image of cinder-csi-plugin: the static binary, the programs of
// this machine that know filesystems with the libraries that they load, and the
// public certificate authorities. Its architecture is this machine's.
func Driver(ctx context.Context, ref, binary string) (Image, error) {
	files := map[string]File{}
	add := func(where, source string, mode os.FileMode) {
		files[where] = File{Path: where, Source: source, Mode: mode}
	}
	add("/bin/cinder-csi-plugin", binary, 0o755)
	var missing []error
	for name, debian := range programs {
		found, err := exec.LookPath(name)
		if err != nil {
			missing = append(missing, fmt.Errorf("%s is not found (on Debian: apt-get install %s)", name, debian))
			continue
		}
		add("/usr/sbin/"+name, found, 0o755)
		libraries, err := librariesOf(ctx, found)
		if err != nil {
			return Image{}, err
		}
		for _, library := range libraries {
			add(library, library, 0o755)
		}
	}
	if err := errors.Join(missing...); err != nil {
		return Image{}, err
	}
	for _, file := range settings {
		if _, err := os.Stat(file); err == nil {
			add(file, file, 0o644)
		}
	}
	if source, ok := certificates(); ok {
		add(authorities[0], source, 0o644)
	}
	image := Image{Ref: ref, Cmd: []string{"/bin/cinder-csi-plugin"}, Architecture: runtime.GOARCH}
	for _, file := range files {
		image.Files = append(image.Files, file)
	}
	slices.SortFunc(image.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return image, nil
}

// librariesOf are the absolute paths of what a program loads, the loader included,
// as ldd(1) tells them: none for a static one.
func librariesOf(ctx context.Context, program string) ([]string, error) {
	resolved, err := filepath.EvalSymlinks(program)
	if err != nil {
		return nil, fmt.Errorf("follow %s: %w", program, err)
	}
	out, err := exec.CommandContext(ctx, "ldd", resolved).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "not a dynamic executable") || strings.Contains(string(out), "statically linked") {
			return nil, nil
		}
		return nil, fmt.Errorf("list the libraries of %s: %w: %s", program, err, out)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "not found") {
			return nil, fmt.Errorf("a library of %s: %s", program, strings.TrimSpace(line))
		}
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "/") {
				all = append(all, word)
			}
		}
	}
	return all, nil
}

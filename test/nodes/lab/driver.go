package lab

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"underlay/internal/ociarchive"
)

// driverTools are what the CSI driver's node service calls: util-linux and e2fsprogs.
var driverTools = []string{"mount", "umount", "blkid", "fsck", "mkfs.ext4", "fsck.ext4", "resize2fs", "dumpe2fs"}

// BuildDriver makes the image of the CSI driver under the name ref: its binary, and
// this computer's tools for filesystems with the libraries that they load.
func BuildDriver(ctx context.Context, opts *Options, ref string) error {
	binary, err := compile(ctx, opts.Root, opts.Dir, "./cmd/cinder-csi-plugin")
	if err != nil {
		return err
	}
	files := []ociarchive.File{{Path: "/bin/cinder-csi-plugin", Source: binary, Mode: 0o755}}
	libraries := map[string]bool{}
	for _, name := range driverTools {
		path, err := exec.LookPath(name)
		if err != nil {
			return fmt.Errorf("make the image of the CSI driver: %w", err)
		}
		files = append(files, ociarchive.File{Path: "/usr/bin/" + name, Source: path, Mode: 0o755})
		needed, err := librariesOf(ctx, path)
		if err != nil {
			return err
		}
		for _, library := range needed {
			if !libraries[library] {
				libraries[library] = true
				files = append(files, ociarchive.File{Path: library, Source: library, Mode: 0o755})
			}
		}
	}
	opts.DriverImage = filepath.Join(opts.Dir, "driver.tar")
	return ociarchive.Image{
		Ref: ref, Cmd: []string{"/bin/cinder-csi-plugin"}, Files: files, Architecture: runtime.GOARCH,
	}.WriteFile(opts.DriverImage)
}

// librariesOf are the files that the loader loads for a program, itself included.
func librariesOf(ctx context.Context, program string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("list the libraries of %s: %w", program, err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		at := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, "/") })
		if at >= 0 {
			found = append(found, fields[at])
		}
	}
	return found, nil
}

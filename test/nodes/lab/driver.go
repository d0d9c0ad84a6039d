package lab

import (
	"context"
	"path/filepath"

	"underlay/internal/ociarchive"
)

// BuildDriver makes the image of the CSI driver under the name ref.
func BuildDriver(ctx context.Context, opts *Options, ref string) error {
	binary, err := compile(ctx, opts.Root, opts.Dir, "./cmd/cinder-csi-plugin")
	if err != nil {
		return err
	}
	image, err := ociarchive.Driver(ctx, ref, binary)
	if err != nil {
		return err
	}
	opts.DriverImage = filepath.Join(opts.Dir, "driver.tar")
	return image.WriteFile(opts.DriverImage)
}

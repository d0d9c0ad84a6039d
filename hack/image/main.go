// Command image writes the container image of openstack-cloud-controller-manager,
// or with -driver that of cinder-csi-plugin, as an archive, with neither a container
// engine nor a registry.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"

	"underlay/internal/ociarchive"
)

func main() {
	binary := flag.String("binary", "bin/openstack-cloud-controller-manager", "The static binary.")
	ref := flag.String("ref", ociarchive.ControllerRef, "The image's full name.")
	architecture := flag.String("arch", runtime.GOARCH, "The binary's architecture.")
	out := flag.String("out", "bin/openstack-cloud-controller-manager.tar", "The archive to write.")
	driver := flag.Bool("driver", false, "Write the CSI driver's image, with the programs of this machine that know filesystems. Name -binary, -ref and -out too.")
	flag.Parse()
	if err := write(*driver, *ref, *binary, *architecture, *out); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func write(driver bool, ref, binary, architecture, out string) error {
	image := ociarchive.Controller(ref, binary, architecture)
	if driver {
		if architecture != runtime.GOARCH {
			return fmt.Errorf("the driver's image has programs of this machine, which is %s and not %s", runtime.GOARCH, architecture)
		}
		var err error
		if image, err = ociarchive.Driver(context.Background(), ref, binary); err != nil {
			return fmt.Errorf("collect the driver's image: %w", err)
		}
	}
	if err := image.WriteFile(out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(os.Stdout, "%s is %s\n", out, ref)
	return err
}

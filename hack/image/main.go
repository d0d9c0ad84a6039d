// Command image writes the container image of openstack-cloud-controller-manager
// as an archive, with neither a container engine nor a registry.
package main

import (
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
	flag.Parse()
	err := ociarchive.Controller(*ref, *binary, *architecture).WriteFile(*out)
	if err == nil {
		_, err = fmt.Fprintf(os.Stdout, "%s is %s\n", *out, *ref)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

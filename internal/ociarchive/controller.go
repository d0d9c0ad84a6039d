package ociarchive

import "os"

// ControllerRef is the name that the manifests ship with.
const ControllerRef = "registry.example.org/underlay/openstack-cloud-controller-manager:latest"

// authorities are where systems keep the certificates that everybody trusts.
var authorities = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}

// Controller is the image of openstack-cloud-controller-manager, the same as
// manifests/image/Containerfile makes: the static binary, run as user 65532, and
// the public certificate authorities of this machine, if it has any.
func Controller(ref, binary, architecture string) Image {
	image := Image{
		Ref: ref, User: "65532:65532", Cmd: []string{"/bin/openstack-cloud-controller-manager"}, Architecture: architecture,
		Files: []File{{Path: "/bin/openstack-cloud-controller-manager", Source: binary, Mode: 0o755}},
	}
	if source, ok := certificates(); ok {
		image.Files = append(image.Files, File{Path: authorities[0], Source: source, Mode: 0o644})
	}
	return image
}

// certificates finds the public certificate authorities of this machine.
func certificates() (string, bool) {
	for _, file := range authorities {
		if _, err := os.Stat(file); err == nil {
			return file, true
		}
	}
	return "", false
}

package kube

import (
	_ "embed" // the build modules
	"fmt"
	"slices"
	"strings"
)

// Versions of what Build makes. The build modules pin the same ones.
const (
	KubernetesVersion = "v1.37.1"
	EtcdVersion       = "v3.7.3"
)

// ControlPlane programs, by the names that Build and Binaries use.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Kubectl           = "kubectl"
	Scheduler         = "kube-scheduler"
	Kubelet           = "kubelet"
	Proxy             = "kube-proxy"
)

// DefaultPrograms is what Build makes when nothing else is asked for: all that
// Start needs, and kubectl for the user.
var DefaultPrograms = []string{Etcd, APIServer, ControllerManager, Kubectl}

// module is a Go module that exists only to build upstream programs at pinned versions.
type module struct {
	name, version string
	// mod and sum are the content of go.mod and go.sum.
	mod, sum []byte
	// ldflags stamps the version where the programs report it.
	ldflags string
}

// program is one main package of a module.
type program struct {
	name, pkg string
	module    *module
}

var (
	//go:embed build/kubernetes.mod
	kubernetesMod []byte
	//go:embed build/kubernetes.sum
	kubernetesSum []byte
	//go:embed build/etcd.mod
	etcdMod []byte
	//go:embed build/etcd.sum
	etcdSum []byte
)

var (
	kubernetesModule = &module{
		name: "kubernetes", version: KubernetesVersion, mod: kubernetesMod, sum: kubernetesSum,
		ldflags: "-s -w " + kubernetesStamp(KubernetesVersion),
	}
	etcdModule = &module{name: "etcd", version: EtcdVersion, mod: etcdMod, sum: etcdSum, ldflags: "-s -w"}
)

var programs = []program{
	{Etcd, "go.etcd.io/etcd/server/v3", etcdModule},
	{APIServer, "k8s.io/kubernetes/cmd/kube-apiserver", kubernetesModule},
	{ControllerManager, "k8s.io/kubernetes/cmd/kube-controller-manager", kubernetesModule},
	{Kubectl, "k8s.io/kubernetes/cmd/kubectl", kubernetesModule},
	{Scheduler, "k8s.io/kubernetes/cmd/kube-scheduler", kubernetesModule},
	{Kubelet, "k8s.io/kubernetes/cmd/kubelet", kubernetesModule},
	{Proxy, "k8s.io/kubernetes/cmd/kube-proxy", kubernetesModule},
}

func lookup(names []string) ([]program, error) {
	if len(names) == 0 {
		names = DefaultPrograms
	}
	found := make([]program, 0, len(names))
	for _, name := range names {
		at := slices.IndexFunc(programs, func(p program) bool { return p.name == name })
		if at < 0 {
			return nil, fmt.Errorf("build %s: no such program", name)
		}
		found = append(found, programs[at])
	}
	return found, nil
}

// kubernetesStamp are the linker flags without which the programs call
// themselves v0.0.0-master and refuse to compare their minor versions
// (k8s.io/component-base/version/base.go).
func kubernetesStamp(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	values := []string{"gitVersion=" + version, "gitMajor=" + parts[0], "gitMinor=" + parts[1], "gitTreeState=clean"}
	var flags []string
	for _, value := range values {
		for _, pkg := range []string{"k8s.io/client-go/pkg/version", "k8s.io/component-base/version"} {
			flags = append(flags, "-X "+pkg+"."+value)
		}
	}
	return strings.Join(flags, " ")
}

// Package lab is a small data centre within one computer, for tests and for
// trying things out: an OpenStack, its tenant network with a router that forwards
// real packets, a Kubernetes control plane, and machines with real kubelets. It
// runs within namespaces of its own (Enclose), so that it touches no other network
// than the one it makes.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"

	"underlay/internal/kube"
	"underlay/test/nodes/machine"
	"underlay/test/nodes/reexec"
	"underlay/test/nodes/tenant"
)

// NodeGrace is how long a machine may be silent before its node is not ready.
const NodeGrace = 10 * time.Second

// closeTimeout is how long the end of a lab may take.
const closeTimeout = 3 * time.Minute

// Options describe a lab.
type Options struct {
	// Dir is the folder of the enclosure.
	Dir string
	// Name tells labs apart that follow each other in one enclosure: the folder in
	// Dir with a lab's state.
	Name string
	// Root is the top of the source tree: the manifests are used as they are there.
	Root string
	// Binaries are the programs of Kubernetes, see Programs.
	Binaries kube.Binaries
	// ControllerImage and ProbeImage are archives.
	ControllerImage, ProbeImage string
	// Account is in a real cloud on this computer; nil starts a simulated one.
	Account *tenant.Account
	// Relays lead to the real cloud; see OpenRealCloud.
	Relays map[string]string
	// HasOctavia says that the real cloud has Octavia.
	HasOctavia bool
	// Balancers gives the lab an outside, floating IPs, load balancers and security
	// groups that are enforced. The cloud must have Octavia.
	Balancers bool
	// Devices is where a real cloud with Cinder keeps the links to the disks of its
	// servers: SERVER/by-id/virtio-VOLUME. "" when it makes no block devices.
	Devices string
	// Disks gives machines the volumes that Nova says they have, as block devices,
	// and a metadata service. The cloud must make block devices.
	Disks bool
	// DriverImage is an archive with the CSI driver.
	DriverImage string
}

// Programs of Kubernetes that a lab needs.
var Programs = []string{
	kube.Etcd, kube.APIServer, kube.ControllerManager, kube.Scheduler, kube.Kubectl, kube.Kubelet, kube.Proxy,
}

// Lab is a running data centre.
type Lab struct {
	opts    Options
	Cluster *kube.ControlPlane
	Client  kubernetes.Interface
	// Cloud is OpenStack as the tenant sees it, and Network the tenant's network there.
	Cloud   *tenant.Client
	Account tenant.Account
	Network tenant.Network

	server      *http.Server // of the simulated cloud
	loopbackURL string       // its Keystone, from here
	router      *kube.Process
	balancing   *balancing // nil without load balancers
	disks       *disks     // nil without volumes

	mu       sync.Mutex
	machines []*Machine
}

// Start starts all but the machines. On an error nothing keeps running.
func Start(ctx context.Context, opts Options) (*Lab, error) {
	l := &Lab{opts: opts}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the lab: %w", err), l.Close(ctx))
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context) error {
	if err := os.MkdirAll(l.path("log"), 0o755); err != nil {
		return err
	}
	router, err := l.startRouter(ctx)
	if err != nil {
		return err
	}
	interior, err := l.Cloud.RouterPort(ctx, l.Network)
	if err != nil {
		return err
	}
	if err := cableRouter(ctx, router.PID(), interior); err != nil {
		return err
	}
	if err := l.startBalancing(ctx); err != nil {
		return err
	}
	if err := l.startDisks(ctx); err != nil {
		return err
	}
	return l.startCluster(ctx)
}

// startRouter opens the cloud, makes the tenant's network in it, and starts the
// router that serves it.
func (l *Lab) startRouter(ctx context.Context) (*kube.Process, error) {
	if err := l.openCloud(ctx); err != nil {
		return nil, err
	}
	var err error
	if l.Network, err = l.Cloud.MakeNetwork(ctx, "kubernetes", nodeSubnet); err != nil {
		return nil, err
	}
	spec := routerSpec{Account: l.Account, Relays: l.opts.Relays, RouterID: l.Network.RouterID, NetworkID: l.Network.ID}
	if err := l.openDoor(ctx); err != nil {
		return nil, err
	}
	if l.balancing != nil {
		spec.Outside = doorName
	}
	l.router, err = reexec.Start(ctx, reexec.Child{
		Task: routerTask, Name: "router", Dir: l.path("log"), Spec: spec,
		Namespaces: syscall.CLONE_NEWNET,
	})
	return l.router, err
}

func (l *Lab) startCluster(ctx context.Context) error {
	cluster, err := kube.Start(ctx, kube.Options{
		Dir: l.path("cluster"), Binaries: l.opts.Binaries, Address: apiAddress.Addr(), Scheduler: true, NodeGrace: NodeGrace,
	})
	if err != nil {
		return err
	}
	l.Cluster = cluster
	config, err := cluster.RESTConfig()
	if err != nil {
		return err
	}
	l.Client, err = kubernetes.NewForConfig(config)
	return err
}

// Close ends everything. It may be called again.
func (l *Lab) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	groups, err := l.nodeGroups(ctx)
	problems := []error{err}
	for _, m := range l.Machines() {
		problems = append(problems, l.Remove(ctx, m))
	}
	if l.Cluster != nil {
		problems = append(problems, l.Cluster.Stop())
		l.Cluster = nil
	}
	problems = append(problems, l.stopBalancing(ctx), l.closeGroups(ctx, groups))
	if l.router != nil {
		l.router.Kill()
		l.router = nil
		problems = append(problems, uncableRouter(ctx))
	}
	problems = append(problems, l.stopDisks(ctx))
	if l.Cloud != nil {
		problems = append(problems, l.Cloud.RemoveNetwork(ctx, l.Network))
		l.Cloud = nil
	}
	if l.server != nil {
		problems = append(problems, l.server.Close())
		l.server = nil
	}
	problems = append(problems, l.closeDisks())
	return errors.Join(problems...)
}

// Address is where the API server answers within the lab.
func (l *Lab) Address() string { return strings.TrimPrefix(l.Cluster.URL(), "https://") }

// path is a file or folder of this lab's state.
func (l *Lab) path(name string) string { return filepath.Join(l.opts.Dir, l.opts.Name, name) }

// machineTask is the task of a machine's first process.
const machineTask = machine.Task

func runMachine(ctx context.Context, spec []byte) error { return machine.Run(ctx, spec) }

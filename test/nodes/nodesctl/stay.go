package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"underlay/test/nodes/lab"
	"underlay/test/nodes/relay"
)

// labName is the folder of the lab in the enclosure.
const labName = "lab"

// assignment is what the enclosed process is told.
type assignment struct {
	Options lab.Options
	Nodes   int
	// Kubernetes and OpenStack are where the two are reached from outside.
	Kubernetes, OpenStack string
}

// The sockets by which the two are reached from outside of the namespaces.
const (
	kubernetesSocket = "kubernetes.sock"
	openStackSocket  = "openstack.sock"
)

// openRelays listens on loopback for the two, and returns the assignment that
// names the addresses.
func openRelays(ctx context.Context, options lab.Options, nodes int) (stop context.CancelFunc, message string, err error) {
	ctx, stop = context.WithCancel(ctx)
	a := assignment{Options: options, Nodes: nodes}
	a.Options.Name, a.Options.Balancers = labName, options.CanBalance()
	for socket, address := range map[string]*string{kubernetesSocket: &a.Kubernetes, openStackSocket: &a.OpenStack} {
		entrance, err := relay.Open(ctx, "tcp", "127.0.0.1:0", "unix", filepath.Join(home, socket))
		if err != nil {
			stop()
			return nil, "", err
		}
		*address = entrance.String()
	}
	text, err := json.Marshal(a)
	return stop, string(text), err
}

// stay is the enclosed process: a lab, until the context ends.
func stay(ctx context.Context, message string) (err error) {
	var a assignment
	if err := json.Unmarshal([]byte(message), &a); err != nil {
		return err
	}
	if err := lab.SettleIn(ctx, a.Options); err != nil {
		return err
	}
	began := time.Now()
	l, err := lab.Start(ctx, a.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	for socket, address := range map[string]string{kubernetesSocket: l.Address(), openStackSocket: lab.SimulatorAddress} {
		if _, err := relay.Open(ctx, "unix", filepath.Join(home, socket), "tcp", address); err != nil {
			return err
		}
	}
	if err := populate(ctx, l, a); err != nil {
		return err
	}
	kubeconfig, err := outsideKubeconfig(l, a.Kubernetes)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d real nodes after %d s.\n", a.Nodes, int(time.Since(began).Seconds())) + guide(a, l, kubeconfig)
	if err := os.WriteFile(filepath.Join(home, readyText), []byte(text), 0o644); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// guide says what can be done with a lab.
func guide(a assignment, l *lab.Lab, kubeconfig string) string {
	page := "http://" + a.OpenStack + "/"
	if a.Options.Account != nil {
		page = "none, it is at " + a.Options.Account.AuthURL
	}
	outside := "none, this cloud has no Octavia"
	if a.Options.Balancers {
		outside = "bin/nodesctl exec outside " + a.Options.Probe() + " get http://ADDRESS/"
	}
	volumes := "none, make nodes-up NODES_FLAGS=-volumes brings them"
	if a.Options.Disks {
		volumes = "StorageClass cinder; docs/how-to/run-real-nodes.md#volumes has what to try"
	}
	return fmt.Sprintf(`  export KUBECONFIG=%s
  %s get nodes -o wide
  the cloud's live page:  %s
  a shell on a node:      bin/nodesctl exec node-1 bash
  a page from outside:    %s
  volumes:                %s
  logs:                   %s/node-*/log
  end it:                 make nodes-down
`, kubeconfig, a.Options.Binaries["kubectl"], page, outside, volumes, l.Folder())
}

// populate adds the machines, the first with the controller manager, and waits
// until all of them are ready, with the CSI driver where there are disks.
func populate(ctx context.Context, l *lab.Lab, a assignment) error {
	files, err := l.StaticPod(ctx)
	if err != nil {
		return err
	}
	var images []string
	if a.Options.Disks {
		images = append(a.Options.SidecarImages(), a.Options.DriverImage)
		if err := l.DeployDriver(ctx); err != nil {
			return err
		}
	}
	wait := []string{"wait", "--for=condition=Ready", "--timeout=180s"}
	for n := 1; n <= a.Nodes; n++ {
		name := fmt.Sprintf("node-%d", n)
		if _, err := l.Add(ctx, lab.MachineSpec{Name: name, ControlPlane: n == 1, StaticPod: n == 1, Files: files, Images: images}); err != nil {
			return err
		}
		files, wait = nil, append(wait, "node/"+name)
	}
	if err := l.Label(ctx, "node-1", "node-role.kubernetes.io/control-plane="); err != nil {
		return err
	}
	for _, name := range wait[3:] { // what does not exist cannot be waited for
		if _, err := l.Kubectl(ctx, "wait", "--for=create", "--timeout=120s", name); err != nil {
			return err
		}
	}
	if _, err = l.Kubectl(ctx, wait...); err != nil || !a.Options.Disks {
		return err
	}
	return awaitDriver(ctx, l)
}

// awaitDriver waits until claims become volumes, and snapshots are taken.
func awaitDriver(ctx context.Context, l *lab.Lab) error {
	for _, rollout := range []string{"deployment/csi-cinder-controllerplugin", "daemonset/csi-cinder-nodeplugin", "deployment/snapshot-controller"} {
		if _, err := l.Kubectl(ctx, "-n", "kube-system", "rollout", "status", rollout, "--timeout=300s"); err != nil {
			return err
		}
	}
	return nil
}

// outsideKubeconfig is the administrator's, by way of the relay.
func outsideKubeconfig(l *lab.Lab, address string) (string, error) {
	config, err := clientcmd.LoadFromFile(l.Cluster.Kubeconfig())
	if err != nil {
		return "", err
	}
	for _, cluster := range config.Clusters {
		cluster.Server = "https://" + address
	}
	path := filepath.Join(home, "kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

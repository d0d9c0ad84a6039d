package main

import (
	"context"
	_ "embed" // the pods
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/nodes/lab"
)

// cluster is a lab with two nodes.
type cluster struct {
	*lab.Lab
	say          func(string)
	flannelImage string
}

// The nodes: the pod on the first one sends to the pod on the second one.
var nodes = []string{"node-1", "node-2"}

// populate adds the nodes. The controller manager runs on the first one and has
// routes for both from the start; flannel's are more exact while there are any.
func (c *cluster) populate(ctx context.Context) error {
	files, err := c.StaticPod(ctx)
	if err != nil {
		return err
	}
	for i, name := range nodes {
		spec := lab.MachineSpec{Name: name, OtherNetwork: true, Images: []string{c.flannelImage}}
		if i == 0 {
			spec.ControlPlane, spec.StaticPod, spec.Files = true, true, files
		}
		if _, err := c.Add(ctx, spec); err != nil {
			return err
		}
	}
	if err := c.Label(ctx, nodes[0], "node-role.kubernetes.io/control-plane="); err != nil {
		return err
	}
	return c.until(ctx, "the nodes have routes", func(ctx context.Context) (bool, error) {
		routes, err := c.Cloud.Routes(ctx, c.Network.RouterID)
		return len(routes) == len(nodes), err
	})
}

// patience is how long anything but a measurement may take.
const patience = 2 * time.Minute

// until waits for something. Its errors are looked at when the time is over.
func (c *cluster) until(ctx context.Context, what string, good func(ctx context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		done, err := good(ctx)
		if done && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %w", what, ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// apply applies a manifest, or deletes what it names.
func (c *cluster) apply(ctx context.Context, verb string, manifest []byte) error {
	file := filepath.Join(c.Folder(), "manifest.yaml")
	if err := os.WriteFile(file, manifest, 0o600); err != nil {
		return err
	}
	_, err := c.Kubectl(ctx, verb, "-f", file)
	return err
}

//go:embed pods.yaml
var podsManifest []byte

// pod is one end of a measurement.
type pod struct {
	name, address string
	node          *lab.Machine
	// namespace is that of its network, by the name that ip knows it by.
	namespace string
}

// startPods runs a pod on each node and returns both.
func (c *cluster) startPods(ctx context.Context) ([]pod, error) {
	if err := c.apply(ctx, "apply", podsManifest); err != nil {
		return nil, err
	}
	if _, err := c.Kubectl(ctx, "rollout", "status", "daemonset/bench", "--timeout=120s"); err != nil {
		return nil, err
	}
	list, err := c.Client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=bench"})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	found := make([]pod, len(nodes))
	for _, item := range list.Items {
		for i, name := range nodes {
			if item.Spec.NodeName == name {
				found[i] = pod{name: item.Name, address: item.Status.PodIP, node: c.machine(name)}
			}
		}
	}
	for i := range found {
		if err := found[i].findNamespace(ctx); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (c *cluster) stopPods(ctx context.Context) error {
	if err := c.apply(ctx, "delete", podsManifest); err != nil {
		return err
	}
	_, err := c.Kubectl(ctx, "wait", "--for=delete", "pod", "--selector=app=bench", "--timeout=60s")
	return err
}

func (c *cluster) machine(name string) *lab.Machine {
	for _, m := range c.Machines() {
		if m.Name == name {
			return m
		}
	}
	return nil // nodes are never removed
}

// findNamespace asks all namespaces of the node for the pod's address.
func (p *pod) findNamespace(ctx context.Context) error {
	if p.node == nil || p.address == "" {
		return fmt.Errorf("find a pod: there is not one on each of %v", nodes)
	}
	out, err := p.node.Exec(ctx, "sh", "-c", `for n in $(ip netns list | cut -d' ' -f1); do ip -n "$n" -o -4 address show dev eth0 | grep -qF " $1/" && echo "$n"; done; true`, "find", p.address)
	p.namespace = strings.TrimSpace(out)
	if err == nil && (p.namespace == "" || strings.Contains(p.namespace, "\n")) {
		err = fmt.Errorf("find the network namespace of %s on %s: got %q", p.address, p.node.Name, p.namespace)
	}
	return err
}

// ip runs ip in the pod's network namespace.
func (p *pod) ip(ctx context.Context, args ...string) (string, error) {
	return p.node.Exec(ctx, append([]string{"ip", "-n", p.namespace}, args...)...)
}

package main

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/dataplane/flannel"
)

// plane is a way for packets from pod to pod. It is installed and removed while no
// pod is there.
type plane struct {
	name            string
	daemon          string // the name of its process on each node; "" when it has none
	install, remove func(ctx context.Context, c *cluster) error
}

var planes = []plane{
	{name: "routes", install: installRoutes, remove: removeRoutes},
	{name: "flannel", daemon: flannel.Daemon, install: installFlannel, remove: removeFlannel},
}

// networks is the CNI configuration of manifests/node, with a node's pod CIDR.
const networks = `{"name": "pods", "cniVersion": "0.3.1", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
`

const networksFile = "/etc/cni/net.d/05-pods.conflist"

func installRoutes(ctx context.Context, c *cluster) error {
	for _, m := range c.Machines() {
		node, err := c.Client.CoreV1().Nodes().Get(ctx, m.Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("read the pod CIDR of %s: %w", m.Name, err)
		}
		text := fmt.Sprintf(networks, node.Spec.PodCIDR)
		if _, err := m.Exec(ctx, "sh", "-c", `printf %s "$1" > `+networksFile, "write", text); err != nil {
			return err
		}
	}
	return c.ready(ctx)
}

func removeRoutes(ctx context.Context, c *cluster) error {
	return c.everywhere(ctx, "rm "+networksFile)
}

func installFlannel(ctx context.Context, c *cluster) error {
	manifest, err := flannel.Manifest()
	if err != nil {
		return err
	}
	if err := c.apply(ctx, "apply", manifest); err != nil {
		return err
	}
	err = c.until(ctx, "flannel has a tunnel to each node", func(ctx context.Context) (bool, error) {
		err := c.everywhere(ctx, "test -e /run/flannel/subnet.env && ip route show dev "+flannel.Device+" | grep -q .")
		return err == nil, err
	})
	return errors.Join(err, c.ready(ctx))
}

// removeFlannel also takes away what flannel leaves.
func removeFlannel(ctx context.Context, c *cluster) error {
	manifest, err := flannel.Manifest()
	if err != nil {
		return err
	}
	if err := c.apply(ctx, "delete", manifest); err != nil {
		return err
	}
	return c.everywhere(ctx, `set -eu
ip link delete `+flannel.Device+`
ip link delete `+flannel.Bridge+`
for table in nat filter; do
  iptables -t $table -S | sed -n '/-j FLANNEL/s/^-A/-D/p' | xargs -r -L1 iptables -t $table
  iptables -t $table -S | sed -n 's/^-N FLANNEL/-F FLANNEL/p' | xargs -r -L1 iptables -t $table
  iptables -t $table -S | sed -n 's/^-N FLANNEL/-X FLANNEL/p' | xargs -r -L1 iptables -t $table
done
rm -rf /run/flannel /etc/cni/net.d/10-flannel.conflist`)
}

func (c *cluster) everywhere(ctx context.Context, script string) error {
	for _, m := range c.Machines() {
		if _, err := m.Exec(ctx, "sh", "-c", script); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) ready(ctx context.Context) error {
	_, err := c.Kubectl(ctx, "wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")
	return err
}

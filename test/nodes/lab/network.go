package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"underlay/test/nodes/l3agent"
	"underlay/test/nodes/tenant"
)

// The addresses of a lab. None of them leaves the lab's namespaces.
var (
	// apiAddress is where Kubernetes and OpenStack answer, outside of the tenant
	// network, as in a data centre. The router is its neighbour.
	apiAddress = netip.MustParsePrefix("10.100.0.1/30")
	uplink     = netip.MustParsePrefix("10.100.0.2/30")
	nodeSubnet = netip.MustParsePrefix("192.168.11.0/24")
	// ClusterCIDR is where pod CIDRs come from.
	ClusterCIDR = netip.MustParsePrefix("10.244.0.0/16")
)

// The interfaces of the router: towards the API, and the tenant network's bridge,
// which stands for the network of the hypervisors.
const (
	uplinkName = "uplink"
	bridgeName = "tenant"
)

// batch runs commands of ip, one a line, in the network namespace of a process; 0
// is this one's.
func batch(ctx context.Context, pid int, lines ...string) error {
	args := []string{"ip", "-batch", "-"}
	if pid != 0 {
		args = append([]string{"nsenter", "--net=/proc/" + strconv.Itoa(pid) + "/ns/net"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("set up the network: %s: %w: %s", strings.Join(lines, "; "), err, bytes.TrimSpace(out))
	}
	return nil
}

// cableRouter connects the router's namespace with the API's, and gives it the
// addresses of its port on the tenant network. From here the nodes are reached
// through the router; their pods are not.
func cableRouter(ctx context.Context, router int, interior tenant.Port) error {
	gateway, err := netip.ParseAddr(interior.FixedIPs[0].Address)
	if err != nil {
		return fmt.Errorf("set up the network: %w", err)
	}
	err = batch(ctx, 0,
		fmt.Sprintf("link add api0 type veth peer name %s netns %d", uplinkName, router),
		"addr add "+apiAddress.String()+" dev api0",
		"link set api0 up",
		"route add "+nodeSubnet.String()+" via "+uplink.Addr().String(),
	)
	if err != nil {
		return err
	}
	return batch(ctx, router,
		"addr add "+uplink.String()+" dev "+uplinkName,
		"link set "+uplinkName+" up",
		// Without an address of its own a bridge takes one of its ports', and another
		// when that machine goes: all others would lose their gateway for seconds.
		"link add "+bridgeName+" address "+interior.MAC+" type bridge",
		"addr add "+netip.PrefixFrom(gateway, nodeSubnet.Bits()).String()+" dev "+bridgeName,
		"link set "+bridgeName+" up",
	)
}

// uncableRouter takes away what cableRouter put here, if the kernel has not yet.
func uncableRouter(ctx context.Context) error {
	links, err := net.Interfaces()
	if err != nil || !slices.ContainsFunc(links, func(link net.Interface) bool { return link.Name == "api0" }) {
		return err
	}
	return batch(ctx, 0, "link del api0")
}

// plug plugs a machine into the tenant network by a port.
func plug(ctx context.Context, router, pid int, port tenant.Port, name string) error {
	tap := l3agent.TapName(port.ID)
	return batch(ctx, router,
		fmt.Sprintf("link add %s type veth peer name %s address %s netns %d", tap, name, port.MAC, pid),
		"link set "+tap+" master "+bridgeName,
		"link set "+tap+" up",
	)
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"underlay/internal/kube"
	"underlay/test/nodes/reexec"
	"underlay/test/nodes/tenant"
)

// outsideTask is that of a computer somewhere outside of the tenant network.
const outsideTask = "outside"

// The computer outside and the router's interface towards it, which stand for the
// world and the external network.
var (
	OutsideAddress = netip.MustParsePrefix("198.51.100.2/30")
	doorAddress    = netip.MustParsePrefix("198.51.100.1/30")
)

const doorName = "outside"

// balancing is what a lab with load balancers has more.
type balancing struct {
	externalID string // the external network
	groupID    string // the security group of the nodes
	outside    *kube.Process
	amphorae   *kube.Process
}

// CanBalance says whether the cloud of the lab has Octavia.
func (o Options) CanBalance() bool { return o.Account == nil || o.HasOctavia }

// Probe is the program of the pods, for use outside of them.
func (o Options) Probe() string { return filepath.Join(o.Dir, "probe") }

// openDoor gives the router its gateway, and makes the nodes' security group: they
// let each other in, and those who run the cluster.
func (l *Lab) openDoor(ctx context.Context) error {
	if !l.opts.Balancers {
		return nil
	}
	if !l.Cloud.Has(tenant.Balancing) {
		return errors.New("the cloud has no Octavia")
	}
	l.balancing = &balancing{}
	var errDoor, errGroup error
	l.balancing.externalID, errDoor = l.Cloud.OpenDoor(ctx, l.Network)
	l.balancing.groupID, errGroup = l.Cloud.MakeGroup(ctx, "kubernetes-nodes", apiAddress.Masked().String())
	return errors.Join(errDoor, errGroup)
}

// startBalancing starts the computer outside and the one who makes amphorae.
func (l *Lab) startBalancing(ctx context.Context) error {
	if l.balancing == nil {
		return nil
	}
	var err error
	l.balancing.outside, err = reexec.Start(ctx, reexec.Child{
		Task: outsideTask, Name: outsideTask, Dir: l.path(outsideTask), Spec: struct{}{}, Namespaces: syscall.CLONE_NEWNET,
	})
	if err != nil {
		return err
	}
	pid := strconv.Itoa(l.balancing.outside.PID())
	if err := os.WriteFile(filepath.Join(l.path(outsideTask), MachinePID), []byte(pid), 0o644); err != nil {
		return err
	}
	account := l.Account
	if l.opts.Account == nil { // the simulated cloud is here
		account.AuthURL = l.loopbackURL
	}
	l.balancing.amphorae, err = reexec.Start(ctx, reexec.Child{
		Task: amphoraeTask, Name: amphoraeTask, Dir: l.path("log"),
		Spec: amphoraeSpec{Account: account, Network: l.Network, RouterPID: l.router.PID(), Dir: l.path("log")},
	})
	return errors.Join(err, cableOutside(ctx, l.router.PID(), l.balancing.outside.PID()))
}

// cableOutside connects the router with the world.
func cableOutside(ctx context.Context, router, outside int) error {
	err := batch(ctx, router,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", doorName, outside),
		"addr add "+doorAddress.String()+" dev "+doorName,
		"link set "+doorName+" up",
	)
	if err != nil {
		return err
	}
	return batch(ctx, outside,
		"link set lo up",
		"addr add "+OutsideAddress.String()+" dev eth0",
		"link set eth0 up",
		"route add default via "+doorAddress.Addr().String(),
	)
}

// stay is all that the computer outside does.
func stay(ctx context.Context, _ []byte) error {
	<-ctx.Done()
	return nil
}

// Outside runs the probe's program on the computer outside.
func (l *Lab) Outside(ctx context.Context, args ...string) (string, error) {
	enter := []string{"--target", strconv.Itoa(l.balancing.outside.PID()), "--net", "--", l.opts.Probe()}
	out, err := exec.CommandContext(ctx, "nsenter", append(enter, args...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("outside: %v: %w: %s", args, err, out)
	}
	return string(out), nil
}

// joinGroup puts a server's port into the nodes' security group alone.
func (l *Lab) joinGroup(ctx context.Context, server tenant.Server) error {
	if l.balancing == nil {
		return nil
	}
	return l.Cloud.SetGroups(ctx, server.Port.ID, l.balancing.groupID)
}

// cloudConf is what the controller manager is told of the cloud.
func (l *Lab) cloudConf() string {
	conf := l.Account.CloudConf(l.Network.RouterID)
	if l.balancing != nil {
		conf += fmt.Sprintf("\n[LoadBalancer]\nmanage-security-groups=true\nfloating-network-id=%s\n", l.balancing.externalID)
	}
	return conf
}

// stopBalancing ends what startBalancing started, and removes what Services have
// left when nobody deleted them.
func (l *Lab) stopBalancing(ctx context.Context) error {
	if l.balancing == nil {
		return nil
	}
	for _, process := range []*kube.Process{l.balancing.amphorae, l.balancing.outside} {
		if process != nil {
			process.Kill()
		}
	}
	floating, err := l.Cloud.FloatingIPs(ctx, l.Network.RouterID)
	problems := []error{err}
	for _, ip := range floating {
		problems = append(problems, l.Cloud.DeleteFloatingIP(ctx, ip.ID))
	}
	return errors.Join(append(problems, l.Cloud.RemoveBalancers(ctx, l.Network.ID))...)
}

// managedPrefix begins the names of the security groups that Services have.
const managedPrefix = "lb-sg-"

// closeGroups removes the nodes' group and those of Services that nodes had.
func (l *Lab) closeGroups(ctx context.Context, ofNodes []string) error {
	if l.balancing == nil {
		return nil
	}
	groups, err := l.Cloud.Groups(ctx)
	problems := []error{err}
	for _, group := range groups {
		for _, id := range ofNodes {
			if group.ID == id && strings.HasPrefix(group.Name, managedPrefix) {
				problems = append(problems, l.Cloud.DeleteGroup(ctx, id))
			}
		}
	}
	if l.balancing.groupID != "" {
		problems = append(problems, l.Cloud.DeleteGroup(ctx, l.balancing.groupID))
	}
	l.balancing = nil
	return errors.Join(problems...)
}

// nodeGroups are the security groups that the nodes' ports have now.
func (l *Lab) nodeGroups(ctx context.Context) ([]string, error) {
	if l.balancing == nil {
		return nil, nil
	}
	ports, err := l.Cloud.Ports(ctx, l.Network.ID)
	var all []string
	for _, port := range ports {
		all = append(all, port.Groups...)
	}
	return all, err
}

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/kube"
	"underlay/test/nodes/amphora"
	"underlay/test/nodes/reexec"
	"underlay/test/nodes/tenant"
)

// amphoraeTask is that of the one who makes amphorae.
const amphoraeTask = "amphorae"

// amphoraePeriod is the time between two looks at Octavia's API, and settleTime how
// long a load balancer is read again after a change: updated_at counts seconds.
const (
	amphoraePeriod = 500 * time.Millisecond
	settleTime     = 3 * time.Second
)

// amphoraeSpec is what the one who makes amphorae is told.
type amphoraeSpec struct {
	Account   tenant.Account
	Network   tenant.Network
	RouterPID int
	// Dir takes the amphorae's files.
	Dir string
}

// amphorae does what Octavia's workers and Nova do: for each load balancer of the
// network that the API lists there is an amphora, plugged in by the port that
// Octavia made for it, and it is told what the API says. It knows nothing of
// Kubernetes.
type amphorae struct {
	amphoraeSpec
	client  *tenant.Client
	running map[string]*runningAmphora // by load balancer
}

type runningAmphora struct {
	process *kube.Process
	seen    string    // what the list said when the load balancer was read
	changed time.Time // since when it has said so
	config  string    // the file
}

func runAmphorae(ctx context.Context, text []byte) error {
	var spec amphoraeSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	client, err := loginPatiently(ctx, spec.Account)
	if err != nil {
		return err
	}
	a := &amphorae{amphoraeSpec: spec, client: client, running: map[string]*runningAmphora{}}
	for ctx.Err() == nil {
		if err := a.sync(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Sync failed")
		}
		select {
		case <-ctx.Done():
		case <-time.After(amphoraePeriod):
		}
	}
	return nil // the amphorae end with this process
}

// sync follows the API once.
func (a *amphorae) sync(ctx context.Context) error {
	listed, err := a.client.Balancers(ctx, a.Network.ID)
	if err != nil {
		return err
	}
	for id, running := range a.running {
		if !slices.ContainsFunc(listed, func(b tenant.Balancer) bool { return b.ID == id }) {
			running.process.Kill()
			delete(a.running, id)
			klog.FromContext(ctx).Info("Removed an amphora", "loadBalancer", id)
		}
	}
	var problems []error
	for _, b := range listed {
		problems = append(problems, a.follow(ctx, b))
	}
	return errors.Join(problems...)
}

// follow makes one amphora what its load balancer is. While Octavia is at work, the
// amphora goes on as it is.
func (a *amphorae) follow(ctx context.Context, b tenant.Balancer) error {
	if b.Status != "ACTIVE" {
		return nil
	}
	running, seen := a.running[b.ID], b.Updated
	if running != nil && running.seen == seen && time.Since(running.changed) > settleTime {
		return nil
	}
	if err := a.client.ReadBalancer(ctx, &b); err != nil {
		return err
	}
	if running == nil {
		var err error
		if running, err = a.start(ctx, b); err != nil {
			return err
		}
		a.running[b.ID] = running
	}
	if running.seen != seen {
		running.seen, running.changed = seen, time.Now()
	}
	return writeConfig(running.config, b)
}

// writeConfig replaces the file whole.
func writeConfig(file string, b tenant.Balancer) error {
	b.Updated = "" // it alone is no news
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// start boots an amphora and plugs it in.
func (a *amphorae) start(ctx context.Context, b tenant.Balancer) (*runningAmphora, error) {
	port, err := a.port(ctx, b)
	if err != nil {
		return nil, err
	}
	own, errOwn := netip.ParseAddr(port.FixedIPs[0].Address)
	virtual, errVirtual := netip.ParseAddr(b.Address)
	if err := errors.Join(errOwn, errVirtual); err != nil {
		return nil, fmt.Errorf("start an amphora: %w", err)
	}
	name := "amphora-" + b.ID
	made := &runningAmphora{config: filepath.Join(a.Dir, name+".balancer")}
	if err := writeConfig(made.config, b); err != nil {
		return nil, err
	}
	made.process, err = reexec.Start(ctx, reexec.Child{
		Task: amphora.Task, Name: name, Dir: a.Dir, Namespaces: syscall.CLONE_NEWNET,
		Spec: amphora.Spec{
			Config: made.config, Address: netip.PrefixFrom(own, a.Network.Subnet.Bits()), Gateway: a.Network.Gateway, Virtual: virtual,
		},
	})
	if err != nil {
		return nil, err
	}
	if err := plug(ctx, a.RouterPID, made.process.PID(), port, amphora.Interface); err != nil {
		made.process.Kill()
		return nil, err
	}
	klog.FromContext(ctx).Info("Started an amphora", "loadBalancer", b.ID, "address", own, "virtualAddress", virtual)
	return made, nil
}

// port is the amphora's: the one that may send from the virtual address and is not
// the port of that address.
func (a *amphorae) port(ctx context.Context, b tenant.Balancer) (tenant.Port, error) {
	ports, err := a.client.Ports(ctx, a.Network.ID)
	if err != nil {
		return tenant.Port{}, err
	}
	for _, port := range ports {
		virtual := slices.ContainsFunc(port.Pairs, func(pair tenant.Pair) bool { return strings.TrimSuffix(pair.Address, "/32") == b.Address })
		if virtual && port.ID != b.PortID && len(port.FixedIPs) > 0 {
			return port, nil
		}
	}
	return tenant.Port{}, fmt.Errorf("start an amphora: Octavia made no port for that of load balancer %s", b.ID)
}

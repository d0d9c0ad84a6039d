// Package playground is a whole small world on one machine: a real Kubernetes
// control plane, a simulated OpenStack over HTTP or another one, and the
// product's own binary between them, as in production. The demo shows it; the
// end-to-end tests and the scenarios on real OpenStack judge it.
package playground

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"

	"underlay/internal/kube"
	"underlay/pkg/simulator"
)

// Names in the simulated cloud.
const (
	NetworkName = "kubernetes-net"
	RouterName  = "kubernetes-router"
)

// Options describe a world.
type Options struct {
	// Dir is the state folder; made when missing, never removed here. Required.
	Dir string
	// Binaries run the control plane. Not needed with Kubeconfig.
	Binaries kube.Binaries
	// Kubeconfig names a cluster of the user's own, which takes the control
	// plane's place. It must allocate pod CIDRs from ClusterCIDRs and must have
	// no nodes: the simulated cloud knows nothing of them.
	Kubeconfig string
	// Controller is the path of openstack-cloud-controller-manager. Required.
	Controller string
	// Listen is the simulated cloud's address; default 127.0.0.1 and a free port.
	Listen string
	// Cloud is what the simulated cloud is like.
	Cloud simulator.Options
	// OpenStack is a cloud of the caller's own, which takes the simulator's place.
	OpenStack OpenStack
	// ClusterCIDRs is where pod CIDRs come from; default 10.244.0.0/16.
	ClusterCIDRs []netip.Prefix
	// Subnets are those of the nodes' network, all attached to the router;
	// default 192.168.11.0/24.
	Subnets []string
	// ExternalSubnet is where the simulated cloud has floating IPs; default 172.24.4.0/24.
	ExternalSubnet string
	// NodeGrace is how long a node may be silent; see kube.Options.
	NodeGrace time.Duration
	// Heartbeat is the time between two heartbeats of a node; see kube.NodeSpec.
	Heartbeat time.Duration
}

// Playground is a running world.
type Playground struct {
	opts Options
	// Cloud is the simulator; nil with a cloud of the caller's own, as is what
	// else is said of the simulated cloud.
	Cloud  *simulator.Cloud
	Client kubernetes.Interface
	// URL is where the simulated cloud answers; "/" is its live page.
	URL string
	// NetworkID, SubnetIDs and RouterID are in the simulated cloud.
	NetworkID string
	SubnetIDs []string
	RouterID  string

	openstack OpenStack
	cluster   *kube.ControlPlane // nil with a cluster of the user's own
	server    *http.Server       // of the simulator

	mu      sync.Mutex
	members []*Member
	foreign []Route // by hand; see AddForeignRoute
	// owners are the nodes' names by pod CIDR, of those that have left too.
	owners      map[string]string
	machines    map[string]string // names by address; see NodeAt
	controllers []*Controller
	traffic     *traffic // see Carry
}

// OpenCloud starts the simulated cloud with one network, attached to one
// router, unless there is one of the caller's own, and writes cloud.conf, and
// clouds.yaml for the simulated one, into the state folder.
// StartCluster makes the world complete. Close ends what has been started, after
// an error too.
func OpenCloud(ctx context.Context, opts Options) (*Playground, error) {
	if len(opts.ClusterCIDRs) == 0 {
		opts.ClusterCIDRs = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")}
	}
	if len(opts.Subnets) == 0 {
		opts.Subnets = []string{"192.168.11.0/24"}
	}
	if opts.ExternalSubnet == "" {
		opts.ExternalSubnet = "172.24.4.0/24"
	}
	if opts.Cloud.Name == "" {
		opts.Cloud.Name = "simulator"
	}
	if opts.Listen == "" {
		opts.Listen = "127.0.0.1:0"
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the playground: %w", err)
	}
	opts.Dir = dir
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o755); err != nil {
		return nil, fmt.Errorf("open the playground: %w", err)
	}
	p := &Playground{opts: opts, openstack: opts.OpenStack, owners: map[string]string{}, machines: map[string]string{}}
	if p.openstack == nil {
		if err := p.simulate(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.WriteCloudConf(p.CloudConf()); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	return p, nil
}

// simulate starts the simulated cloud.
func (p *Playground) simulate(ctx context.Context) error {
	p.Cloud = simulator.New(p.opts.Cloud)
	if err := p.OpenAPI(ctx, p.opts.Listen); err != nil {
		return err
	}
	cloud := simulated{p}
	cloud.build()
	p.openstack = cloud
	if err := os.WriteFile(p.CloudsYAMLPath(), []byte(p.Cloud.CloudsYAML(p.URL)), 0o600); err != nil {
		return errors.Join(fmt.Errorf("write clouds.yaml: %w", err), p.Close(ctx))
	}
	return nil
}

// OpenAPI has the cloud answer at an address, such as its old one after CloseAPI.
func (p *Playground) OpenAPI(ctx context.Context, address string) error {
	listener, err := kube.Listen(ctx, address)
	if err != nil {
		return fmt.Errorf("serve the simulated cloud: %w", err)
	}
	p.URL = "http://" + listener.Addr().String()
	server := &http.Server{Handler: p.Cloud, ReadHeaderTimeout: 10 * time.Second}
	p.server = server
	go func() { _ = server.Serve(listener) }() // it ends with CloseAPI, and with nothing else
	return nil
}

// CloseAPI makes the cloud unreachable: connections are refused and broken. It
// returns the address for OpenAPI.
func (p *Playground) CloseAPI() (address string, err error) {
	return strings.TrimPrefix(p.URL, "http://"), p.server.Close()
}

// StartCluster starts the control plane, or opens the user's own cluster.
func (p *Playground) StartCluster(ctx context.Context) error {
	if p.opts.Kubeconfig == "" {
		cluster, err := kube.Start(ctx, kube.Options{
			Dir: p.opts.Dir, Binaries: p.opts.Binaries,
			ClusterCIDRs: p.opts.ClusterCIDRs, NodeGrace: p.opts.NodeGrace,
		})
		if err != nil {
			return err
		}
		p.cluster = cluster
	}
	config, err := kube.RESTConfig(p.Kubeconfig())
	if err != nil {
		return err
	}
	if p.Client, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("make the Kubernetes client: %w", err)
	}
	if p.cluster == nil {
		return p.refuseForeignNodes(ctx)
	}
	return nil
}

// Cluster is the control plane; nil with a cluster of the user's own.
func (p *Playground) Cluster() *kube.ControlPlane { return p.cluster }

// Kubeconfig is the path of the administrator's kubeconfig.
func (p *Playground) Kubeconfig() string {
	if p.opts.Kubeconfig != "" {
		return p.opts.Kubeconfig
	}
	return p.cluster.Kubeconfig()
}

// CloudConf is the text of a good cloud.conf for this world.
func (p *Playground) CloudConf() string { return p.openstack.CloudConf() }

// CloudConfPath is where the controllers read their cloud.conf.
func (p *Playground) CloudConfPath() string { return filepath.Join(p.opts.Dir, "cloud.conf") }

// CloudsYAMLPath is a clouds.yaml for OpenStack's own client.
func (p *Playground) CloudsYAMLPath() string { return filepath.Join(p.opts.Dir, "clouds.yaml") }

// CloudName is the cloud's name in clouds.yaml.
func (p *Playground) CloudName() string { return p.opts.Cloud.Name }

// LogDir is the folder of all components' logs.
func (p *Playground) LogDir() string { return filepath.Join(p.opts.Dir, "log") }

// WriteCloudConf replaces cloud.conf at once, as a mounted Secret is replaced.
func (p *Playground) WriteCloudConf(text string) error {
	temporary := p.CloudConfPath() + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write cloud.conf: %w", err)
	}
	if err := os.Rename(temporary, p.CloudConfPath()); err != nil {
		return fmt.Errorf("write cloud.conf: %w", err)
	}
	return nil
}

// StopNodes ends the heartbeats of all nodes.
func (p *Playground) StopNodes() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, member := range p.members {
		member.Node.Stop()
	}
}

// StopCluster ends the control plane. A cluster of the user's own keeps
// running and loses the Nodes that were made here.
func (p *Playground) StopCluster(ctx context.Context) error {
	switch {
	case p.cluster != nil:
		err := p.cluster.Stop()
		p.cluster = nil
		return err
	case p.opts.Kubeconfig != "" && p.Client != nil:
		client := p.Client
		p.Client = nil
		return deleteNodes(ctx, client)
	}
	return nil
}

// Close ends everything that still runs, in order: nodes, controllers, cluster,
// cloud. It may be called at any time, and again, and does not end with the
// context.
func (p *Playground) Close(ctx context.Context) error {
	p.StopNodes()
	p.mu.Lock()
	carried := p.traffic
	p.traffic = nil
	p.mu.Unlock()
	if carried != nil {
		carried.close()
	}
	var problems []error
	for _, controller := range p.Controllers() {
		if controller.Running() {
			problems = append(problems, controller.Stop(StopGrace))
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopGrace)
	defer cancel()
	problems = append(problems, p.StopCluster(ctx))
	if p.server != nil {
		problems = append(problems, p.server.Close())
	}
	return errors.Join(problems...)
}

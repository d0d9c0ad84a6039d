package kube

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Options describe a control plane.
type Options struct {
	// Dir is the state folder: keys, etcd's data, logs, kubeconfigs. It is made
	// when missing and never removed here. Required.
	Dir string
	// Binaries has at least Etcd, APIServer and ControllerManager; with
	// Scheduler also that. Required.
	Binaries Binaries
	// Address is where the API server listens and what it tells its clients;
	// default 127.0.0.1, which real nodes elsewhere cannot reach.
	Address netip.Addr
	// Scheduler starts kube-scheduler too, for nodes that can run pods.
	Scheduler bool
	// ClusterCIDRs is where nodes get their pod CIDRs from: one prefix, or one
	// of each family. Nodes get a /24 and a /64. Default 10.244.0.0/16.
	ClusterCIDRs []netip.Prefix
	// NodeGrace is how long a node may miss its heartbeats before it counts as
	// not ready. Default: 50 s, as upstream.
	NodeGrace time.Duration
}

// ControlPlane is a running etcd, kube-apiserver, kube-controller-manager and,
// when it was asked for, kube-scheduler.
type ControlPlane struct {
	opts      Options
	ports     ports
	authority *authority
	running   map[string]*Process
}

// startAttempts covers the moment between choosing a free port and listening
// on it, in which another process may take it.
const startAttempts = 3

// Start starts a control plane and waits until it answers. On an error
// nothing keeps running.
func Start(ctx context.Context, opts Options) (*ControlPlane, error) {
	if len(opts.ClusterCIDRs) == 0 {
		opts.ClusterCIDRs = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")}
	}
	if !opts.Address.IsValid() {
		opts.Address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start the control plane: %w", err)
	}
	opts.Dir = dir
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o755); err != nil {
		return nil, fmt.Errorf("start the control plane: %w", err)
	}
	ca, err := newAuthority("underlay-ca")
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{opts: opts, authority: ca, running: map[string]*Process{}}
	if err := ca.writeKeys(c.path("pki"), opts.Address, serviceCIDRs[0].Addr().Next()); err != nil {
		return nil, fmt.Errorf("write the keys: %w", err)
	}
	for attempt := 1; ; attempt++ {
		err := c.startAll(ctx)
		if err == nil {
			return c, nil
		}
		_ = c.Stop() // the error above is the one to report
		if attempt == startAttempts || !strings.Contains(err.Error(), "address already in use") {
			return nil, fmt.Errorf("start the control plane: %w", err)
		}
	}
}

func (c *ControlPlane) startAll(ctx context.Context) (err error) {
	if c.ports, err = freePorts(ctx); err != nil {
		return err
	}
	for name, groups := range map[string][]string{
		"admin": {"system:masters"}, "system:" + ControllerManager: nil, "system:" + Scheduler: nil,
	} {
		if _, err := c.KubeconfigFor(name, groups...); err != nil {
			return err
		}
	}
	for _, name := range startOrder {
		if name == Scheduler && !c.opts.Scheduler {
			continue
		}
		if err := c.start(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Kubeconfig is the administrator's kubeconfig file.
func (c *ControlPlane) Kubeconfig() string { return c.path("admin.kubeconfig") }

// CertificateAuthority is the file with the authority that signs every user and
// the API server; kubelets ask it whom to believe.
func (c *ControlPlane) CertificateAuthority() string { return c.path("pki/ca.crt") }

// RESTConfig is the administrator's client configuration, without a
// client-side rate limit.
func (c *ControlPlane) RESTConfig() (*rest.Config, error) { return RESTConfig(c.Kubeconfig()) }

// RESTConfig reads a kubeconfig file, without a client-side rate limit.
func RESTConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1
	return config, nil
}

// KubeconfigFor writes a kubeconfig for a user, who is in groups, and returns
// its path in the state folder: the user's name with "." for ":".
func (c *ControlPlane) KubeconfigFor(user string, groups ...string) (string, error) {
	cert, key, err := c.authority.client(user, groups...)
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["underlay"] = &clientcmdapi.Cluster{Server: c.URL(), CertificateAuthorityData: c.authority.pem}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts["underlay"] = &clientcmdapi.Context{Cluster: "underlay", AuthInfo: user}
	config.CurrentContext = "underlay"
	path := c.path(strings.ReplaceAll(user, ":", ".") + ".kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return "", fmt.Errorf("write kubeconfig of %s: %w", user, err)
	}
	return path, nil
}

// Process is the component's process, by its program name; nil when it is not
// part of this control plane.
func (c *ControlPlane) Process(name string) *Process { return c.running[name] }

// Restart stops one component and starts it again on its old port with its old
// state, and waits until it answers.
func (c *ControlPlane) Restart(ctx context.Context, name string) error {
	process, known := c.running[name]
	if !known {
		return fmt.Errorf("restart %s: not a part of this control plane", name)
	}
	if err := process.Stop(stopGrace); err != nil {
		return err
	}
	return c.start(ctx, name)
}

// Stop ends all components, the API server before etcd, and returns when the
// last one has ended. The state folder stays.
func (c *ControlPlane) Stop() error {
	var problems []error
	for i := len(startOrder) - 1; i >= 0; i-- {
		if process, known := c.running[startOrder[i]]; known {
			problems = append(problems, process.Stop(stopGrace))
			delete(c.running, startOrder[i])
		}
	}
	return errors.Join(problems...)
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.opts.Dir, name) }

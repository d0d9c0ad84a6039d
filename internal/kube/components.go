package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// startOrder is also the reverse of the order in which Stop goes.
var startOrder = []string{Etcd, APIServer, ControllerManager, Scheduler}

// stopGrace is how long a component may take to end. The API server drains
// its watches first.
const stopGrace = 15 * time.Second

// readyTimeout is how long a component may take to answer; generous, because
// machines that build at the same time are slow.
const readyTimeout = 2 * time.Minute

var serviceCIDRs = []netip.Prefix{netip.MustParsePrefix("10.96.0.0/16"), netip.MustParsePrefix("fd00:10:96::/112")}

// ports are those of one control plane: the API server's on the address of the
// options, the others on loopback.
type ports struct{ etcdClient, etcdPeer, apiserver, controllerManager, scheduler int }

func freePorts(ctx context.Context) (ports, error) {
	found, err := FreePorts(ctx, 5)
	if err != nil {
		return ports{}, err
	}
	return ports{found[0], found[1], found[2], found[3], found[4]}, nil
}

// URL is where the API server answers.
func (c *ControlPlane) URL() string {
	return "https://" + net.JoinHostPort(c.opts.Address.String(), strconv.Itoa(c.ports.apiserver))
}

// Listen listens on a TCP address of this machine, which never waits.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", address)
}

// FreePorts returns TCP ports on 127.0.0.1 that nobody listens on right now.
func FreePorts(ctx context.Context, n int) ([]int, error) {
	var found []int
	for range n {
		listener, err := Listen(ctx, "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = listener.Close() }() // all are held until all are found: no port twice
		found = append(found, listener.Addr().(*net.TCPAddr).Port)
	}
	return found, nil
}

// start starts one component and waits until it answers its health check.
func (c *ControlPlane) start(ctx context.Context, name string) error {
	args, health := c.component(name)
	process, err := StartProcess(ctx, ProcessSpec{
		Name: name, Path: c.opts.Binaries[name], Args: args, LogFile: c.path("log/" + name + ".log"),
	})
	if err != nil {
		return err
	}
	c.running[name] = process
	client, err := c.healthClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return AwaitHealthy(ctx, process, client, health)
}

func (c *ControlPlane) component(name string) (args []string, health string) {
	switch name {
	case Etcd:
		return c.etcdArgs(), fmt.Sprintf("http://127.0.0.1:%d/health", c.ports.etcdClient)
	case APIServer:
		return c.apiserverArgs(), c.URL() + "/readyz"
	case Scheduler:
		return c.schedulerArgs(), fmt.Sprintf("https://127.0.0.1:%d/healthz", c.ports.scheduler)
	default:
		return c.controllerManagerArgs(), fmt.Sprintf("https://127.0.0.1:%d/healthz", c.ports.controllerManager)
	}
}

func (c *ControlPlane) etcdArgs() []string {
	client := fmt.Sprintf("http://127.0.0.1:%d", c.ports.etcdClient)
	peer := fmt.Sprintf("http://127.0.0.1:%d", c.ports.etcdPeer)
	return []string{
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=default=" + peer,
		"--unsafe-no-fsync", // the state need not survive the machine
		"--log-level=warn",
	}
}

func (c *ControlPlane) apiserverArgs() []string {
	address := c.opts.Address.String()
	reconciler := "lease"
	if c.opts.Address.IsLoopback() {
		reconciler = "none" // a loopback address is no legal endpoint
	}
	return []string{
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", c.ports.etcdClient),
		"--bind-address=" + address, "--advertise-address=" + address,
		fmt.Sprintf("--secure-port=%d", c.ports.apiserver),
		"--endpoint-reconciler-type=" + reconciler,
		"--kubelet-client-certificate=" + c.path("pki/kubelet-client.crt"), "--kubelet-client-key=" + c.path("pki/kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--tls-cert-file=" + c.path("pki/serving.crt"), "--tls-private-key-file=" + c.path("pki/serving.key"),
		"--client-ca-file=" + c.path("pki/ca.crt"),
		"--requestheader-client-ca-file=" + c.path("pki/front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged",
		// Watchers, such as a user's kubectl, must not hold up the end.
		"--shutdown-watch-termination-grace-period=1s",
		"--service-cluster-ip-range=" + c.serviceRange(),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.path("pki/sa.pub"), "--service-account-signing-key-file=" + c.path("pki/sa.key"),
	}
}

func (c *ControlPlane) controllerManagerArgs() []string {
	kubeconfig := c.path("system." + ControllerManager + ".kubeconfig")
	args := []string{
		"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.ports.controllerManager),
		"--tls-cert-file=" + c.path("pki/serving.crt"), "--tls-private-key-file=" + c.path("pki/serving.key"),
		"--cloud-provider=external", "--configure-cloud-routes=false",
		"--allocate-node-cidrs", "--cluster-cidr=" + join(c.opts.ClusterCIDRs), "--service-cluster-ip-range=" + c.serviceRange(),
		"--use-service-account-credentials", "--service-account-private-key-file=" + c.path("pki/sa.key"),
		"--root-ca-file=" + c.path("pki/ca.crt"),
		"--leader-elect=false",
	}
	if c.opts.NodeGrace > 0 {
		args = append(args, "--node-monitor-period=1s", "--node-monitor-grace-period="+c.opts.NodeGrace.String())
	}
	return args
}

func (c *ControlPlane) schedulerArgs() []string {
	kubeconfig := c.path("system." + Scheduler + ".kubeconfig")
	return []string{
		"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.ports.scheduler),
		"--tls-cert-file=" + c.path("pki/serving.crt"), "--tls-private-key-file=" + c.path("pki/serving.key"),
		"--leader-elect=false",
	}
}

// serviceRange is dual-stack exactly when the cluster is.
func (c *ControlPlane) serviceRange() string {
	return join(serviceCIDRs[:len(c.opts.ClusterCIDRs)])
}

func join(prefixes []netip.Prefix) string {
	var texts []string
	for _, prefix := range prefixes {
		texts = append(texts, prefix.String())
	}
	return strings.Join(texts, ",")
}

// healthClient authenticates as the administrator and trusts this control
// plane's authority only.
func (c *ControlPlane) healthClient() (*http.Client, error) {
	certPEM, keyPEM, err := c.authority.client("admin", "system:masters")
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("read the health client's key: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c.authority.cert)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: roots,
	}}}, nil
}

// AwaitHealthy waits until GET url answers 200. It gives up when the process
// ends, with the end of its log, or with the context.
func AwaitHealthy(ctx context.Context, process *Process, client *http.Client, url string) error {
	problem := "no answer"
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			problem = response.Status
		}
		select {
		case <-process.Done():
			return fmt.Errorf("%s ended before it was ready: exit code %d\n%s", process.Spec.Name, process.ExitCode(), process.LogTail(15))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %s: %s: %w\n%s", process.Spec.Name, url, problem, ctx.Err(), process.LogTail(15))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

package playground

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/kube"
)

// StopGrace is more than a controller takes for a clean stop.
const StopGrace = 30 * time.Second

// leaseName is where the framework elects a leader, in kube-system.
const leaseName = "cloud-controller-manager"

// Controller is one running openstack-cloud-controller-manager.
type Controller struct {
	*kube.Process
	port  int
	certs string
}

// ControllerSpec says how to run one.
type ControllerSpec struct {
	// Name is the log file's name and must be unique in the world.
	Name string
	// Kubeconfig is default the administrator's.
	Kubeconfig string
	// Args are added to, and win over, those that every controller gets.
	Args []string
	// Without names flags that it does not get, such as "cluster-cidr".
	Without []string
}

// StartController runs the binary and returns at once; AwaitLeader waits.
func (p *Playground) StartController(ctx context.Context, spec ControllerSpec) (*Controller, error) {
	ports, err := kube.FreePorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	if spec.Kubeconfig == "" {
		spec.Kubeconfig = p.Kubeconfig()
	}
	c := &Controller{port: ports[0], certs: filepath.Join(p.opts.Dir, spec.Name+"-certs")}
	args := []string{
		"--cloud-provider=openstack", "--cloud-config=" + p.CloudConfPath(),
		"--kubeconfig=" + spec.Kubeconfig, "--authentication-kubeconfig=" + spec.Kubeconfig, "--authorization-kubeconfig=" + spec.Kubeconfig,
		"--cluster-cidr=" + p.clusterCIDRs(),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.port), "--cert-dir=" + c.certs,
		fmt.Sprintf("--cloud-check-bind-address=127.0.0.1:%d", ports[1]),
	}
	args = slices.DeleteFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		return slices.Contains(spec.Without, name)
	})
	c.Process, err = kube.StartProcess(ctx, kube.ProcessSpec{
		Name: spec.Name, Path: p.opts.Controller, Args: append(args, spec.Args...),
		LogFile: filepath.Join(p.LogDir(), spec.Name+".log"),
	})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.controllers = append(p.controllers, c)
	return c, nil
}

// Controllers are all that were ever started here.
func (p *Playground) Controllers() []*Controller {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.controllers)
}

func (p *Playground) clusterCIDRs() string {
	var texts []string
	for _, cidr := range p.opts.ClusterCIDRs {
		texts = append(texts, cidr.String())
	}
	return strings.Join(texts, ",")
}

// Leader is the identity that holds the leader lease; "" when nobody does.
func (p *Playground) Leader(ctx context.Context) (string, error) {
	lease, err := p.Client.CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, leaseName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the leader lease: %w", err)
	case lease.Spec.HolderIdentity == nil:
		return "", nil
	}
	return *lease.Spec.HolderIdentity, nil
}

// AwaitLeader waits until somebody other than the given identity leads, and
// returns the leader. It gives up when the controller ends, or with the context.
func (p *Playground) AwaitLeader(ctx context.Context, c *Controller, other string) (string, error) {
	for {
		leader, err := p.Leader(ctx)
		if err == nil && leader != "" && leader != other {
			return leader, nil
		}
		select {
		case <-c.Done():
			return "", fmt.Errorf("%s ended before it led: exit code %d\n%s", c.Spec.Name, c.ExitCode(), c.LogTail(15))
		case <-ctx.Done():
			return "", errors.Join(fmt.Errorf("%s does not lead: %w\n%s", c.Spec.Name, ctx.Err(), c.LogTail(15)), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Get reads a page of the controller's own server, such as /healthz.
func (c *Controller) Get(ctx context.Context, path string) (status int, body string, err error) {
	certificate, err := os.ReadFile(filepath.Join(c.certs, "cloud-controller-manager.crt")) // self-signed, by the framework
	if err != nil {
		return 0, "", fmt.Errorf("read the certificate of %s: %w", c.Spec.Name, err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", c.port, path), nil)
	if err != nil {
		return 0, "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", c.Spec.Name, err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

package playground_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/kube"
	"underlay/internal/playground"
	"underlay/pkg/simulator"
)

// controller is built by the first test that needs it.
var controller = sync.OnceValues(func() (string, error) { return playground.FindController(context.Background()) })

func open(t *testing.T, opts playground.Options) *playground.Playground {
	t.Helper()
	var err error
	if opts.Kubeconfig == "" {
		if opts.Binaries, err = kube.Build(t.Context(), kube.LogProgress(os.Stderr)); err != nil {
			t.Fatal(err)
		}
	}
	if opts.Controller, err = controller(); err != nil {
		t.Fatal(err)
	}
	opts.Dir = t.TempDir()
	p, err := playground.OpenCloud(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func settle(t *testing.T, p *playground.Playground) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := p.Settle(ctx, nil); err != nil {
		t.Fatal(err)
	}
}

func TestAWorldWorks(t *testing.T) {
	t.Parallel()
	p := open(t, playground.Options{NodeGrace: 6 * time.Second, Heartbeat: time.Second})
	if err := p.StartCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	if leader, err := p.Leader(t.Context()); err != nil || leader != "" {
		t.Errorf("leader before the first controller: got %q (%v), want none", leader, err)
	}
	if _, err := p.Join(t.Context(), "node-1"); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	var unsettled *playground.UnsettledError
	if err := p.Settle(short, nil); !errors.As(err, &unsettled) || !strings.Contains(err.Error(), "node-1: not initialised") {
		t.Errorf("without the product: got %v, want what is wrong", err)
	}

	c, err := p.StartController(t.Context(), playground.ControllerSpec{Name: "ccm", Args: []string{"--route-reconciliation-period=2s"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := p.AwaitLeader(ctx, c, ""); err != nil {
		t.Fatal(err)
	}
	if err := p.AddForeignRoute(t.Context(), "203.0.113.0/24", "192.168.11.250"); err != nil {
		t.Fatal(err)
	}
	settle(t, p)
	if status, body, err := c.Get(t.Context(), "/healthz"); err != nil || status != http.StatusOK {
		t.Errorf("GET /healthz: got %d %q (%v)", status, body, err)
	}

	visit(t, p, "node-1")
	if err := p.Leave(t.Context(), "node-1"); err != nil {
		t.Fatal(err)
	}
	if p.Member("node-1") != nil {
		t.Error("node-1 has left and is still a member")
	}
	settle(t, p)
	if err := p.Leave(t.Context(), "node-1"); err == nil {
		t.Error("a node left twice")
	}
}

// visit fetches a page through a load balancer whose one member is a node.
func visit(t *testing.T, p *playground.Playground, name string) {
	t.Helper()
	port := p.Cloud.Port(p.Member(name).PortID)
	b := p.Cloud.AddLoadBalancer(simulator.Attributes{"name": "visit", "vip_subnet_id": port.FixedIPs[0].SubnetID})
	pool := p.Cloud.AddPool(b.ID, simulator.Attributes{"protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"})
	p.Cloud.AddMember(pool, simulator.Attributes{"address": port.FixedIPs[0].Address, "protocol_port": 30080})
	listener := p.Cloud.AddListener(b.ID, simulator.Attributes{"protocol": "TCP", "protocol_port": 80, "default_pool_id": pool})
	if door := p.Door(listener); door != "" {
		t.Errorf("before there is traffic: got the address %q", door)
	}
	p.Carry(t.Context())
	var said string
	for range 100 {
		response, err := http.Get("http://" + p.Door(listener) + "/")
		if err != nil {
			time.Sleep(100 * time.Millisecond) // it listens soon
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		said = string(body)
		break
	}
	if want := "Hello from " + name + "\n"; said != want {
		t.Errorf("through the load balancer: got %q, want %q", said, want)
	}
	p.Cloud.DeleteLoadBalancer(b.ID)
}

func TestAControllerThatEndsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	p := open(t, playground.Options{})
	if err := p.StartCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := p.StartController(t.Context(), playground.ControllerSpec{Name: "ccm", Args: []string{"--no-such-flag"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.AwaitLeader(t.Context(), c, ""); err == nil || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("got %v, want its last words", err)
	}
}

func TestTheCloudGoesAndComesBackAtItsAddress(t *testing.T) {
	t.Parallel()
	p := open(t, playground.Options{})
	get := func() (string, error) {
		response, err := http.Get(p.URL + "/identity/v3")
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	if body, err := get(); err != nil || !strings.Contains(body, `"v3`) {
		t.Errorf("Keystone: got %q (%v)", body, err)
	}
	address, err := p.CloseAPI()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(); err == nil {
		t.Error("a closed cloud answers")
	}
	if err := p.OpenAPI(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	if _, err := get(); err != nil {
		t.Errorf("after the return: %v", err)
	}
	if err := p.OpenAPI(t.Context(), address); err == nil {
		t.Error("an address that is taken: no error")
	}
}

func TestAClusterOfTheUsersOwnIsUsedOnlyWhileItHasNoNodes(t *testing.T) {
	t.Parallel()
	host := open(t, playground.Options{})
	if err := host.StartCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := open(t, playground.Options{Kubeconfig: host.Kubeconfig()})
	if err := p.StartCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Cluster() != nil {
		t.Error("a second control plane was started")
	}
	if _, err := p.Join(t.Context(), "node-1"); err != nil {
		t.Fatal(err)
	}
	p.StopNodes()
	if err := p.StopCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	nodes := host.Client.CoreV1().Nodes()
	if list, err := nodes.List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
		t.Errorf("nodes left behind: %v (%v)", list.Items, err)
	}

	if _, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "precious"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := p.StartCluster(t.Context()); err == nil || !strings.Contains(err.Error(), "precious") {
		t.Errorf("a cluster with a node: got %v, want a refusal that names it", err)
	}
}

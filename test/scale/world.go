package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"underlay/internal/kube"
	"underlay/internal/playground"
	"underlay/pkg/simulator"
)

// patience bounds every wait.
const patience = 15 * time.Minute

// world is a cluster on a cloud without limits.
type world struct {
	*playground.Playground
	settings settings
	began    time.Time
	ccm      *playground.Controller
	pages    *http.Client // of the administrator
	port     int          // of the controller's pages
	left     int          // nodes that are gone
	joined   int
}

func (w *world) say(what string) {
	fmt.Fprintf(os.Stderr, "%4ds  %s\n", int(time.Since(w.began).Seconds()), what)
}

// open starts a world with all its nodes routed.
func open(ctx context.Context, s settings, dir string) (*world, error) {
	binaries, err := kube.Build(ctx, kube.LogProgress(os.Stderr))
	if err != nil {
		return nil, err
	}
	controller, err := playground.BuildController(ctx, dir)
	if err != nil {
		return nil, err
	}
	p, err := playground.OpenCloud(ctx, playground.Options{
		Dir: dir, Binaries: binaries, Controller: controller, Heartbeat: 20 * time.Second, NodeGrace: 2 * time.Minute,
		Cloud: simulator.Options{MaxRoutes: 500}, Subnets: []string{"10.42.0.0/16"}, ExternalSubnet: "198.18.0.0/16",
	})
	if err != nil {
		return nil, err
	}
	w := &world{Playground: p, settings: s, began: time.Now()}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	return w, nil
}

func (w *world) start(ctx context.Context) error {
	for _, resource := range []string{"floatingip", "security_group", "security_group_rule", "port"} {
		w.Cloud.SetQuota("", resource, -1)
	}
	w.Cloud.SetLatency(simulator.LatencyProfile{Read: 20 * time.Millisecond, Write: 50 * time.Millisecond})
	w.Cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: w.settings.create, Update: 2 * time.Second, Delete: 5 * time.Second})
	if err := w.StartCluster(ctx); err != nil {
		return err
	}
	if err := w.administrate(); err != nil {
		return err
	}
	if err := w.lead(ctx); err != nil {
		return err
	}
	w.say(fmt.Sprintf("%d nodes join", w.settings.nodes))
	for range w.settings.nodes {
		if err := w.add(ctx); err != nil {
			return err
		}
	}
	return w.settle(ctx)
}

// administrate makes the client that may read the controller's pages.
func (w *world) administrate() error {
	config, err := kube.RESTConfig(w.Kubeconfig())
	if err != nil {
		return err
	}
	config.Insecure, config.CAFile, config.CAData = true, "", nil // its certificate is of its own making
	w.pages, err = rest.HTTPClientFor(config)
	return err
}

// lead starts the controller manager and waits until it leads.
func (w *world) lead(ctx context.Context) error {
	ports, err := kube.FreePorts(ctx, 1)
	if err != nil {
		return err
	}
	w.port = ports[0]
	w.ccm, err = w.StartController(ctx, playground.ControllerSpec{
		Name: fmt.Sprintf("ccm-%d", len(w.Controllers())+1), Args: []string{fmt.Sprintf("--secure-port=%d", w.port)},
	})
	if err != nil {
		return err
	}
	_, err = w.AwaitLeader(ctx, w.ccm, "")
	return err
}

func (w *world) add(ctx context.Context) error {
	w.joined++
	_, err := w.Join(ctx, fmt.Sprintf("node-%d", w.joined))
	return err
}

func (w *world) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return w.Settle(ctx, nil)
}

// until polls a condition twice a second.
func until(ctx context.Context, what string, good func(ctx context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		done, err := good(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// serveAll makes all Services at once, and waits until all have an address.
func (w *world) serveAll(ctx context.Context) error {
	services := w.Client.CoreV1().Services(metav1.NamespaceDefault)
	for i := range w.settings.services {
		s := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("web-%03d", i)},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "web"}},
		}
		for p := range w.settings.ports {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("port-%d", p), Port: int32(80 + p)})
		}
		if _, err := services.Create(ctx, s, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create Service: %w", err)
		}
	}
	return until(ctx, "all Services have an address", func(ctx context.Context) (bool, error) {
		list, err := services.List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return false, fmt.Errorf("list Services: %w", err)
		}
		for i := range list.Items {
			if list.Items[i].Spec.Type == corev1.ServiceTypeLoadBalancer && len(list.Items[i].Status.LoadBalancer.Ingress) == 0 {
				return false, nil
			}
		}
		return true, nil
	})
}

func (w *world) rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(w.settings.rest):
		return nil
	}
}

func (w *world) join(ctx context.Context) error {
	if err := w.add(ctx); err != nil {
		return err
	}
	return w.members(ctx)
}

func (w *world) leave(ctx context.Context) error {
	w.left++
	if err := w.Leave(ctx, fmt.Sprintf("node-%d", w.left)); err != nil {
		return err
	}
	return w.members(ctx)
}

// members waits until all nodes are routed, and members of every pool.
func (w *world) members(ctx context.Context) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	w.say("the routes are right")
	return until(ctx, "every pool has the nodes", func(context.Context) (bool, error) {
		for _, b := range w.Cloud.LoadBalancers() {
			for _, pool := range b.Pools {
				if b.ProvisioningStatus != "ACTIVE" || len(pool.Members) != w.joined-w.left {
					return false, nil
				}
			}
		}
		return true, nil
	})
}

// restart starts the controller manager anew and waits until it is quiet.
func (w *world) restart(ctx context.Context) error {
	if err := w.ccm.Stop(playground.StopGrace); err != nil {
		return err
	}
	w.Cloud.ResetCalls()
	if err := w.lead(ctx); err != nil {
		return err
	}
	return until(ctx, "nothing is looked at any more", func(context.Context) (bool, error) {
		var last time.Time
		for _, call := range w.Cloud.Calls() {
			if strings.Contains(call.Path, "/lbaas/") {
				last = call.At
			}
		}
		return !last.IsZero() && time.Since(last) > 15*time.Second, nil
	})
}

// page reads one of the controller's pages into a file.
func (w *world) page(ctx context.Context, path, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", w.port, path), nil)
	if err != nil {
		return err
	}
	response, err := w.pages.Do(request)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("read %s: %s", path, response.Status)
	}
	out, err := os.Create(filepath.Join(w.settings.profiles, file))
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(response.Body)
	return errors.Join(err, out.Close())
}

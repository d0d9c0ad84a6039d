package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/playground"
	"underlay/pkg/simulator"
)

// serviceName is the demo's Service, in the namespace default.
const serviceName = "web"

// served is what the demo's Service has.
type served struct {
	// balancer is the load balancer's name, status its provisioning status.
	balancer, status string
	// addresses are those in the Service's status.
	addresses string
	// members are the addresses of the first pool's members, by node.
	members map[string]string
	// door is where the load balancer can be reached on this machine.
	door string
}

// serve creates the Service.
func (d *demo) serve(ctx context.Context) error {
	d.world.Carry(ctx)
	d.serving = true
	_, err := d.world.Client.CoreV1().Services(metav1.NamespaceDefault).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: serviceName},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": serviceName}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create Service %s: %w", serviceName, err)
	}
	return nil
}

// look is what the Service has now; nothing when there is none.
func (d *demo) look(ctx context.Context) (served, error) {
	now := served{members: map[string]string{}}
	if !d.serving {
		return now, nil
	}
	s, err := d.world.Client.CoreV1().Services(metav1.NamespaceDefault).Get(ctx, serviceName, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return now, fmt.Errorf("read Service %s: %w", serviceName, err)
	}
	if err == nil {
		var addresses []string
		for _, ingress := range s.Status.LoadBalancer.Ingress {
			addresses = append(addresses, ingress.IP)
		}
		now.addresses = strings.Join(addresses, " ")
	}
	for _, b := range d.world.Cloud.LoadBalancers() {
		if strings.HasSuffix(b.Name, "_"+metav1.NamespaceDefault+"_"+serviceName) {
			now.add(b, d.world)
		}
	}
	return now, nil
}

func (s *served) add(b simulator.LoadBalancerState, world *playground.Playground) {
	s.balancer, s.status = b.Name, b.ProvisioningStatus
	if len(b.Listeners) > 0 {
		s.door = world.Door(b.Listeners[0].ID)
	}
	if len(b.Pools) > 0 {
		for _, m := range b.Pools[0].Members {
			s.members[world.NodeAt(m.Address)] = fmt.Sprintf("%s:%d", m.Address, m.Port)
		}
	}
}

// problem says what is not as it should be: the members are the nodes.
func (s *served) problem(o playground.Observation) string {
	var nodes []string
	for _, node := range o.Nodes {
		nodes = append(nodes, node.Name)
	}
	slices.Sort(nodes)
	switch members := slices.Sorted(maps.Keys(s.members)); {
	case s.addresses == "":
		return "Service " + serviceName + " has no address"
	case s.status != "ACTIVE":
		return "load balancer " + s.balancer + " is " + s.status
	case !slices.Equal(members, nodes):
		return fmt.Sprintf("the members of load balancer %s are %v, not %v", s.balancer, members, nodes)
	}
	return ""
}

// serviceChanges are what happened to the Service from one look to the next.
func serviceChanges(before, after served) []change {
	var all []change
	say := func(what, old, now string) {
		switch {
		case old == now:
		case now == "":
			all = append(all, change{node: serviceName, gone: true, what: what + " gone", detail: old})
		default:
			all = append(all, change{node: serviceName, what: what, detail: now})
		}
	}
	say("load balancer", before.balancer, after.balancer)
	nodes := maps.Clone(before.members)
	maps.Copy(nodes, after.members)
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		say("member", withNode(before.members[node], node), withNode(after.members[node], node))
	}
	say("address", before.addresses, after.addresses)
	return all
}

func withNode(address, node string) string {
	if address == "" {
		return ""
	}
	return address + " on " + node
}

// settleService waits until the load balancer serves all nodes, and has a page
// fetched through it.
func (d *demo) settleService(ctx context.Context, began time.Time) error {
	for {
		o, err := d.world.Observe(ctx)
		if err == nil {
			err = d.tellService(ctx, began)
		}
		problem := d.told.problem(o)
		if err == nil && problem == "" {
			break
		}
		d.screen.status("waiting: " + problem)
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("not as it should be: %s: %w", problem, ctx.Err()), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	d.screen.status("")
	return d.visit(ctx)
}

// tellService writes what has happened to the Service since it was last told.
func (d *demo) tellService(ctx context.Context, began time.Time) error {
	now, err := d.look(ctx)
	if err != nil {
		return err
	}
	d.screen.events(time.Since(began), serviceChanges(d.told, now))
	d.told = now
	return nil
}

// visit fetches the page as a visitor does: from the load balancer.
func (d *demo) visit(ctx context.Context) error {
	url := "http://" + d.told.door + "/"
	d.screen.line("")
	d.screen.note("# " + d.told.addresses + ":80 is reached on this machine as")
	d.screen.line("   " + d.screen.paint(faint, "$ curl "+url))
	var page string
	var err error
	for {
		if page, err = fetch(ctx, url); err == nil && page != "" {
			break
		}
		select { // the door opens within a moment
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("fetch the page of Service %s: %w", serviceName, ctx.Err()), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	d.screen.line("     " + strings.TrimSpace(page))
	return nil
}

func fetch(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("send request: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	return string(page), err
}

// stopService deletes the Service and waits until nothing of it is left in the
// cloud, while there is still a controller that removes it.
func (d *demo) stopService(ctx context.Context) error {
	return d.screen.step("Service "+serviceName, func(say func(string)) (string, error) {
		say("deleting it with its load balancer")
		ctx, cancel := context.WithTimeout(ctx, playground.StopGrace)
		defer cancel()
		services := d.world.Client.CoreV1().Services(metav1.NamespaceDefault)
		if err := services.Delete(ctx, serviceName, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return "", fmt.Errorf("delete Service %s: %w", serviceName, err)
		}
		for {
			_, err := services.Get(ctx, serviceName, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				break
			}
			select {
			case <-ctx.Done():
				return "", fmt.Errorf("service %s is not gone: %w", serviceName, ctx.Err())
			case <-time.After(100 * time.Millisecond):
			}
		}
		now, err := d.look(ctx)
		if err == nil && (now.balancer != "" || d.floatingIP() != "") {
			err = fmt.Errorf("the Service is gone and has left load balancer %q, floating IP %q", now.balancer, d.floatingIP())
		}
		return "deleted; no load balancer and no floating IP is left", err
	})
}

// floatingIP is the address of a floating IP that was made for the Service; "" for none.
func (d *demo) floatingIP() string {
	for _, ip := range d.world.Cloud.FloatingIPs() {
		if strings.Contains(ip.Description, " "+metav1.NamespaceDefault+"/"+serviceName+" ") {
			return ip.Address
		}
	}
	return ""
}

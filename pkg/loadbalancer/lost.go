package loadbalancer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"underlay/pkg/loadbalancer/tree"
)

const (
	// lostLimit is how long a create without an answer is waited for.
	lostLimit = 3 * time.Minute
	// lostGap is the time between two looks for it.
	lostGap = 5 * time.Second
)

// awaitLost waits for a load balancer whose create was sent and not answered.
// Octavia makes the VIP port first and shows the load balancer only when the
// whole request is done, which may be long after its client gave up; a second
// create meanwhile would make a second load balancer.
//
// It returns when the load balancer is there, when no VIP port is there that
// belongs to none, or after lostLimit: then such a port is an old left-over.
// The next repair pass comes at once, for one that is made twice all the same.
// Source: octavia/api/v2/controllers/load_balancer.py, post: create_vip_port
// comes before the commit.
func (w *worker) awaitLost(ctx context.Context) {
	defer w.nudge()
	log := klog.FromContext(ctx).WithValues("service", w.subject.owner.String())
	for began := time.Now(); time.Since(began) < lostLimit; {
		port, err := w.unfinished(ctx, min(time.Since(began), lostGap))
		if err != nil {
			log.Error(err, "A create of the load balancer had no answer, and whether it is under way cannot be seen")
			return
		}
		if port == "" {
			return
		}
		log.Info("A create of the load balancer had no answer and may still be under way: waiting for it", "port", port)
		if !sleep(ctx, lostGap) {
			return
		}
	}
}

// unfinished is the id of a VIP port without a load balancer, "" when there is
// none or when the Service's load balancer is there by now. Two lists at most, of
// that age at most, which all who look share.
func (w *worker) unfinished(ctx context.Context, age time.Duration) (string, error) {
	ports, err := w.cloud.BalancerPorts(ctx, age)
	if err != nil {
		return "", fmt.Errorf("look for an unfinished load balancer: %w", err)
	}
	all, err := w.lists.balancers.Get(ctx, age)
	if err != nil {
		return "", fmt.Errorf("look for an unfinished load balancer: %w", err)
	}
	known := map[string]bool{}
	for i := range all {
		if all[i].Name == w.subject.name && marked(&all[i]) == w.subject.cluster.UID {
			return "", nil
		}
		known[all[i].ID] = true
	}
	for i := range ports {
		if id := vipOf(&ports[i]); id != "" && !known[id] {
			return ports[i].ID, nil
		}
	}
	return "", nil
}

// vipOf is the load balancer whose VIP port was made with it, by the port's name;
// "" for any other port. The ports of amphorae and of second addresses are named
// alike, and are no sign of a create.
// Source: octavia/network/drivers/neutron/allowed_address_pairs.py, allocate_vip;
// ovn_octavia_provider/helper.py, create_vip_port.
func vipOf(p *tree.Port) string {
	if id, ok := strings.CutPrefix(p.Name, "octavia-lb-"); ok && p.DeviceOwner == "Octavia" && !strings.HasPrefix(id, "vrrp-") {
		return id
	}
	if id, ok := strings.CutPrefix(p.Name, "ovn-lb-vip-"); ok && !strings.HasPrefix(id, "additional-") {
		return id
	}
	return ""
}

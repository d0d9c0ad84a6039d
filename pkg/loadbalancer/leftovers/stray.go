package leftovers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
)

// vipDevice begins the device of a VIP port, before the id of its load balancer.
// Source: octavia/network/drivers/neutron/allowed_address_pairs.py, allocate_vip.
const vipDevice = "lb-"

// strayAge is how old a port must be to be nobody's: Octavia makes the port
// before its load balancer can be read.
const strayAge = 10 * time.Minute

// DeleteStrayPort deletes a VIP port whose load balancer never came to be:
// Octavia leaves one behind for each creation that it refuses, and the port keeps
// its subnet from being deleted. It carries no owner but the project.
type DeleteStrayPort struct{ PortID, Address, BalancerID string }

func (s DeleteStrayPort) String() string {
	return fmt.Sprintf("delete port %s at %s, which Octavia made for a load balancer that is not there", s.PortID, s.Address)
}

// StrayPorts lists the ports of the project that Octavia forgot, by address.
func StrayPorts(p Project) []DeleteStrayPort {
	var strays []DeleteStrayPort
	for _, port := range p.Ports {
		id, vip := strings.CutPrefix(port.DeviceID, vipDevice)
		if !vip || port.DeviceOwner != "Octavia" || slices.ContainsFunc(p.Balancers, func(b tree.Balancer) bool { return b.ID == id }) {
			continue
		}
		stray := DeleteStrayPort{PortID: port.ID, BalancerID: id}
		if len(port.FixedIPs) > 0 {
			stray.Address = port.FixedIPs[0].Address
		}
		strays = append(strays, stray)
	}
	slices.SortFunc(strays, func(a, b DeleteStrayPort) int { return strings.Compare(a.Address+a.PortID, b.Address+b.PortID) })
	return strays
}

// deleteStray looks once more, since somebody may be making the load balancer now.
func deleteStray(ctx context.Context, c Cloud, s DeleteStrayPort) error {
	age, err := c.PortAge(ctx, s.PortID)
	if err != nil {
		return err
	}
	if age < strayAge {
		return fmt.Errorf("the port is only %s old, and its load balancer may be in the making: wait until it is older than %s: %w",
			age.Round(time.Second), strayAge, cloud.ErrUnavailable)
	}
	found, err := c.LoadBalancers(ctx, loadbalancer.BalancerQuery{ID: s.BalancerID, StatusOnly: true})
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("load balancer %s is there by now: %w", s.BalancerID, cloud.ErrInvalid)
	}
	return c.DeletePort(ctx, s.PortID)
}

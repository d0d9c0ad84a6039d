package leftovers_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/leftovers"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

func connect(t *testing.T, c *simulator.Cloud) *openstack.Client {
	t.Helper()
	cfg, report := config.Read(strings.NewReader(c.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	client, err := openstack.New(cfg.Global, openstack.Options{Transport: c.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Octavia takes its time to finish a change and to delete: each step waits for it,
// so that the next one finds the load balancer gone.
func TestAStepEndsWhenOctaviaIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		c.SetLoadBalancerPace(simulator.LoadBalancerPace{Update: 10 * time.Second, Delete: 30 * time.Second})
		net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
		b := c.AddLoadBalancer(simulator.Attributes{"name": "kube_service_blue_shop_web", "vip_subnet_id": net.SubnetIDs[0]})
		client := connect(t, c)
		if err := client.DeleteLoadBalancer(t.Context(), b.ID, false); err != nil {
			t.Fatal(err)
		}
		job := leftovers.Job{BalancerID: b.ID, Steps: []step.Step{plan.DeleteLoadBalancer{ID: b.ID, Cascade: true}}}
		if err := leftovers.Apply(t.Context(), client, job, job.Steps[0]); err != nil {
			t.Fatal(err)
		}
		if len(c.LoadBalancers()) != 0 {
			t.Error("it returned before the load balancer was gone")
		}
		c.ResetCalls()
		if err := leftovers.Apply(t.Context(), client, job, job.Steps[0]); err != nil {
			t.Errorf("again: %v, want nothing to do", err)
		}
	})
}

// Somebody deletes another group of the port meanwhile: Neutron refuses the list
// that still names it, which does not mean that the port is gone.
func TestGroupsComeOffAPortThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
		port := c.AddPort(simulator.PortSpec{NetworkID: net.ID})
		client, other := connect(t, c), connect(t, c)
		var groups []string
		for _, name := range []string{"ours", "theirs"} {
			group, err := client.CreateSecurityGroup(t.Context(), name, "")
			if err != nil {
				t.Fatal(err)
			}
			groups = append(groups, group.ID)
		}
		if err := client.SetPortGroups(t.Context(), port, c.Port(port).Revision, groups); err != nil {
			t.Fatal(err)
		}
		if _, err := client.BalancerPorts(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if err := other.SetPortGroups(t.Context(), port, c.Port(port).Revision, groups[:1]); err != nil {
			t.Fatal(err)
		}
		if err := other.DeleteSecurityGroup(t.Context(), groups[1]); err != nil {
			t.Fatal(err)
		}
		if err := leftovers.Apply(t.Context(), client, leftovers.Job{}, plan.SetPortGroups{PortID: port, Remove: groups[:1]}); err != nil {
			t.Fatal(err)
		}
		if left := c.Port(port).SecurityGroups; len(left) != 0 {
			t.Errorf("the port has %v, want none", left)
		}
	})
}

func TestAStrayPortGoesOnceItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
		c.AddPort(simulator.PortSpec{NetworkID: net.ID, DeviceOwner: "Octavia", DeviceID: "lb-5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2"})
		c.AddLoadBalancer(simulator.Attributes{"name": "lb", "vip_subnet_id": net.SubnetIDs[0]})
		client := connect(t, c)
		project, err := leftovers.Look(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		strays := leftovers.StrayPorts(project)
		if len(strays) != 1 { // not the VIP port and the amphora's
			t.Fatalf("got %v, want the one port without a load balancer", strays)
		}
		if err := leftovers.Apply(t.Context(), client, leftovers.Job{}, strays[0]); !errors.Is(err, cloud.ErrUnavailable) || len(c.Ports()) != 3 {
			t.Errorf("a young port: got %v and %d ports", err, len(c.Ports()))
		}
		time.Sleep(11 * time.Minute)
		if err := leftovers.Apply(t.Context(), client, leftovers.Job{}, strays[0]); err != nil || len(c.Ports()) != 2 {
			t.Errorf("an old port: got %v and %d ports", err, len(c.Ports()))
		}
	})
}

package instances_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"

	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/simulator"
)

// describe is InstanceMetadata that must not fail.
func (w *world) describe(node *v1.Node) *cloudprovider.InstanceMetadata {
	w.Helper()
	got, err := w.inst.InstanceMetadata(w.ctx, node)
	if err != nil || got == nil {
		w.Fatalf("InstanceMetadata(%s) = %v, %v", node.Name, got, err)
	}
	return got
}

func ips(addrs []v1.NodeAddress) string {
	var list []string
	for _, a := range addrs {
		list = append(list, string(a.Type)+"="+a.Address)
	}
	return strings.Join(list, " ")
}

func TestMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.cloud.AddServer(simulator.ServerSpec{
			Name: "n1", Flavor: "m1 large (GPU)", Zone: "zone a", Networks: []simulator.NIC{{NetworkID: w.network.ID, FixedIPs: []string{"10.0.0.21"}}},
		})
		want := &cloudprovider.InstanceMetadata{
			ProviderID: "openstack:///" + s.ID, InstanceType: "m1-large--GPU", Zone: "zone-a", Region: "RegionOne",
			NodeAddresses: []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: "10.0.0.21"}, {Type: v1.NodeHostName, Address: "n1"}},
		}
		for _, node := range []*v1.Node{
			w.node("by-provider-id", providerID("openstack:///"+s.ID)),
			w.node("by-regional-provider-id", providerID("openstack://RegionOne/"+s.ID)),
			w.node("by-system-uuid", systemUUID(strings.ToUpper(s.ID)), tainted),
			w.node("by-swapped-system-uuid", systemUUID(swapped(s.ID)), tainted),
			w.node("n1", tainted),
		} {
			if diff := cmp.Diff(want, w.describe(node)); diff != "" {
				t.Errorf("%s: metadata (-want +got):\n%s", node.Name, diff)
			}
		}
		w.restart(func(o *instances.Options) { o.RegionalProviderID = true })
		if got, want := w.describe(w.list()[0]).ProviderID, "openstack://RegionOne/"+s.ID; got != want {
			t.Errorf("regional provider ID = %q, want %q", got, want)
		}
	})
}

// swapped is the UUID with its first three fields in the other byte order.
func swapped(u string) string {
	return u[6:8] + u[4:6] + u[2:4] + u[0:2] + "-" + u[11:13] + u[9:11] + "-" + u[16:18] + u[14:16] + u[18:]
}

// TestThousandNodesInFiveCalls is the budget of one refresh of all addresses.
func TestThousandNodesInFiveCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const nodes = 1000
		w := newWorld(t, nil)
		for n := range nodes {
			w.joined(fmt.Sprintf("n%04d", n))
		}
		refresh := func() {
			var done sync.WaitGroup
			for _, node := range w.list() {
				done.Go(func() {
					if got := w.describe(node); len(got.NodeAddresses) == 0 {
						t.Errorf("%s has no address", node.Name)
					}
				})
			}
			done.Wait()
		}
		refresh() // signs in, too
		for range 3 {
			time.Sleep(5 * time.Minute)
			w.cloud.ResetCalls()
			refresh()
			if got := w.cloud.Count("*"); got > 5 || got == 0 {
				t.Errorf("%d calls for %d nodes, want 1 to 5: %v", got, nodes, w.cloud.Calls())
			}
		}
	})
}

// TestWaveOfNewNodes: 200 nodes that join at once are found by two lists each.
func TestWaveOfNewNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		_, first := w.joined("first")
		w.describe(first)
		for n := range 200 {
			s := w.server(fmt.Sprintf("n%03d", n))
			w.node(s.Name, systemUUID(s.ID), tainted)
		}
		time.Sleep(10 * time.Second)
		w.cloud.ResetCalls()
		for _, node := range w.list() {
			w.describe(node)
			time.Sleep(10 * time.Millisecond)
		}
		if got := w.cloud.Count(getServers); got > 2 {
			t.Errorf("%d server lists, want at most 2", got)
		}
		if got := w.cloud.Count("*"); got > 4 {
			t.Errorf("%d calls, want at most 4: %v", got, w.cloud.Calls())
		}
	})
}

// TestUnmatchedNodesAreCheap: however many Nodes have no server, and however
// often they are asked for, the lists are read once in a while.
func TestUnmatchedNodesAreCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 100 {
			w.node(fmt.Sprint("stray", n), tainted, ready(v1.ConditionFalse))
		}
		_, node := w.joined("n1")
		time.Sleep(3 * time.Second)
		w.describe(node)
		w.cloud.ResetCalls()
		const seconds = 20
		for range seconds {
			for _, node := range w.list()[:100] {
				if got, err := w.inst.InstanceMetadata(w.ctx, node); !errors.Is(err, cloudprovider.InstanceNotFound) {
					t.Fatalf("%s: %v, %v; want InstanceNotFound", node.Name, got, err)
				}
				if got := w.ask(node); got != alive {
					t.Fatalf("%s: %+v, want %+v", node.Name, got, alive)
				}
			}
			time.Sleep(time.Second)
		}
		if got := w.cloud.Count("*"); got > seconds/2 {
			t.Errorf("%d calls in %d s, want at most one in 2 s", got, seconds)
		}
		if got := w.count("NodeServerNotFound"); got != 100 {
			t.Errorf("%d events NodeServerNotFound, want one a node", got)
		}
	})
}

// TestDefect11OneBadNodeHarmsNoOther is defect 11 of the reference peer, as far as
// Nodes are concerned: one without a provider ID fails everything.
func TestDefect11OneBadNodeHarmsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.node("stray")
		s, good := w.joined("n1", ready(v1.ConditionUnknown))
		if got, err := w.inst.InstanceMetadata(w.ctx, w.list()[0]); err == nil {
			t.Errorf("stray: %+v, want an error", got)
		}
		if got := w.describe(good).ProviderID; got != "openstack:///"+s.ID {
			t.Errorf("n1: provider ID %q", got)
		}
		w.cloud.DeleteServer(s.ID)
		if got := w.passes(3); len(got) != 1 || got[0] != "n1" {
			t.Errorf("removed %v, want n1", got)
		}
	})
}

// TestPortsDenied: without the right to list ports Nova's addresses do, and
// it is said once.
func TestPortsDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1")
		w.cloud.AddFault(simulator.Fault{Match: getPorts, Kind: simulator.FailBefore, Status: http.StatusForbidden})
		for range 3 {
			if got, want := ips(w.describe(node).NodeAddresses), "InternalIP="+s.Addresses[0]+" Hostname=n1"; got != want {
				t.Errorf("addresses = %s, want %s", got, want)
			}
			time.Sleep(5 * time.Minute)
		}
		if got := w.logged("Ports cannot be listed"); got != 1 {
			t.Errorf("said %d times, want once: %v", got, w.log)
		}
	})
}

// TestListErrors: what cannot be read is an error, never an empty answer.
func TestListErrors(t *testing.T) {
	for _, match := range []string{getServers, getPorts} {
		t.Run(match, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				_, node := w.joined("n1")
				unidentified := w.node("n2", ready(v1.ConditionUnknown))
				w.cloud.AddFault(simulator.Fault{Match: match, Kind: simulator.FailBefore, Status: http.StatusServiceUnavailable})
				if got, err := w.inst.InstanceMetadata(w.ctx, node); err == nil {
					t.Errorf("metadata = %+v, want an error", got)
				}
				if got := w.ask(unidentified); !got.exists || got.shutdown {
					t.Errorf("%+v, want that it exists", got)
				}
				w.cloud.ClearFaults()
				w.describe(node)
			})
		})
	}
}

// TestServerMissingFromList: a list may lack what exists; GET finds it.
func TestServerMissingFromList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1")
		w.cloud.SetServerStatus(s.ID, "SOFT_DELETED")
		if got := ips(w.describe(node).NodeAddresses); !strings.Contains(got, s.Addresses[0]) {
			t.Errorf("addresses = %s, want %s among them", got, s.Addresses[0])
		}
		w.cloud.DeleteServer(s.ID)
		time.Sleep(time.Minute)
		if got, err := w.inst.InstanceMetadata(w.ctx, node); !errors.Is(err, cloudprovider.InstanceNotFound) {
			t.Errorf("after deletion: %+v, %v; want InstanceNotFound", got, err)
		}
	})
}

// TestMetadataInACellThatIsDown: an initialized Node keeps what it shows, a
// new one waits.
func TestMetadataInACellThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1")
		fresh := w.node("fresh", providerID("openstack:///"+s.ID), tainted)
		w.cloud.SetCellDown(true)
		got := w.describe(node)
		if got.ProviderID != node.Spec.ProviderID || len(got.NodeAddresses) > 0 {
			t.Errorf("metadata = %+v, want only the provider ID", got)
		}
		if got, err := w.inst.InstanceMetadata(w.ctx, fresh); err == nil {
			t.Errorf("uninitialized: %+v, want an error", got)
		}
		w.cloud.SetCellDown(false)
		time.Sleep(5 * time.Second)
		if got := ips(w.describe(fresh).NodeAddresses); !strings.Contains(got, s.Addresses[0]) {
			t.Errorf("addresses = %s, want %s among them", got, s.Addresses[0])
		}
	})
}

// TestNewNodeWaitsForItsAddress: a server without an address that may be shown
// does not become a Node without one.
func TestNewNodeWaitsForItsAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *instances.Options) {
			o.Networking = config.Networking{InternalNetworkNames: []string{"node"}}
		})
		s := w.server("n1")
		node := w.node("n1", tainted)
		for range 3 {
			if got, err := w.inst.InstanceMetadata(w.ctx, node); err == nil {
				t.Errorf("metadata = %+v, want an error", got)
			}
		}
		if w.count("NodeWithoutAddress") != 1 {
			t.Errorf("events = %v, want one NodeWithoutAddress", w.events)
		}
		initialized := w.node("n1-before", providerID("openstack:///"+s.ID))
		if got := w.describe(initialized); len(got.NodeAddresses) > 0 {
			t.Errorf("addresses = %s, want none", ips(got.NodeAddresses))
		}
	})
}

func TestNodeIPThatTheServerHasNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.server("n1")
		right := w.node("n1", nodeIP(s.Addresses[0]))
		w.describe(right)
		if w.events != nil {
			t.Errorf("events = %v, want none", w.events)
		}
		wrong := w.node("wrong", providerID("openstack:///"+s.ID), nodeIP("10.99.0.1"))
		w.describe(wrong)
		w.describe(wrong)
		want := []string{"NodeIPNotOnServer wrong: The kubelet's --node-ip 10.99.0.1 is none of the server's addresses: " + s.Addresses[0] + "."}
		if diff := cmp.Diff(want, w.events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// TestAddressChange: a server's new address is on its Node after the next refresh.
func TestAddressChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1")
		w.describe(node)
		w.cloud.SetPortFixedIPs(s.PortIDs[0], "10.0.7.7")
		time.Sleep(5 * time.Minute)
		if got, want := ips(w.describe(node).NodeAddresses), "InternalIP=10.0.7.7 Hostname=n1"; got != want {
			t.Errorf("addresses = %s, want %s", got, want)
		}
	})
}

// TestManyNetworks goes through real networks, dual-stack, with [Networking].
func TestManyNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *instances.Options) {
			o.Networking = config.Networking{
				PublicNetworkNames: []string{"provider"}, InternalNetworkNames: []string{"dual"}, AddressSortOrder: []string{"fd00::/16"},
			}
		})
		dual := w.cloud.AddNetwork(simulator.NetworkSpec{Name: "dual", Subnets: []string{"10.8.0.0/24", "fd00:8::/64"}})
		provider := w.cloud.AddNetwork(simulator.NetworkSpec{Name: "provider", Subnets: []string{"198.51.100.0/24"}, Shared: true})
		s := w.cloud.AddServer(simulator.ServerSpec{Name: "n1", Networks: []simulator.NIC{
			{NetworkID: w.network.ID},
			{NetworkID: dual.ID, FixedIPs: []string{"10.8.0.9", "fd00:8::9"}},
			{NetworkID: provider.ID, FixedIPs: []string{"198.51.100.9"}},
		}})
		got := ips(w.describe(w.node("n1", providerID("openstack:///"+s.ID))).NodeAddresses)
		if want := "InternalIP=fd00:8::9 InternalIP=10.8.0.9 ExternalIP=198.51.100.9 Hostname=n1"; got != want {
			t.Errorf("addresses = %s, want %s", got, want)
		}
	})
}

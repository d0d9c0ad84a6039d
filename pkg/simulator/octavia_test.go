package simulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/listeners"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/loadbalancers"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/monitors"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/pools"

	"underlay/pkg/simulator"
)

// balancing is a cloud with a network for load balancers, and its member logged in.
type balancing struct {
	*simulator.Cloud
	t               *testing.T
	token, admin    string
	client          *gophercloud.ServiceClient
	network         string
	subnet, subnet6 string
}

func newBalancing(t *testing.T, options simulator.Options) *balancing {
	t.Helper()
	c := simulator.New(options)
	network := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24", "fd00:10::/64"}})
	p := provider(t, c)
	client, err := openstack.NewLoadBalancerV2(p, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatalf("load balancer client: %v", err)
	}
	return &balancing{
		Cloud: c, t: t, token: p.Token(), admin: adminProvider(t, c).Token(), client: client,
		network: network.ID, subnet: network.SubnetIDs[0], subnet6: network.SubnetIDs[1],
	}
}

// call makes one call at Octavia as the member.
func (b *balancing) call(method, path string, body any) answer {
	b.t.Helper()
	return b.callAs(b.token, method, path, body)
}

func (b *balancing) callAs(token, method, path string, body any) answer {
	b.t.Helper()
	text := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		text = string(encoded)
	}
	return raw(b.t, b.Cloud, method, "/load-balancer/v2.0/lbaas"+path, text, "X-Auth-Token", token)
}

type object = map[string]any

// refused checks the status and, if it is given, the whole fault string of an answer.
func refused(t *testing.T, got answer, status int, fault string) {
	t.Helper()
	if text, _ := at(got.body, "faultstring").(string); got.status != status || fault != "" && text != fault {
		t.Errorf("got %d %s, want %d %q", got.status, got.text, status, fault)
	}
}

// tree is a load balancer with a listener, a pool, a monitor and two members.
func (b *balancing) tree(name string) simulator.Attributes {
	return simulator.Attributes{
		"name": name, "vip_subnet_id": b.subnet, "listeners": []any{object{
			"name": "web", "protocol": "TCP", "protocol_port": 80, "default_pool": object{
				"name": "web", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN",
				"healthmonitor": object{"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 1},
				"members": []any{
					object{"address": "10.0.0.101", "protocol_port": 30080, "subnet_id": b.subnet},
					object{"address": "10.0.0.102", "protocol_port": 30080, "subnet_id": b.subnet},
				},
			},
		}},
	}
}

func TestOctaviaVersions(t *testing.T) {
	c := simulator.New(simulator.Options{})
	versions := func() []any { return at(raw(t, c, "GET", "/load-balancer/", "").body, "versions").([]any) }
	all := versions()
	if last := all[len(all)-1]; len(all) != 31 || at(last, "id") != "v2.30" || at(last, "status") != "CURRENT" ||
		at(last, "links", 0, "href") != simulator.Endpoint+"/load-balancer/v2" {
		t.Errorf("got %d versions, the last %v", len(all), last)
	}
	c.SetOctaviaVersion("2.5")
	older := versions()
	if len(older) != 6 || at(older[5], "status") != "CURRENT" || at(older[4], "status") != "SUPPORTED" {
		t.Errorf("older: got %v", older)
	}
}

func TestOctaviaTreeInOnePost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalancing(t, simulator.Options{})
		b.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: time.Minute, Update: 5 * time.Second, Delete: 10 * time.Second})
		lb, err := loadbalancers.Create(t.Context(), b.client, loadbalancers.CreateOpts{
			Name: "web", VipSubnetID: b.subnet, Tags: []string{"mine"},
			AdditionalVips: []loadbalancers.AdditionalVip{{SubnetID: b.subnet6}},
			Listeners: []listeners.CreateOpts{{
				Name: "http", Protocol: "TCP", ProtocolPort: 80, AllowedCIDRs: []string{"192.0.2.7/24", "2001:db8::/32"},
				DefaultPool: &pools.CreateOpts{
					Name: "http", Protocol: "TCP", LBMethod: "ROUND_ROBIN",
					Members: []pools.CreateMemberOpts{{Address: "10.0.0.101", ProtocolPort: 30080, SubnetID: b.subnet}},
					Monitor: &monitors.CreateOpts{Type: "HTTP", Delay: 5, Timeout: 3, MaxRetries: 1, URLPath: "/healthz"},
				},
			}},
		}).Extract()
		if err != nil {
			t.Fatal(err)
		}
		if lb.ProvisioningStatus != "PENDING_CREATE" || lb.OperatingStatus != "OFFLINE" || lb.VipAddress == "" || lb.VipPortID == "" ||
			len(lb.AdditionalVips) != 1 || lb.AdditionalVips[0].IPAddress == "" || lb.Provider != "amphora" {
			t.Errorf("created: got %+v", lb)
		}
		port := b.Port(lb.VipPortID)
		if port.Name != "octavia-lb-"+lb.ID || port.DeviceID != "lb-"+lb.ID || port.DeviceOwner != "Octavia" || len(port.FixedIPs) != 2 {
			t.Errorf("VIP port: got %+v", port)
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if got := b.LoadBalancer(lb.ID).ProvisioningStatus; got != "PENDING_CREATE" {
			t.Errorf("a moment too early: got %s", got)
		}
		time.Sleep(time.Nanosecond)
		state := b.LoadBalancer(lb.ID)
		if state.ProvisioningStatus != "ACTIVE" || state.OperatingStatus != "ONLINE" || len(state.Listeners) != 1 || len(state.Pools) != 1 {
			t.Fatalf("in time: got %+v", state)
		}
		l, p := state.Listeners[0], state.Pools[0]
		if l.DefaultPoolID != p.ID || !slices.Equal(l.AllowedCIDRs, []string{"192.0.2.0/24", "2001:db8::/32"}) || l.ConnectionLimit != -1 {
			t.Errorf("listener: got %+v", l)
		}
		if p.Members[0].OperatingStatus != "ONLINE" || p.Monitor == nil || p.Monitor.Codes != "200" || p.Monitor.Path != "/healthz" {
			t.Errorf("pool: got %+v %+v", p, p.Monitor)
		}
		if len(b.Port(lb.VipPortID).SecurityGroups) != 1 || b.Port(lb.VipPortID).SecurityGroups[0] == port.SecurityGroups[0] {
			t.Errorf("VIP port's groups: got %v, as before", b.Port(lb.VipPortID).SecurityGroups)
		}
		if err := loadbalancers.Delete(t.Context(), b.client, lb.ID, loadbalancers.DeleteOpts{Cascade: true}).ExtractErr(); err != nil {
			t.Fatal(err)
		}
		refused(t, b.call("DELETE", "/loadbalancers/"+lb.ID+"?cascade=true", nil), 409, "Invalid state PENDING_DELETE of loadbalancer resource "+lb.ID)
		time.Sleep(10 * time.Second)
		refused(t, b.call("GET", "/loadbalancers/"+lb.ID, nil), 404, "Load Balancer "+lb.ID+" not found.")
		if ports := b.Ports(); len(ports) != 0 {
			t.Errorf("ports left: %+v", ports)
		}
	})
}

func TestOctaviaRefusesWhilePending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalancing(t, simulator.Options{})
		lb := b.AddLoadBalancer(b.tree("web"))
		pool, listener, member := lb.Pools[0].ID, lb.Listeners[0].ID, lb.Pools[0].Members[0].ID
		changes := []struct {
			method, path string
			body         any
			fault        string
		}{
			{"PUT", "/loadbalancers/" + lb.ID, object{"loadbalancer": object{}}, "Invalid state PENDING_UPDATE of loadbalancer resource " + lb.ID},
			{"POST", "/listeners", object{"listener": object{"loadbalancer_id": lb.ID, "protocol": "TCP", "protocol_port": 81}}, "Load Balancer " + lb.ID + " is immutable and cannot be updated."},
			{"PUT", "/listeners/" + listener, object{"listener": object{}}, "Load Balancer " + lb.ID + " is immutable and cannot be updated."},
			{"DELETE", "/listeners/" + listener, nil, "Load Balancer " + lb.ID + " is immutable and cannot be updated."},
			{"POST", "/pools", object{"pool": object{"loadbalancer_id": lb.ID, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}}, "Load Balancer " + lb.ID + " is immutable and cannot be updated."},
			{"PUT", "/pools/" + pool, object{"pool": object{}}, "Load Balancer " + lb.ID + " is immutable and cannot be updated."},
			{"DELETE", "/pools/" + pool, nil, "Load Balancer " + lb.ID + " is immutable and cannot be updated."},
			{"POST", "/pools/" + pool + "/members", object{"member": object{"address": "10.0.0.103", "protocol_port": 1}}, "Pool " + pool + " is immutable and cannot be updated."},
			{"PUT", "/pools/" + pool + "/members", object{"members": []any{}}, "Pool " + pool + " is immutable and cannot be updated."},
			{"PUT", "/pools/" + pool + "/members/" + member, object{"member": object{}}, "Pool " + pool + " is immutable and cannot be updated."},
			{"DELETE", "/pools/" + pool + "/members/" + member, nil, "Pool " + pool + " is immutable and cannot be updated."},
			{"DELETE", "/healthmonitors/" + lb.Pools[0].Monitor.ID, nil, "Pool " + pool + " is immutable and cannot be updated."},
		}
		if got := b.call("PUT", "/pools/"+pool+"/members/"+member, object{"member": object{"weight": 7}}); got.status != 200 || at(got.body, "member", "provisioning_status") != "PENDING_UPDATE" {
			t.Fatalf("change: got %d %s", got.status, got.text)
		}
		before := b.LoadBalancer(lb.ID)
		if l, p := before.Listeners[0], before.Pools[0]; l.ProvisioningStatus != "PENDING_UPDATE" || p.ProvisioningStatus != "PENDING_UPDATE" ||
			p.Members[0].Weight != 7 || p.Members[1].ProvisioningStatus != "ACTIVE" {
			t.Errorf("what changes with a member: got %+v %+v", l, p)
		}
		for _, change := range changes {
			refused(t, b.call(change.method, change.path, change.body), 409, change.fault)
		}
		if diff := cmp.Diff(before, b.LoadBalancer(lb.ID)); diff != "" {
			t.Errorf("what was refused has changed something (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		for _, change := range changes[:3] {
			if got := b.call(change.method, change.path, change.body); got.status >= 300 {
				t.Errorf("%s %s when it is ACTIVE: got %d %s", change.method, change.path, got.status, got.text)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestOctaviaMemberBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalancing(t, simulator.Options{})
		lb := b.AddLoadBalancer(b.tree("web"))
		pool := lb.Pools[0]
		put := func(query string, members ...object) answer {
			t.Helper()
			time.Sleep(time.Second)
			got := b.call("PUT", "/pools/"+pool.ID+"/members"+query, object{"members": append([]object{}, members...)})
			time.Sleep(time.Second)
			return got
		}
		addresses := func() string {
			var all []string
			for _, m := range b.LoadBalancer(lb.ID).Pools[0].Members {
				all = append(all, fmt.Sprintf("%s:%d*%d", m.Address, m.Port, m.Weight))
			}
			return strings.Join(all, " ")
		}
		first, third := object{"address": "10.0.0.101", "protocol_port": 30080}, object{"address": "10.0.0.103", "protocol_port": 30080, "weight": 3}
		if got := put("?additive_only=true", third); got.status != 202 || got.text != "" || addresses() != "10.0.0.101:30080*1 10.0.0.102:30080*1 10.0.0.103:30080*3" {
			t.Errorf("add: got %d %q, members %s", got.status, got.text, addresses())
		}
		if put("", first, object{"address": "10.0.0.103", "protocol_port": 30080}); addresses() != "10.0.0.101:30080*1 10.0.0.103:30080*1" {
			t.Errorf("replace: got %s", addresses())
		}
		kept := b.LoadBalancer(lb.ID).Pools[0].Members[0].ID
		if kept != pool.Members[0].ID {
			t.Errorf("a member that stays: got a new id %s, want %s", kept, pool.Members[0].ID)
		}
		refused(t, put("", third, third), 400, "Validation failure: Member must be updated only once in the same request.")
		fresh := object{"address": "10.0.0.104", "protocol_port": 1}
		refused(t, put("", fresh, fresh), 409, "Another member on this pool is already using ip 10.0.0.104 on protocol_port 1")
		put("")
		if addresses() != "" {
			t.Errorf("none: got %s", addresses())
		}
		b.call("PUT", "/pools/"+pool.ID+"/members", object{"members": []any{}})
		if got := b.LoadBalancer(lb.ID).ProvisioningStatus; got != "ACTIVE" {
			t.Errorf("a batch of nothing: got %s", got)
		}
		put("", first)
		b.call("PUT", "/pools/"+pool.ID+"/members", object{"members": []any{first}})
		if got := b.LoadBalancer(lb.ID).ProvisioningStatus; got != "PENDING_UPDATE" {
			t.Errorf("a batch that changes nothing: got %s, want PENDING_UPDATE as the real one", got)
		}
		b.SetOctaviaVersion("2.10")
		refused(t, put("?additive_only=true", first), 400, `Unknown argument: "additive_only"`)
	})
}

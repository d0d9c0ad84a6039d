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

// on makes a listener's body for a load balancer.
func (b *balancing) listenerOn(lb, protocol string, port int, more object) object {
	body := object{"loadbalancer_id": lb, "protocol": protocol, "protocol_port": port}
	for name, value := range more {
		body[name] = value
	}
	return object{"listener": body}
}

func TestOctaviaKnowsOnlyWhatItsVersionHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalancing(t, simulator.Options{OctaviaVersion: "2.4"})
		b.SetLoadBalancerPace(simulator.LoadBalancerPace{})
		lb := b.AddLoadBalancer(simulator.Attributes{"name": "web", "vip_subnet_id": b.subnet})
		got := b.call("GET", "/loadbalancers/"+lb.ID, nil)
		for _, newer := range []string{"tags", "flavor_id", "availability_zone", "additional_vips", "vip_sg_ids", "vip_vnic_type"} {
			if _, shown := at(got.body, "loadbalancer").(object)[newer]; shown {
				t.Errorf("2.4 shows %s", newer)
			}
		}
		refused(t, b.call("GET", "/loadbalancers?tags=x", nil), 400, "One or more arguments are either duplicate or invalid")
		for _, tt := range []struct {
			since int
			kind  string
			more  object
		}{
			{5, "TCP", object{"tags": []string{"x"}}},
			{12, "TCP", object{"allowed_cidrs": []string{"10.0.0.0/8"}}},
			{23, "SCTP", nil},
			{25, "PROMETHEUS", nil},
			{27, "TCP", object{"hsts_preload": false}},
		} {
			body := b.listenerOn(lb.ID, tt.kind, 1000+tt.since, tt.more)
			b.SetOctaviaVersion(fmt.Sprintf("2.%d", tt.since-1))
			if got := b.call("POST", "/listeners", body); got.status != 400 {
				t.Errorf("%v before 2.%d: got %d %s", body, tt.since, got.status, got.text)
			}
			b.SetOctaviaVersion(fmt.Sprintf("2.%d", tt.since))
			if got := b.call("POST", "/listeners", body); got.status != 201 {
				t.Errorf("%v at 2.%d: got %d %s", body, tt.since, got.status, got.text)
			}
		}
		b.SetOctaviaVersion("2.5")
		if got := b.call("GET", "/flavors", nil); got.status != 404 {
			t.Errorf("flavors at 2.5: got %d", got.status)
		}
	})
}

func TestOctaviaProviderOVN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalancing(t, simulator.Options{})
		b.SetLoadBalancerPace(simulator.LoadBalancerPace{})
		lb := b.AddLoadBalancer(simulator.Attributes{"name": "l4", "vip_subnet_id": b.subnet, "provider": "ovn"})
		if port := b.Port(lb.VIPPortID); port.Name != "ovn-lb-vip-"+lb.ID || lb.Provider != "ovn" {
			t.Errorf("got %+v on %+v", lb, port)
		}
		no := "Provider 'ovn' does not support a requested option: "
		pool := func(algorithm string) answer {
			return b.call("POST", "/pools", object{"pool": object{"loadbalancer_id": lb.ID, "protocol": "TCP", "lb_algorithm": algorithm}})
		}
		refused(t, b.call("POST", "/listeners", b.listenerOn(lb.ID, "HTTP", 80, nil)), 501, no+"OVN provider does not support HTTP protocol")
		refused(t, b.call("POST", "/listeners", b.listenerOn(lb.ID, "TCP", 80, object{"allowed_cidrs": []string{"10.0.0.0/8"}})), 501, no+"OVN provider does not support allowed_cidrs option")
		refused(t, pool("ROUND_ROBIN"), 501, no+"OVN provider does not support ROUND_ROBIN algorithm")
		made := pool("SOURCE_IP_PORT")
		id, _ := at(made.body, "pool", "id").(string)
		if made.status != 201 {
			t.Fatalf("pool: got %d %s", made.status, made.text)
		}
		member := func(more object) answer {
			body := object{"address": "10.0.0.101", "protocol_port": 80}
			for name, value := range more {
				body[name] = value
			}
			return b.call("POST", "/pools/"+id+"/members", object{"member": body})
		}
		refused(t, member(object{"monitor_port": 10256}), 501, no+"OVN Load Balancer does not support different member monitor address or port.")
		refused(t, member(object{"address": "fd00:10::5"}), 501, "")
		refused(t, member(object{"address": "192.0.2.1"}), 501, "")
		if got := member(object{"address": "192.0.2.1", "subnet_id": b.subnet}); got.status != 201 {
			t.Errorf("a member elsewhere with its subnet: got %d %s", got.status, got.text)
		}
		monitor := func(kind string) answer {
			return b.call("POST", "/healthmonitors", object{"healthmonitor": object{"pool_id": id, "type": kind, "delay": 5, "timeout": 3, "max_retries": 1}})
		}
		refused(t, monitor("HTTP"), 501, no+"OVN provider does not support HTTP health monitor type. Supported types: TCP, UDP-CONNECT")
		if got := monitor("TCP"); got.status != 201 {
			t.Errorf("TCP monitor: got %d %s", got.status, got.text)
		}
		refused(t, b.callAs(b.admin, "PUT", "/loadbalancers/"+lb.ID+"/failover", nil), 501, no+"OVN provider does not support loadbalancer failover")
		action := "Provider 'ovn' does not support a requested action: "
		flavor := b.AddLoadBalancerFlavor("small", "ovn")
		body := object{"loadbalancer": object{"vip_subnet_id": b.subnet, "flavor_id": flavor}}
		refused(t, b.call("POST", "/loadbalancers", body), 501, action+"This provider does not support validating flavors.")
		b.AddLoadBalancerZone("az-1")
		body = object{"loadbalancer": object{"vip_subnet_id": b.subnet, "provider": "ovn", "availability_zone": "az-1"}}
		refused(t, b.call("POST", "/loadbalancers", body), 501, action+"This provider does not support validating availability zones.")
	})
}

func TestOctaviaThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalancing(t, simulator.Options{})
		b.FailLoadBalancerCreates(1)
		bad := b.call("POST", "/loadbalancers", object{"loadbalancer": b.tree("bad")})
		id, _ := at(bad.body, "loadbalancer", "id").(string)
		time.Sleep(time.Second)
		if got := b.LoadBalancer(id); got.ProvisioningStatus != "ERROR" || got.OperatingStatus != "OFFLINE" || got.Listeners[0].ProvisioningStatus != "PENDING_CREATE" {
			t.Errorf("created: got %+v", got)
		}
		refused(t, b.call("POST", "/listeners", b.listenerOn(id, "TCP", 81, nil)), 409, "Load Balancer "+id+" is immutable and cannot be updated.")
		refused(t, b.call("PUT", "/loadbalancers/"+id+"/failover", nil), 403, "Policy does not allow this request to be performed.")
		if got := b.callAs(b.admin, "PUT", "/loadbalancers/"+id+"/failover", nil); got.status != 202 {
			t.Errorf("failover: got %d %s", got.status, got.text)
		}
		time.Sleep(time.Second)
		healed := b.LoadBalancer(id)
		if healed.ProvisioningStatus != "ACTIVE" || healed.Listeners[0].ProvisioningStatus != "ACTIVE" || healed.OperatingStatus != "ONLINE" {
			t.Errorf("failed over: got %+v", healed)
		}
		b.FailLoadBalancerChange(id)
		pool := healed.Pools[0].ID
		b.call("PUT", "/pools/"+pool, object{"pool": object{"name": "x"}})
		time.Sleep(time.Second)
		if got := b.LoadBalancer(id); got.ProvisioningStatus != "ACTIVE" || got.Pools[0].ProvisioningStatus != "ERROR" {
			t.Errorf("a pool that fails: got %s and %s", got.ProvisioningStatus, got.Pools[0].ProvisioningStatus)
		}
		refused(t, b.call("PUT", "/pools/"+pool+"/members", object{"members": []object{}}), 409, "Pool "+pool+" is immutable and cannot be updated.")
		b.SetLoadBalancerStatus(id, "ERROR")
		if got := b.call("DELETE", "/loadbalancers/"+id+"?cascade=true", nil); got.status != 204 {
			t.Errorf("delete from ERROR: got %d %s", got.status, got.text)
		}
		time.Sleep(time.Second)
		if left := b.LoadBalancers(); len(left) != 0 || len(b.Ports()) != 0 {
			t.Errorf("left: %v %v", left, b.Ports())
		}
	})
}

func TestOctaviaHealth(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	lb := b.AddLoadBalancer(b.tree("web"))
	first, second := lb.Pools[0].Members[0].ID, lb.Pools[0].Members[1].ID
	states := func() string {
		got := b.LoadBalancer(lb.ID)
		p := got.Pools[0]
		return strings.Join([]string{got.OperatingStatus, p.OperatingStatus, p.Members[0].OperatingStatus, p.Members[1].OperatingStatus}, " ")
	}
	for _, step := range []struct {
		what, want string
		do         func()
	}{
		{"new", "ONLINE ONLINE ONLINE ONLINE", func() {}},
		{"one down", "DEGRADED DEGRADED ERROR ONLINE", func() { b.SetMemberOperatingStatus(first, "ERROR") }},
		{"both down", "ERROR ERROR ERROR ERROR", func() { b.SetMemberOperatingStatus(second, "ERROR") }},
		{"well again", "ONLINE ONLINE ONLINE ONLINE", func() {
			b.SetMemberOperatingStatus(first, "")
			b.SetMemberOperatingStatus(second, "")
		}},
		{"drained", "ONLINE ONLINE DRAINING ONLINE", func() { b.EditLoadBalancer(first, simulator.Attributes{"weight": 0}) }},
		{"switched off", "ONLINE ONLINE DRAINING OFFLINE", func() { b.EditLoadBalancer(second, simulator.Attributes{"admin_state_up": false}) }},
		{"unmonitored", "ONLINE ONLINE NO_MONITOR OFFLINE", func() { b.DeleteLoadBalancerPart(lb.Pools[0].Monitor.ID) }},
		{"no listener", "ONLINE OFFLINE NO_MONITOR OFFLINE", func() { b.DeleteLoadBalancerPart(lb.Listeners[0].ID) }},
		{"said to be bad", "DEGRADED OFFLINE NO_MONITOR OFFLINE", func() { b.SetLoadBalancerOperatingStatus(lb.ID, "DEGRADED") }},
	} {
		step.do()
		if got := states(); got != step.want {
			t.Errorf("%s: got %s, want %s", step.what, got, step.want)
		}
	}
}

func TestOctaviaQuotas(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	b.SetLoadBalancerQuota("", "load_balancer", 1)
	b.SetLoadBalancerQuota("", "member", 1)
	refused(t, b.call("POST", "/loadbalancers", object{"loadbalancer": b.tree("web")}), 403, "Quota has been met for resources: Member")
	if left := b.Ports(); len(left) != 1 || !strings.HasPrefix(left[0].Name, "octavia-lb-") {
		t.Errorf("a refused tree: got ports %v, want its VIP port left behind", left)
	}
	b.AddLoadBalancer(simulator.Attributes{"vip_subnet_id": b.subnet})
	refused(t, b.call("POST", "/loadbalancers", object{"loadbalancer": object{"vip_subnet_id": b.subnet}}), 403, "Quota has been met for resources: Load Balancer")
	got := b.call("GET", "/quotas/"+b.ProjectID(), nil)
	if at(got.body, "quota", "load_balancer") != 1.0 || at(got.body, "quota", "pool") != -1.0 {
		t.Errorf("quotas: got %s", got.text)
	}
	b.SetQuota("", "port", 2)
	b.SetLoadBalancerQuota("", "load_balancer", -1)
	refused(t, b.call("POST", "/loadbalancers", object{"loadbalancer": object{"vip_subnet_id": b.subnet}}), 500, "Provider 'amphora' reports error: ConflictException: 409")
}

func TestOctaviaCertificates(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	b.SetLoadBalancerPace(simulator.LoadBalancerPace{})
	lb := b.AddLoadBalancer(simulator.Attributes{"vip_subnet_id": b.subnet})
	missing := simulator.Endpoint + "/key-manager/v1/secrets/3f1c9b1e-0000-0000-0000-000000000000"
	post := func(port int, ref string) answer {
		return b.call("POST", "/listeners", b.listenerOn(lb.ID, "TERMINATED_HTTPS", port, object{"default_tls_container_ref": ref}))
	}
	refused(t, post(443, missing), 400, "Could not retrieve certificate: ['"+missing+"']")
	refused(t, post(443, simulator.Endpoint+b.AddSecret("text", []byte("no bundle"))), 400, "")
	bundle := []byte{0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00} // a sequence with version 3, as PKCS #12 begins
	made := raw(t, b.Cloud, "POST", "/key-manager/v1/secrets", `{"name":"web","payload":"MAUCAQMwAA==","payload_content_type":"application/octet-stream","payload_content_encoding":"base64"}`, "X-Auth-Token", b.token)
	ref, _ := at(made.body, "secret_ref").(string)
	if made.status != 201 || ref == "" {
		t.Fatalf("secret: got %d %s", made.status, made.text)
	}
	payload := raw(t, b.Cloud, "GET", strings.TrimPrefix(ref, simulator.Endpoint)+"/payload", "", "X-Auth-Token", b.token)
	if payload.text != string(bundle) || payload.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("payload: got %q as %s", payload.text, payload.Header.Get("Content-Type"))
	}
	got := post(443, ref)
	if got.status != 201 || at(got.body, "listener", "tls_versions", 0) != "TLSv1.2" || at(got.body, "listener", "alpn_protocols", 0) != "h2" {
		t.Errorf("listener: got %d %s", got.status, got.text)
	}
	b.DeleteSecret(ref)
	refused(t, post(444, ref), 400, "Could not retrieve certificate: ['"+ref+"']")
	key := simulator.Endpoint + b.AddSecret("key", []byte("k"))
	container := raw(t, b.Cloud, "POST", "/key-manager/v1/containers", fmt.Sprintf(`{"name":"c","type":"certificate","secret_refs":[{"name":"certificate","secret_ref":%q},{"name":"private_key","secret_ref":%q}]}`, key, key), "X-Auth-Token", b.token)
	containerRef, _ := at(container.body, "container_ref").(string)
	if got := post(445, containerRef); container.status != 201 || got.status != 201 {
		t.Errorf("container: got %d %s, listener %d %s", container.status, container.text, got.status, got.text)
	}
}

func TestOctaviaFaultsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalancing(t, simulator.Options{})
		b.AddFault(simulator.Fault{Match: "POST /v2/lbaas/loadbalancers", Kind: simulator.DropAfter, Nth: 1})
		_, err := loadbalancers.Create(t.Context(), b.client, loadbalancers.CreateOpts{Name: "web", VipSubnetID: b.subnet}).Extract()
		if err == nil || len(b.LoadBalancers()) != 1 {
			t.Errorf("an answer that is lost: got error %v and %d load balancers, want an error and one", err, len(b.LoadBalancers()))
		}
		b.AddFault(simulator.Fault{Match: "GET /v2/lbaas/loadbalancers/{id}/status", Status: 503, Times: 1})
		id := b.LoadBalancers()[0].ID
		got := b.call("GET", "/loadbalancers/"+id+"/status", nil)
		refused(t, got, 503, "Service Unavailable")
		if at(got.body, "faultcode") != "Server" {
			t.Errorf("got %s", got.text)
		}
		for pattern, want := range map[string]int{"POST /v2/lbaas/loadbalancers": 1, "GET /v2/lbaas/loadbalancers/{id}/status": 1, "* /v2/lbaas/*": 2} {
			if got := b.Count(pattern); got != want {
				t.Errorf("%s: got %d calls, want %d", pattern, got, want)
			}
		}
	})
}

func TestOctaviaByHand(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	lb := b.AddLoadBalancer(b.tree("theirs"))
	pool, listener := lb.Pools[0].ID, lb.Listeners[0].ID
	extra := b.AddListener(lb.ID, simulator.Attributes{"protocol": "UDP", "protocol_port": 53})
	other := b.AddPool(lb.ID, simulator.Attributes{"name": "dns", "protocol": "UDP", "lb_algorithm": "SOURCE_IP"})
	b.AddMonitor(other, simulator.Attributes{"type": "UDP-CONNECT", "delay": 5, "timeout": 3, "max_retries": 1})
	b.EditLoadBalancer(extra, simulator.Attributes{"default_pool_id": other, "protocol_port": 5353, "tags": []string{"x"}})
	b.EditLoadBalancer(listener, simulator.Attributes{"connection_limit": 7, "timeout_client_data": 1000000})
	b.SetMembers(pool, simulator.Attributes{"address": "10.0.0.200", "protocol_port": 1})
	got := b.LoadBalancer(lb.ID)
	if l := got.Listeners[1]; l.Port != 5353 || l.DefaultPoolID != other || !slices.Equal(l.Tags, []string{"x"}) || l.ProvisioningStatus != "ACTIVE" {
		t.Errorf("listener: got %+v", l)
	}
	if l := got.Listeners[0]; l.ConnectionLimit != 7 || l.Attributes["timeout_client_data"] != 1000000 {
		t.Errorf("listener: got %+v", l)
	}
	if p := got.Pools; len(p[0].Members) != 1 || p[0].Members[0].Address != "10.0.0.200" || p[1].Monitor == nil || p[1].Monitor.Type != "UDP-CONNECT" {
		t.Errorf("pools: got %+v", p)
	}
	if b.Count("* /v2/lbaas/*") != 0 {
		t.Error("changes by hand are counted")
	}
	b.DeleteLoadBalancer(lb.ID)
	if len(b.LoadBalancers()) != 0 || len(b.Ports()) != 0 {
		t.Errorf("left: %v %v", b.LoadBalancers(), b.Ports())
	}
	refused(t, b.call("GET", "/pools/"+pool, nil), 404, "Pool "+pool+" not found.")
}

func TestPageShowsLoadBalancers(t *testing.T) {
	b := newBalancing(t, simulator.Options{})
	public := b.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"172.24.4.0/24"}, External: true})
	b.AddRouter(simulator.RouterSpec{Name: "r", SubnetIDs: []string{b.subnet}, ExternalNetworkID: public.ID})
	spec := b.tree("web")
	spec["tags"] = []string{"mine"}
	lb := b.AddLoadBalancer(spec)
	f := b.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: public.ID, PortID: lb.VIPPortID, FixedIP: lb.VIPAddress})
	b.AddPool(lb.ID, simulator.Attributes{"name": "spare", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"})
	before := look(t, b.Cloud)
	want := [][]string{
		{"web", "ACTIVE ONLINE", lb.VIPAddress + " " + f.Address + " floating", "amphora mine"},
		{"web", "ACTIVE ONLINE", "TCP 80", "2 of 2 serve"},
		{"spare", "ACTIVE OFFLINE", "no listener", "0 of 0 serve"},
	}
	if diff := cmp.Diff(want, before.rows("loadbalancers")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.SetMemberOperatingStatus(lb.Pools[0].Members[1].ID, "ERROR")
	after := look(t, b.Cloud)
	if got := after.rows("loadbalancers"); got[0][1] != "ACTIVE DEGRADED" || got[1][3] != "1 of 2 serve 10.0.0.102 ERROR" {
		t.Errorf("a member is down: got %v", got)
	}
	if before.Revision == after.Revision {
		t.Error("the page does not hear of a member that is down")
	}
}

package simulator

import (
	"slices"
	"time"
)

// Looking at load balancers by hand: none of this counts as a call.

// LoadBalancerState is what a load balancer and all that belongs to it are like.
type LoadBalancerState struct {
	ID, Name, Description, ProjectID, Provider string
	ProvisioningStatus, OperatingStatus        string
	AdminStateUp                               bool
	VIPAddress, VIPPortID                      string
	VIPSubnetID, VIPNetworkID                  string
	AdditionalVIPs                             []FixedIPState
	VIPSecurityGroups, Tags                    []string
	FlavorID, AvailabilityZone                 string
	// Listeners and Pools are in order of creation.
	Listeners        []ListenerState
	Pools            []PoolState
	Created, Updated time.Time
}

// ListenerState is what a listener is like. Attributes are all that the API
// shows, by name, for what has no field here.
type ListenerState struct {
	ID, Name, Description               string
	ProvisioningStatus, OperatingStatus string
	AdminStateUp                        bool
	Protocol                            string
	Port                                int
	DefaultPoolID                       string
	ConnectionLimit                     int
	AllowedCIDRs, Tags                  []string
	InsertHeaders                       map[string]string
	TLSContainerRef                     string
	SNIContainerRefs                    []string
	Attributes                          map[string]any
}

// PoolState is what a pool, its members and its monitor are like.
type PoolState struct {
	ID, Name, Description               string
	ProvisioningStatus, OperatingStatus string
	AdminStateUp                        bool
	Protocol, Algorithm                 string
	// Persistence is the type of session persistence, "" without.
	Persistence string
	Tags        []string
	Members     []MemberState
	Monitor     *MonitorState
	Attributes  map[string]any
}

// MemberState is what a member is like; MonitorPort is 0 and SubnetID "" where there is none.
type MemberState struct {
	ID, Name                            string
	ProvisioningStatus, OperatingStatus string
	AdminStateUp, Backup                bool
	Address, SubnetID                   string
	Port, Weight, MonitorPort           int
	Tags                                []string
}

// MonitorState is what a health monitor is like.
type MonitorState struct {
	ID, Name                                   string
	ProvisioningStatus, OperatingStatus        string
	AdminStateUp                               bool
	Type, Method, Path, Codes                  string
	Delay, Timeout, MaxRetries, MaxRetriesDown int
}

// LoadBalancers are all load balancers, oldest first. Those that are deleted are gone.
func (c *Cloud) LoadBalancers() []LoadBalancerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.settle()
	all := make([]LoadBalancerState, 0, len(c.octavia.balancers))
	for _, b := range c.octavia.balancers {
		all = append(all, c.octavia.state(b))
	}
	return all
}

// LoadBalancer is what a load balancer is like; the zero value if there is none.
func (c *Cloud) LoadBalancer(id string) LoadBalancerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.settle()
	b, found := lbFind[*loadBalancer](c.octavia, id)
	if !found {
		return LoadBalancerState{}
	}
	return c.octavia.state(b)
}

func (o *octavia) state(b *loadBalancer) LoadBalancerState {
	v := b.values
	state := LoadBalancerState{
		ID: b.ID, Name: v.text("name"), Description: v.text("description"), ProjectID: b.ProjectID, Provider: b.provider,
		ProvisioningStatus: b.Provisioning, OperatingStatus: b.operating(), AdminStateUp: v.on("admin_state_up"),
		VIPAddress: b.vip.address, VIPPortID: b.vip.portID, VIPSubnetID: b.vip.subnetID, VIPNetworkID: b.vip.networkID,
		VIPSecurityGroups: v.texts("vip_sg_ids"), Tags: v.texts("tags"), FlavorID: v.text("flavor_id"),
		AvailabilityZone: v.text("availability_zone"), Created: b.Created, Updated: b.Updated,
	}
	for _, vip := range b.additional {
		state.AdditionalVIPs = append(state.AdditionalVIPs, FixedIPState{vip.subnetID, vip.address})
	}
	for _, l := range b.listeners {
		state.Listeners = append(state.Listeners, o.listenerState(l))
	}
	for _, p := range b.pools {
		state.Pools = append(state.Pools, o.poolState(p))
	}
	return state
}

func (o *octavia) listenerState(l *lbListener) ListenerState {
	v := l.values
	state := ListenerState{
		ID: l.ID, Name: v.text("name"), Description: v.text("description"),
		ProvisioningStatus: l.Provisioning, OperatingStatus: l.operating(), AdminStateUp: v.on("admin_state_up"),
		Protocol: v.text("protocol"), Port: v.number("protocol_port"), ConnectionLimit: v.number("connection_limit"),
		AllowedCIDRs: v.texts("allowed_cidrs"), Tags: v.texts("tags"), InsertHeaders: map[string]string{},
		TLSContainerRef: v.text("default_tls_container_ref"), SNIContainerRefs: v.texts("sni_container_refs"),
		Attributes: o.view(l),
	}
	if l.pool != nil {
		state.DefaultPoolID = l.pool.ID
	}
	headers, _ := v["insert_headers"].(map[string]any)
	for name, value := range headers {
		state.InsertHeaders[name], _ = value.(string)
	}
	return state
}

func (o *octavia) poolState(p *lbPool) PoolState {
	v := p.values
	state := PoolState{
		ID: p.ID, Name: v.text("name"), Description: v.text("description"),
		ProvisioningStatus: p.Provisioning, OperatingStatus: p.operating(), AdminStateUp: v.on("admin_state_up"),
		Protocol: v.text("protocol"), Algorithm: v.text("lb_algorithm"), Tags: v.texts("tags"),
		Persistence: v.object("session_persistence").text("type"), Attributes: o.view(p),
	}
	for _, m := range p.members {
		state.Members = append(state.Members, m.state())
	}
	if p.monitor != nil {
		state.Monitor = p.monitor.state()
	}
	return state
}

func (m *lbMember) state() MemberState {
	v := m.values
	return MemberState{
		ID: m.ID, Name: v.text("name"), ProvisioningStatus: m.Provisioning, OperatingStatus: m.operating(),
		AdminStateUp: v.on("admin_state_up"), Backup: v.on("backup"), Address: v.text("address"), SubnetID: v.text("subnet_id"),
		Port: v.number("protocol_port"), Weight: v.number("weight"), MonitorPort: v.number("monitor_port"),
		Tags: slices.Clone(v.texts("tags")),
	}
}

func (m *lbMonitor) state() *MonitorState {
	v := m.values
	return &MonitorState{
		ID: m.ID, Name: v.text("name"), ProvisioningStatus: m.Provisioning, OperatingStatus: m.operating(),
		AdminStateUp: v.on("admin_state_up"), Type: v.text("type"), Method: v.text("http_method"), Path: v.text("url_path"),
		Codes: v.text("expected_codes"), Delay: v.number("delay"), Timeout: v.number("timeout"),
		MaxRetries: v.number("max_retries"), MaxRetriesDown: v.number("max_retries_down"),
	}
}

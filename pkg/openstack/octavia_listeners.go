package openstack

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// Operations on listeners (https://docs.openstack.org/api-ref/load-balancer/v2/#listeners).
// To write the same settings twice leaves the same settings: while the first
// write is at work the second is refused. An id is never given again, so that a
// delete may be repeated too. Both hold for everything in Octavia.
var (
	opListenerList   = session.Operation{Name: "loadbalancer_listener_list", Method: http.MethodGet}
	opListenerCreate = session.Operation{Name: "loadbalancer_listener_create", Method: http.MethodPost}
	opListenerUpdate = session.Operation{Name: "loadbalancer_listener_update", Method: http.MethodPut, Idempotent: true}
	opListenerDelete = session.Operation{Name: "loadbalancer_listener_delete", Method: http.MethodDelete, Idempotent: true}
)

// octaviaListener is a listener as Octavia tells it (octavia/api/v2/types/listener.py, ListenerResponse).
type octaviaListener struct {
	ID                   string                  `json:"id"`
	Name                 string                  `json:"name"`
	Tags                 told[[]string]          `json:"tags"`
	Protocol             tree.Protocol           `json:"protocol"`
	Port                 int                     `json:"protocol_port"`
	Provisioning         tree.Provisioning       `json:"provisioning_status"`
	Operating            tree.Operating          `json:"operating_status"`
	AdminUp              *bool                   `json:"admin_state_up"`
	ConnectionLimit      *int                    `json:"connection_limit"`
	TimeoutClientData    *int                    `json:"timeout_client_data"`
	TimeoutMemberConnect *int                    `json:"timeout_member_connect"`
	TimeoutMemberData    *int                    `json:"timeout_member_data"`
	TimeoutTCPInspect    *int                    `json:"timeout_tcp_inspect"`
	AllowedCIDRs         told[[]string]          `json:"allowed_cidrs"`
	InsertHeaders        told[map[string]string] `json:"insert_headers"`
	DefaultTLS           told[string]            `json:"default_tls_container_ref"`
	SNI                  told[[]string]          `json:"sni_container_refs"`
	TLSVersions          told[[]string]          `json:"tls_versions"`
	TLSCiphers           told[string]            `json:"tls_ciphers"`
	ALPN                 told[[]string]          `json:"alpn_protocols"`
	HSTSMaxAge           told[int]               `json:"hsts_max_age"`
	HSTSSubdomains       bool                    `json:"hsts_include_subdomains"`
	HSTSPreload          bool                    `json:"hsts_preload"`
	DefaultPool          string                  `json:"default_pool_id"`
	Balancers            []onlyID                `json:"loadbalancers"`
}

func (l octaviaListener) forTree(balancerID string) tree.Listener {
	out := tree.Listener{
		ID: l.ID, BalancerID: balancerID, Name: l.Name, Tags: sorted(l.Tags), Protocol: l.Protocol, Port: l.Port,
		Settings: l.settings(), Provisioning: l.Provisioning, Operating: l.Operating,
	}
	if out.BalancerID == "" {
		out.BalancerID = firstID(l.Balancers)
	}
	if l.DefaultPool != "" {
		out.Pool = &tree.Pool{ID: l.DefaultPool}
	}
	return out
}

func (l octaviaListener) settings() tree.ListenerSettings {
	out := tree.ListenerSettings{
		AdminUp: l.AdminUp, ConnectionLimit: l.ConnectionLimit, TimeoutClientData: l.TimeoutClientData,
		TimeoutMemberConnect: l.TimeoutMemberConnect, TimeoutMemberData: l.TimeoutMemberData,
		TimeoutTCPInspect: l.TimeoutTCPInspect, AllowedCIDRs: inOrder(l.AllowedCIDRs),
		DefaultTLSContainerRef: l.DefaultTLS.pointer(), SNIContainerRefs: sorted(l.SNI),
		TLSVersions: sorted(l.TLSVersions), TLSCiphers: l.TLSCiphers.pointer(), ALPNProtocols: inOrder(l.ALPN),
	}
	for i, cidr := range out.AllowedCIDRs {
		out.AllowedCIDRs[i] = canonicalPrefix(cidr)
	}
	slices.Sort(out.AllowedCIDRs)
	if l.InsertHeaders.there {
		out.InsertHeaders = map[string]string{}
		for name, value := range l.InsertHeaders.value {
			out.InsertHeaders[name] = strings.ToLower(value) // "True" is "true" to Octavia
		}
	}
	if l.HSTSMaxAge.there {
		out.HSTS = &tree.HSTS{MaxAge: l.HSTSMaxAge.value, IncludeSubdomains: l.HSTSSubdomains, Preload: l.HSTSPreload}
	}
	return out
}

// setListener adds what is not nil.
func setListener(in body, s tree.ListenerSettings) {
	setTo(in, "admin_state_up", s.AdminUp)
	setTo(in, "connection_limit", s.ConnectionLimit)
	setTo(in, "timeout_client_data", s.TimeoutClientData)
	setTo(in, "timeout_member_connect", s.TimeoutMemberConnect)
	setTo(in, "timeout_member_data", s.TimeoutMemberData)
	setTo(in, "timeout_tcp_inspect", s.TimeoutTCPInspect)
	setList(in, "allowed_cidrs", s.AllowedCIDRs)
	if s.InsertHeaders != nil {
		in["insert_headers"] = s.InsertHeaders
	}
	setOrClear(in, "default_tls_container_ref", s.DefaultTLSContainerRef)
	setList(in, "sni_container_refs", s.SNIContainerRefs)
	setListOrDefault(in, "tls_versions", s.TLSVersions)
	setOrClear(in, "tls_ciphers", s.TLSCiphers)
	setListOrDefault(in, "alpn_protocols", s.ALPNProtocols)
	switch {
	case s.HSTS == nil:
	case s.HSTS.MaxAge == 0:
		in["hsts_max_age"], in["hsts_include_subdomains"], in["hsts_preload"] = nil, false, false
	default:
		in["hsts_max_age"] = s.HSTS.MaxAge
		in["hsts_include_subdomains"], in["hsts_preload"] = s.HSTS.IncludeSubdomains, s.HSTS.Preload
	}
}

// newListener is a listener that is yet to be made, without its pool.
func newListener(desired tree.Listener) body {
	out := body{"protocol": desired.Protocol, "protocol_port": desired.Port}
	setText(out, "name", desired.Name)
	setList(out, "tags", desired.Tags)
	settings := desired.Settings
	if settings.HSTS != nil && settings.HSTS.MaxAge == 0 {
		settings.HSTS = nil
	}
	setListener(out, settings)
	return out.withoutNone()
}

// Listeners keeps the contract of loadbalancer.Balancers.
func (c *Client) Listeners(ctx context.Context, balancerID string) ([]tree.Listener, error) {
	found, err := session.Collect[octaviaListener](ctx, c.session, ofBalancer(opListenerList, balancerID, "lbaas", "listeners"))
	if err != nil {
		return nil, err
	}
	out := make([]tree.Listener, 0, len(found))
	for _, listener := range found {
		out = append(out, listener.forTree(""))
	}
	slices.SortStableFunc(out, func(a, b tree.Listener) int {
		if n := strings.Compare(a.BalancerID, b.BalancerID); n != 0 {
			return n
		}
		return a.Key().Compare(b.Key())
	})
	return out, nil
}

// ofBalancer lists the parts of a load balancer, or of all of the project ("").
func ofBalancer(op session.Operation, balancerID string, path ...string) session.Listing {
	if balancerID == "" {
		return session.Listing{Op: op, Of: balancing, Path: path, Own: true}
	}
	return session.Listing{Op: op, Of: balancing, Path: path, Query: url.Values{"loadbalancer_id": {balancerID}}}
}

// CreateListener keeps the contract of loadbalancer.ListenerWriter.
func (c *Client) CreateListener(ctx context.Context, balancerID, poolID string, desired tree.Listener) (tree.Listener, error) {
	wish := newListener(desired)
	wish["loadbalancer_id"] = balancerID
	setText(wish, "default_pool_id", poolID)
	var said struct {
		Listener octaviaListener `json:"listener"`
	}
	err := c.sendOctavia(ctx, session.Request{
		Op: opListenerCreate, Path: []string{"lbaas", "listeners"}, Parent: balancerID, Body: body{"listener": wish}, Into: &said,
	})
	if err != nil {
		return tree.Listener{}, err
	}
	return said.Listener.forTree(balancerID), nil
}

// UpdateListener keeps the contract of loadbalancer.ListenerWriter.
func (c *Client) UpdateListener(ctx context.Context, id string, change loadbalancer.ListenerChange) error {
	wish := body{}
	setTo(wish, "name", change.Name)
	setList(wish, "tags", change.Tags)
	setOrClear(wish, "default_pool_id", change.PoolID)
	setListener(wish, change.Settings)
	return c.sendOctavia(ctx, session.Request{
		Op: opListenerUpdate, Path: []string{"lbaas", "listeners", id}, Body: body{"listener": wish},
	})
}

// DeleteListener keeps the contract of loadbalancer.ListenerWriter.
func (c *Client) DeleteListener(ctx context.Context, id string) error {
	return c.sendOctavia(ctx, session.Request{Op: opListenerDelete, Path: []string{"lbaas", "listeners", id}})
}

package scenario_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// balancing is Octavia's type in the catalog.
const balancing = "load-balancer"

// root is where the services live that make openstack-up has started: a folder
// that they see as /. Without it nobody can have an ERROR of Octavia's.
const root = "UNDERLAY_OPENSTACK_ROOT"

// openDoor gives the router a gateway, so that its network can have floating IPs.
func (on *tenant) openDoor(t *testing.T) {
	t.Helper()
	var list struct{ Networks []struct{ ID string } }
	on.must(t, http.MethodGet, "network", "/v2.0/networks?router%3Aexternal=true&fields=id", nil, &list)
	if len(list.Networks) == 0 {
		t.Fatal("floating IPs need an external network; there is none")
	}
	gateway := object{"router": object{"external_gateway_info": object{"network_id": list.Networks[0].ID}}}
	on.must(t, http.MethodPut, "network", "/v2.0/routers/"+on.router, gateway, nil)
}

// certificate keeps a PKCS #12 bundle in Barbican and gives its reference.
func (on *tenant) certificate(t *testing.T) string {
	t.Helper()
	bundle, err := os.ReadFile(filepath.Join(top, "test", "contract", "testdata", "certificate.p12"))
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		Ref string `json:"secret_ref"`
	}
	on.must(t, http.MethodPost, "key-manager", "/v1/secrets", object{
		"name": "scenario", "payload": base64.StdEncoding.EncodeToString(bundle),
		"payload_content_type": "application/octet-stream", "payload_content_encoding": "base64",
	}, &made)
	_, id, _ := strings.Cut(made.Ref, "/v1/secrets/")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := gone(on.client.Do(ctx, http.MethodDelete, "key-manager", "/v1/secrets/"+id, nil, nil)); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return made.Ref
}

// balancer is a load balancer as Octavia shows it.
type balancer struct {
	ID, Name string
	Status   string `json:"provisioning_status"`
	PortID   string `json:"vip_port_id"`
	Tags     []string
}

// balancers are those in the tenant's network.
func (on *tenant) balancers(ctx context.Context) ([]balancer, error) {
	var list struct {
		LoadBalancers []balancer `json:"loadbalancers"`
	}
	err := on.client.Do(ctx, http.MethodGet, balancing, "/v2/lbaas/loadbalancers?vip_network_id="+on.network, nil, &list)
	return list.LoadBalancers, err
}

// only gives the one that there is.
func (on *tenant) only(t *testing.T) balancer {
	t.Helper()
	all, err := on.balancers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Fatalf("got %d load balancers, want one: %+v", len(all), all)
	}
	return all[0]
}

// shape is what a load balancer serves, a line a listener, by port:
// "TCP 80, members 2, from 10.0.0.0/8". Nil while Octavia is at work on it, and
// while there is a listener without a pool or a pool without a listener.
func (on *tenant) shape(ctx context.Context) ([]string, error) {
	all, err := on.balancers(ctx)
	if err != nil || len(all) != 1 || all[0].Status != "ACTIVE" {
		return nil, err
	}
	query := "?" + url.Values{"loadbalancer_id": {all[0].ID}}.Encode()
	var listeners struct {
		Listeners []struct {
			Protocol string
			Port     int      `json:"protocol_port"`
			Pool     string   `json:"default_pool_id"`
			CIDRs    []string `json:"allowed_cidrs"`
			TLS      string   `json:"default_tls_container_ref"`
		}
	}
	if err := on.client.Do(ctx, http.MethodGet, balancing, "/v2/lbaas/listeners"+query, nil, &listeners); err != nil {
		return nil, err
	}
	var pools struct {
		Pools []struct {
			ID      string
			Members []struct{ ID string }
		}
	}
	if err := on.client.Do(ctx, http.MethodGet, balancing, "/v2/lbaas/pools"+query, nil, &pools); err != nil {
		return nil, err
	}
	if len(pools.Pools) != len(listeners.Listeners) {
		return nil, nil
	}
	members := map[string]int{}
	for _, pool := range pools.Pools {
		members[pool.ID] = len(pool.Members)
	}
	var lines []string
	for _, l := range listeners.Listeners {
		line := fmt.Sprintf("%s %d, members %d, from %s", l.Protocol, l.Port, members[l.Pool], strings.Join(l.CIDRs, " "))
		if l.TLS != "" {
			line += ", with a certificate"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines, nil
}

// floatingIP is one of Neutron's.
type floatingIP struct {
	Address string `json:"floating_ip_address"`
	PortID  string `json:"port_id"`
}

// floatingIPs are those that lead into the tenant's network.
func (on *tenant) floatingIPs(ctx context.Context) ([]floatingIP, error) {
	var list struct{ FloatingIPs []floatingIP }
	err := on.client.Do(ctx, http.MethodGet, "network", "/v2.0/floatingips?router_id="+on.router, nil, &list)
	return list.FloatingIPs, err
}

// vipPorts counts the ports of load balancers in the tenant's network.
func (on *tenant) vipPorts(ctx context.Context) (int, error) {
	var list struct{ Ports []port }
	err := on.client.Do(ctx, http.MethodGet, "network", "/v2.0/ports?device_owner=Octavia&network_id="+on.network, nil, &list)
	return len(list.Ports), err
}

// breakDown has Octavia take a load balancer for broken, as when its amphora was
// lost: with the word of its database, as no request can.
func breakDown(t *testing.T, id string) {
	t.Helper()
	statement := "UPDATE load_balancer SET provisioning_status = 'ERROR' WHERE id = '" + id + "'"
	client := exec.CommandContext(t.Context(), "chroot", os.Getenv(root), "/usr/bin/mariadb", "--no-defaults", "-uroot",
		"-S", "/srv/underlay/run/mysqld.sock", "octavia", "-e", statement)
	if out, err := client.CombinedOutput(); err != nil {
		t.Fatalf("write ERROR into Octavia's database: %v\n%s", err, out)
	}
}

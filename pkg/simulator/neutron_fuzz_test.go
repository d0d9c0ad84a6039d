package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"underlay/pkg/simulator"
)

// FuzzNeutronBodies: no body makes the service fail, whatever it is; what it
// refuses it refuses with a status of the client's fault, save where the real
// service stumbles too.
func FuzzNeutronBodies(f *testing.F) {
	c := simulator.New(simulator.Options{})
	external := c.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
	lan := c.AddNetwork(simulator.NetworkSpec{Name: "lan", Subnets: []string{"10.0.0.0/24", "fd00::/64"}})
	router := c.AddRouter(simulator.RouterSpec{Name: "r", SubnetIDs: lan.SubnetIDs, ExternalNetworkID: external.ID})
	port := c.AddPort(simulator.PortSpec{NetworkID: lan.ID})
	group := c.Port(port).SecurityGroups[0]
	targets := []string{
		"POST networks", "POST subnets", "POST ports", "POST routers", "POST floatingips", "POST security-groups",
		"POST security-group-rules", "PUT networks/" + lan.ID, "PUT subnets/" + lan.SubnetIDs[1], "PUT ports/" + port,
		"PUT routers/" + router, "PUT routers/" + router + "/add_extraroutes", "PUT routers/" + router + "/remove_extraroutes",
		"PUT routers/" + router + "/add_router_interface", "PUT routers/" + router + "/remove_router_interface",
		"PUT ports/" + port + "/tags", "PUT security-groups/" + group, "PUT quotas/" + c.ProjectID(),
	}
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `{"port": null}`, `{"ports": []}`, `{"ports": [null]}`,
		`{"port": {"network_id": "LAN", "fixed_ips": [{}]}}`, `{"port": {"network_id": "LAN", "fixed_ips": [{"subnet_id": null}]}}`,
		`{"port": {"allowed_address_pairs": [{"ip_address": 7}], "security_groups": null}}`, `{"port": {"fixed_ips": null}}`,
		`{"port": {"allowed_address_pairs": [{"ip_address": "10.244.0.0/24", "mac_address": null}], "tags": [1]}}`,
		`{"subnet": {"network_id": "LAN", "ip_version": 6, "cidr": "::/0", "gateway_ip": null}}`,
		`{"subnet": {"network_id": "LAN", "ip_version": 4, "cidr": "10.9.0.0/32", "allocation_pools": [{}]}}`,
		`{"subnet": {"gateway_ip": "", "host_routes": null, "dns_nameservers": null}}`,
		`{"router": {"routes": null}}`, `{"router": {"routes": [null]}}`, `{"router": {"routes": [{"destination": 1, "nexthop": null}]}}`,
		`{"router": {"external_gateway_info": {"network_id": null}}}`, `{"router": {"external_gateway_info": {"external_fixed_ips": []}}}`,
		`{"floatingip": {"floating_network_id": "WAN", "port_id": "PORT", "fixed_ip_address": "fd00::2"}}`,
		`{"security_group_rule": {"security_group_id": "SG", "direction": "ingress", "protocol": {}, "port_range_min": 1}}`,
		`{"security_group_rules": [{"direction": "ingress"}]}`, `{"subnet_id": null, "port_id": null}`, `{"subnet_id": "", "port_id": ""}`,
		`{"network": {"mtu": "x"}}`, `{"tags": null}`, `{"quota": {"port": null}}`,
	} {
		for at := range targets {
			f.Add(at, body)
		}
	}
	token := tokenFor(f, c)
	ids := strings.NewReplacer("LAN", lan.ID, "WAN", external.ID, "PORT", port, "SG", group)
	f.Fuzz(func(t *testing.T, at int, body string) {
		if at < 0 || at >= len(targets) {
			return
		}
		method, path, _ := strings.Cut(targets[at], " ")
		got := raw(t, c, method, "/network/v2.0/"+path, ids.Replace(body), "X-Auth-Token", token)
		failed := got.StatusCode >= http.StatusInternalServerError && !stumbles(path, got.text)
		if failed || got.StatusCode == http.StatusUnauthorized {
			t.Errorf("%s %s: got %d %s", targets[at], body, got.StatusCode, got.text)
		}
	})
}

// stumbles tells Neutron's own 500, for bodies that it does not check, from a
// failure of the simulator.
func stumbles(path, text string) bool {
	unchecked := strings.Contains(path, "_extraroutes") || strings.Contains(path, "/tags")
	return unchecked && strings.Contains(text, "Request Failed: internal server error while processing your request.")
}

package manifests_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/openstack"
	"underlay/pkg/routes"
	"underlay/pkg/simulator"
)

// TestAccessRulesAreEnough makes every call that the product can make, once,
// with an application credential that may do nothing but what
// examples/access-rules.json lists; and no rule is there in vain.
func TestAccessRulesAreEnough(t *testing.T) {
	rules := readRules(t)
	everyCall(t, rules)
	for i, rule := range rules {
		without := slices.Delete(slices.Clone(rules), i, i+1)
		if len(failures(t, without)) == 0 {
			t.Errorf("%s %s is allowed and not needed", rule.Method, rule.Path)
		}
	}
}

func readRules(t *testing.T) []simulator.AccessRule {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "examples/access-rules.json"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.DisallowUnknownFields()
	var rules []simulator.AccessRule
	if err := decoder.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

func everyCall(t *testing.T, rules []simulator.AccessRule) {
	t.Helper()
	for name, err := range failures(t, rules) {
		t.Errorf("%s: %v", name, err)
	}
}

// failures makes every call and returns those that failed, by the method's name.
func failures(t *testing.T, rules []simulator.AccessRule) map[string]error {
	t.Helper()
	cloud := simulator.New(simulator.Options{MaxMicroversion: "2.79"}) // so that the version is negotiated
	network := cloud.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
	router := cloud.AddRouter(simulator.RouterSpec{Name: "router", SubnetIDs: network.SubnetIDs})
	nic := []simulator.NIC{{NetworkID: network.ID}}
	server := cloud.AddServer(simulator.ServerSpec{Name: "node-1", Networks: nic})
	cloud.AddTrunk("trunk", server.PortIDs[0], cloud.AddServer(simulator.ServerSpec{Name: "other", Networks: nic}).PortIDs[0])
	credential := cloud.AddApplicationCredential(simulator.ApplicationCredentialSpec{Name: "underlay", AccessRules: rules})
	client, err := openstack.New(config.Global{
		AuthURL:                 simulator.IdentityURL(simulator.Endpoint),
		ApplicationCredentialID: credential.ID, ApplicationCredentialSecret: credential.Secret,
		EndpointType: "public",
	}, openstack.Options{Transport: cloud.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	calls := callsOf(client, router, network.SubnetIDs, server)
	tell(t, calls)
	failed := map[string]error{}
	for name, call := range calls {
		if err := call(t.Context()); err != nil {
			failed[name] = err
		}
	}
	return failed
}

func callsOf(client *openstack.Client, router string, subnets []string, server simulator.Server) map[string]func(context.Context) error {
	route := []routes.Route{{Destination: "10.244.0.0/24", NextHop: server.Addresses[0]}}
	return map[string]func(context.Context) error{
		"Check":      client.Check,
		"Readable":   client.Readable,
		"Features":   func(ctx context.Context) error { _, err := client.Features(ctx); return err },
		"Router":     func(ctx context.Context) error { _, err := client.Router(ctx, router); return err },
		"Interfaces": func(ctx context.Context) error { _, err := client.Interfaces(ctx, router); return err },
		"RoutersOn":  func(ctx context.Context) error { _, err := client.RoutersOn(ctx, subnets); return err },
		"AddRoutes":  func(ctx context.Context) error { _, err := client.AddRoutes(ctx, router, route); return err },
		"RemoveRoutes": func(ctx context.Context) error {
			_, err := client.RemoveRoutes(ctx, router, route)
			return err
		},
		"SetRoutes": func(ctx context.Context) error {
			actual, err := client.Router(ctx, router)
			if err != nil {
				return err
			}
			_, err = client.SetRoutes(ctx, router, actual.Revision, route)
			return err
		},
		"Ports":         func(ctx context.Context) error { _, err := client.Ports(ctx, 0); return err },
		"InstancePorts": func(ctx context.Context) error { return parentKnown(ctx, client) },
		"Port":          func(ctx context.Context) error { _, err := client.Port(ctx, server.PortIDs[0]); return err },
		"SetAddressPairs": func(ctx context.Context) error {
			port, err := client.Port(ctx, server.PortIDs[0])
			if err != nil {
				return err
			}
			_, err = client.SetAddressPairs(ctx, port.ID, port.Revision, []routes.AddressPair{{IPAddress: "10.244.0.0/24"}})
			return err
		},
		"Servers": func(ctx context.Context) error { _, err := client.Servers(ctx, 0); return err },
		"Server":  func(ctx context.Context) error { _, err := client.Server(ctx, server.ID); return err },
	}
}

// parentKnown: where trunks may not be read, their subports lose their parents in silence.
func parentKnown(ctx context.Context, client *openstack.Client) error {
	ports, err := client.InstancePorts(ctx, 0)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(ports, func(p instances.Port) bool { return p.TrunkParent != "" }) {
		return fmt.Errorf("no subport has a parent")
	}
	return nil
}

// tell fails when an interface has a method that nobody calls here.
func tell(t *testing.T, calls map[string]func(context.Context) error) {
	t.Helper()
	for _, contract := range []reflect.Type{reflect.TypeFor[routes.RouterAPI](), reflect.TypeFor[routes.PortAPI](), reflect.TypeFor[instances.Cloud]()} {
		for method := range contract.Methods() {
			if calls[method.Name] == nil {
				t.Errorf("%s.%s is not called", contract, method.Name)
			}
		}
	}
}

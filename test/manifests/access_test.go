package manifests_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/openstack"
	"underlay/pkg/routes"
	"underlay/pkg/simulator"
)

// TestAccessRulesAreEnough makes every call that the product can make, once,
// with an application credential that may do nothing but what
// examples/access-rules.json lists; and no rule is there in vain.
func TestAccessRulesAreEnough(t *testing.T) {
	rules := readRules(t, "examples/access-rules.json")
	everyCall(t, rules)
	for i, rule := range rules {
		without := slices.Delete(slices.Clone(rules), i, i+1)
		if len(failures(t, without)) == 0 {
			t.Errorf("%s %s is allowed and not needed", rule.Method, rule.Path)
		}
	}
}

func readRules(t *testing.T, name string) []simulator.AccessRule {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
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
	simulated := simulator.New(simulator.Options{MaxMicroversion: "2.79"}) // so that the version is negotiated
	network := simulated.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
	router := simulated.AddRouter(simulator.RouterSpec{Name: "router", SubnetIDs: network.SubnetIDs})
	nic := []simulator.NIC{{NetworkID: network.ID}}
	server := simulated.AddServer(simulator.ServerSpec{Name: "node-1", Networks: nic})
	simulated.AddTrunk("trunk", server.PortIDs[0], simulated.AddServer(simulator.ServerSpec{Name: "other", Networks: nic}).PortIDs[0])
	credential := simulated.AddApplicationCredential(simulator.ApplicationCredentialSpec{Name: "underlay", AccessRules: rules})
	client, err := openstack.New(config.Global{
		AuthURL:                 simulator.IdentityURL(simulator.Endpoint),
		ApplicationCredentialID: credential.ID, ApplicationCredentialSecret: credential.Secret,
		EndpointType: "public",
	}, openstack.Options{Transport: simulated.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	calls := callsOf(client, router, network.SubnetIDs, server)
	maps.Copy(calls, balancerCalls(client))
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

// balancerCalls makes every call of load balancers, most of them about things that
// are not there: what counts is that the cloud does not forbid to ask.
func balancerCalls(client *openstack.Client) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{
		"LoadBalancers of an id": func(ctx context.Context) error {
			_, err := client.LoadBalancers(ctx, loadbalancer.BalancerQuery{ID: absent, StatusOnly: true})
			return forbidden(err)
		},
	}
	maps.Copy(calls, methodCalls(client, reflect.TypeFor[loadbalancer.Cloud]()))
	return calls
}

// methodCalls makes every call of an interface, about things that are not there.
func methodCalls(client any, contract reflect.Type) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{}
	for method := range contract.Methods() {
		calls[method.Name] = func(ctx context.Context) error {
			given := []reflect.Value{reflect.ValueOf(ctx)}
			for i := 1; i < method.Type.NumIn(); i++ {
				given = append(given, aboutNothing(method.Type.In(i)))
			}
			answers := reflect.ValueOf(client).MethodByName(method.Name).Call(given)
			err, _ := answers[len(answers)-1].Interface().(error)
			return forbidden(err)
		}
	}
	return calls
}

// aboutNothing is an argument of a call: an absent id for a text, and a list of one,
// since nothing is asked for none.
func aboutNothing(kind reflect.Type) reflect.Value {
	value := reflect.New(kind).Elem()
	if kind.Kind() == reflect.String {
		value.SetString(absent)
	}
	if kind.Kind() == reflect.Slice {
		value.Set(reflect.Append(value, aboutNothing(kind.Elem())))
	}
	return value
}

// absent is the id of nothing.
const absent = "00000000-0000-4000-8000-000000000000"

// forbidden keeps an error that says so; the others are about what was asked.
func forbidden(err error) error {
	if errors.Is(err, cloud.ErrDenied) {
		return err
	}
	return nil
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
	for _, contract := range []reflect.Type{reflect.TypeFor[routes.RouterAPI](), reflect.TypeFor[routes.PortAPI](), reflect.TypeFor[instances.Cloud](), reflect.TypeFor[loadbalancer.Cloud]()} {
		for method := range contract.Methods() {
			if calls[method.Name] == nil {
				t.Errorf("%s.%s is not called", contract, method.Name)
			}
		}
	}
}

// Package contract_test holds every behaviour of OpenStack that this project relies on as
// a case that runs against any OpenStack: the simulator in the process, the
// simulator over HTTP, and real services when UNDERLAY_OPENSTACK names them.
package contract_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"underlay/pkg/simulator"
)

// realCloud is the environment variable with Keystone's v3 URL of a real
// OpenStack; OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME and OS_REGION_NAME say as whom.
const realCloud = "UNDERLAY_OPENSTACK"

// contractCase is one behaviour. Cases make what they need and remove it.
type contractCase struct {
	name string
	run  func(t *testing.T, c *cloud)
}

// cases of all services; each file adds its own.
func cases() []contractCase {
	var all []contractCase
	for _, part := range [][]contractCase{keystoneCases, portCases, routerCases, networkCases, novaCases} {
		all = append(all, part...)
	}
	return all
}

func TestSimulatorInProcess(t *testing.T) {
	sim := newSimulator()
	runAll(t, &cloud{
		name: "simulator", http: &http.Client{Transport: sim.Transport()},
		authURL: simulator.Endpoint + "/identity/v3", account: simulatorAccount(sim),
	})
}

func TestSimulatorOverHTTP(t *testing.T) {
	sim := newSimulator()
	server := httptest.NewServer(sim)
	defer server.Close()
	runAll(t, &cloud{
		name: "simulator over HTTP", http: server.Client(),
		authURL: server.URL + "/identity/v3", account: simulatorAccount(sim),
	})
}

func TestRealOpenStack(t *testing.T) {
	url := os.Getenv(realCloud)
	if url == "" {
		t.Logf("left out: %s is not set; `make openstack-up` starts a real OpenStack and says how to name it", realCloud)
		return
	}
	runAll(t, &cloud{
		name: "real OpenStack", http: http.DefaultClient, authURL: strings.TrimSuffix(url, "/"),
		account: account{
			Username: os.Getenv("OS_USERNAME"), Password: os.Getenv("OS_PASSWORD"),
			Project: os.Getenv("OS_PROJECT_NAME"), Region: os.Getenv("OS_REGION_NAME"),
		},
	})
}

func runAll(t *testing.T, c *cloud) {
	c.login(t)
	names := map[string]bool{}
	for _, tc := range cases() {
		if names[tc.name] {
			t.Fatalf("two cases are named %q", tc.name)
		}
		names[tc.name] = true
		t.Run(tc.name, func(t *testing.T) { tc.run(t, c) })
	}
}

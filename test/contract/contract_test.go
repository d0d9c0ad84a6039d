// Package contract_test holds every behaviour of OpenStack that this project relies on as
// a case that runs against any OpenStack: the simulator in the process, the
// simulator over HTTP, and real services when UNDERLAY_OPENSTACK names them.
package contract_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"underlay/pkg/simulator"
)

// realCloud is the environment variable with Keystone's v3 URL of a real
// OpenStack; OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME and OS_REGION_NAME say as whom.
const realCloud = "UNDERLAY_OPENSTACK"

// without is the environment variable that says what shall be left out, with commas between.
const without = "UNDERLAY_WITHOUT"

// contractCase is one behaviour. Cases run side by side: they make what they need
// and remove it, and look at nothing else.
type contractCase struct {
	name string
	run  func(t *testing.T, c *cloud)
}

// services are the types of the services that a case needs beyond those of
// every OpenStack, by the first word of its name.
func (tc contractCase) services() []string {
	switch word, _, _ := strings.Cut(tc.name, "/"); word {
	case "octavia":
		return []string{"load-balancer"}
	case "barbican":
		return []string{"key-manager"}
	case "cinder", "attachments":
		return []string{"block-storage"}
	case "tls":
		return []string{"load-balancer", "key-manager"}
	}
	return nil
}

// cases of all services; each file adds its own.
func cases() []contractCase {
	return slices.Concat(
		keystoneCases, credentialCases,
		networkCases, subnetCases, portCases, pairCases, tagCases, listCases, revisionCases, shapeCases,
		routerCases, interfaceCases, groupCases, floatingCases, quotaCases,
		novaCases, serverCases,
		cinderCases, volumeCases, snapshotCases, backupCases, volumeGroupCases, attachmentCases, serverVolumeCases, serverStateCases,
		balancerCases, treeCases, balancerListCases, vipCases, listenerCases, poolCases, memberCases, monitorCases, tlsCases,
	)
}

// atOnce is how many cases run at a time: real services on a small machine answer
// more only more slowly.
const atOnce = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, "set test.parallel:", err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// TestNumberOfCases holds what docs/explanation/simulator-fidelity.md says.
func TestNumberOfCases(t *testing.T) {
	page, err := os.ReadFile("../../docs/explanation/simulator-fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("**%d cases**", len(cases())); !strings.Contains(string(page), want) {
		t.Errorf("the page does not say %q", want)
	}
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
	t.Cleanup(server.Close)
	runAll(t, &cloud{
		name: "simulator over HTTP", http: server.Client(),
		authURL: server.URL + "/identity/v3", account: simulatorAccount(sim),
	})
}

func TestRealOpenStack(t *testing.T) {
	url := os.Getenv(realCloud)
	if url == "" {
		if os.Getenv("CI") == "true" && !slices.Contains(strings.Split(os.Getenv(without), ","), "openstack") {
			t.Fatalf("%s is not set: run make openstack-up first, or say %s=openstack", realCloud, without)
		}
		t.Logf("left out: %s names no OpenStack (docs/explanation/simulator-fidelity.md)", realCloud)
		return
	}
	runAll(t, &cloud{
		name: "real OpenStack", http: http.DefaultClient, authURL: strings.TrimSuffix(url, "/"),
		account: account{
			Username: os.Getenv("OS_USERNAME"), Password: os.Getenv("OS_PASSWORD"),
			Project: os.Getenv("OS_PROJECT_NAME"), Region: os.Getenv("OS_REGION_NAME"),
		},
		partial: os.Getenv("CI") != "true",
	})
}

func runAll(t *testing.T, c *cloud) {
	c.login(t)
	t.Cleanup(func() { c.node.remove(c); c.empty(t) })
	names := map[string]bool{}
	for _, tc := range cases() {
		if names[tc.name] {
			t.Fatalf("two cases are named %q", tc.name)
		}
		names[tc.name] = true
		if c.lacks(t, tc) {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.run(t, c)
		})
	}
}

// lacks tells whether the cloud has no such service as the case needs. Only a
// partial cloud may.
func (c *cloud) lacks(t *testing.T, tc contractCase) bool {
	for _, service := range tc.services() {
		if c.catalog[service] != "" {
			continue
		}
		if t.Logf("left out, for want of a %s service: %s", service, tc.name); !c.partial {
			t.Fail()
		}
		return true
	}
	return false
}

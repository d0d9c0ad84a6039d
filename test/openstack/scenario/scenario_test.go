// Package scenario_test judges the product on real OpenStack services: its
// real binary, a real Kubernetes control plane, nodes on real Nova servers, and
// every call counted on its way. It runs where UNDERLAY_OPENSTACK names a cloud.
package scenario_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"underlay/internal/kube"
	"underlay/internal/playground"
	"underlay/test/openstack/api"
	"underlay/test/world"
)

// Environment variables; make openstack-up writes all but the last.
const (
	realCloud = "UNDERLAY_OPENSTACK" // Keystone's v3 address
	without   = "UNDERLAY_WITHOUT"   // what shall be left out, with commas between
)

// top of the source tree, from here.
const top = "../../.."

// account is that of the real cloud. false: the tests are left out, and the log
// says so. Where continuous integration is at work nothing is left out by chance.
func account(t *testing.T) (api.Account, bool) {
	t.Helper()
	url := os.Getenv(realCloud)
	if url == "" {
		named := slices.Contains(strings.Split(os.Getenv(without), ","), "openstack")
		if os.Getenv("CI") == "true" && !named {
			t.Fatalf("%s is not set: run make openstack-up first, or say %s=openstack", realCloud, without)
		}
		t.Logf("left out: %s is not set; `make openstack-up` starts a real OpenStack and says how to name it", realCloud)
		return api.Account{}, false
	}
	return api.Account{
		AuthURL: strings.TrimRight(url, "/"), Region: os.Getenv("OS_REGION_NAME"),
		Username: os.Getenv("OS_USERNAME"), Password: os.Getenv("OS_PASSWORD"), Project: os.Getenv("OS_PROJECT_NAME"),
	}, true
}

// folder is where programs are built: not bin/, where they could be replaced while
// a test runs.
var folder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "underlay-scenario-")
	remove = append(remove, dir)
	return dir, err
})

// programs are built by the first test that needs them.
var programs = sync.OnceValues(func() (playground.Options, error) {
	ctx := context.Background()
	binaries, err := kube.Build(ctx, kube.LogProgress(os.Stderr))
	if err != nil {
		return playground.Options{}, err
	}
	dir, err := folder()
	if err != nil {
		return playground.Options{}, err
	}
	controller, err := playground.BuildController(ctx, dir)
	return playground.Options{Binaries: binaries, Controller: controller}, err
})

// remove are the folders that go with the tests' end.
var remove []string

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range remove {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// Heartbeats leave the machine's processors to the services.
const (
	heartbeat    = 20 * time.Second
	graceOfNodes = 2 * time.Minute
)

// newWorld is a cluster on the tenant's network, whose pods have addresses from
// these ranges. The product runs with the periods of production.
func newWorld(t *testing.T, on *tenant, pods ...netip.Prefix) *world.World {
	t.Helper()
	opts, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	opts.OpenStack, opts.NodeGrace, opts.Heartbeat, opts.ClusterCIDRs = on, graceOfNodes, heartbeat, pods
	return world.New(t, top, opts)
}

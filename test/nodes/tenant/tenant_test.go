package tenant_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/config"
	"underlay/pkg/simulator"
	"underlay/test/nodes/tenant"
)

func login(t *testing.T) (*simulator.Cloud, *tenant.Client, tenant.Account) {
	t.Helper()
	cloud := simulator.New(simulator.Options{})
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	account := tenant.Account{AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne"}
	client, err := tenant.Login(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return cloud, client, account
}

func TestANetworkWithAServerComesAndGoes(t *testing.T) {
	cloud, client, _ := login(t)
	made, err := client.MakeNetwork(t.Context(), "nodes", netip.MustParsePrefix("192.168.11.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	if got := made.Gateway.String(); got != "192.168.11.1" {
		t.Errorf("gateway: got %s", got)
	}
	server, err := client.Boot(t.Context(), "node-1", made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if server.Address == "" || server.Port.MAC == "" || !server.Port.PortSecurity {
		t.Errorf("server: %+v", server)
	}
	want := []tenant.Route{{Destination: "10.244.0.0/24", NextHop: server.Address}}
	if err := client.SetRoutes(t.Context(), made.RouterID, want); err != nil {
		t.Fatal(err)
	}
	got, err := client.Routes(t.Context(), made.RouterID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("routes (-want +got):\n%s (%v)", diff, err)
	}
	if err := client.SetPairs(t.Context(), server.Port.ID, []tenant.Pair{{Address: "10.244.0.0/24"}}); err != nil {
		t.Fatal(err)
	}
	port, err := client.Port(t.Context(), server.Port.ID)
	if diff := cmp.Diff([]tenant.Pair{{Address: "10.244.0.0/24", MAC: server.Port.MAC}}, port.Pairs); diff != "" || err != nil {
		t.Errorf("pairs (-want +got):\n%s (%v)", diff, err)
	}
	if err := client.DeleteServer(t.Context(), server.ID); err != nil {
		t.Fatal(err)
	}
	if err := client.RemoveNetwork(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	if left := cloud.Servers(); len(left) > 0 {
		t.Errorf("servers left: %v", left)
	}
	if _, err := client.Routes(t.Context(), made.RouterID); !tenant.IsNotFound(err) {
		t.Errorf("the router is still there: %v", err)
	}
}

func TestATokenThatExpiredIsRenewed(t *testing.T) {
	cloud, client, _ := login(t)
	cloud.ExpireTokens()
	if _, err := client.Ports(t.Context(), "none"); err != nil {
		t.Error(err)
	}
}

func TestAWrongPasswordIsSaid(t *testing.T) {
	_, _, account := login(t)
	account.Password = "wrong"
	if _, err := tenant.Login(t.Context(), account); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v, want Keystone's refusal", err)
	}
}

func TestTheCloudConfIsReadAsMeant(t *testing.T) {
	_, _, account := login(t)
	account.Password = `quo"ted \ # and ; more`
	read, report := config.Read(strings.NewReader(account.CloudConf("6ce06bce-a359-4ec1-a0d0-1636d0721afb")), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	if got := read.Global.Password; got != account.Password {
		t.Errorf("password: got %q, want %q", got, account.Password)
	}
	if got := read.Route.RouterID; got != "6ce06bce-a359-4ec1-a0d0-1636d0721afb" {
		t.Errorf("router: got %q", got)
	}
}

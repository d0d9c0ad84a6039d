package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/listeners"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/loadbalancers"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/pools"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	underlay "underlay/pkg/config"
)

// login is a client that we did not write, by the printed cloud.conf.
func (s simulation) login(t *testing.T) *gophercloud.ProviderClient {
	t.Helper()
	conf, report := underlay.Read(strings.NewReader(s.printed(t, "cloud.conf")), "cloud.conf", underlay.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	g := conf.Global
	client, err := openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{
		IdentityEndpoint: g.AuthURL, Username: g.Username, Password: g.Password, DomainName: g.DomainName, TenantName: g.TenantName,
	})
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	return client
}

// A load balancer over a web server of this machine answers where the output says.
func TestSimulateCarriesTraffic(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }))
	defer web.Close()
	s := startSimulation(t, "--traffic", "--octavia-version", "2.13", "--load-balancer-create", "200ms")
	client, err := openstack.NewLoadBalancerV2(s.login(t), gophercloud.EndpointOpts{Region: "RegionOne"})
	if err != nil {
		t.Fatal(err)
	}
	if got := newestVersion(t, client); got != "v2.13" {
		t.Errorf("got Octavia %s, want v2.13", got)
	}
	made, err := loadbalancers.Create(t.Context(), client, treeOver(t, s, web.URL)).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if made.ProvisioningStatus != "PENDING_CREATE" {
		t.Errorf("got %s at once, want PENDING_CREATE", made.ProvisioningStatus)
	}
	door := regexp.MustCompile(`Traffic: .* TCP/80 of web is at (\S+)\n`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for page := ""; page != "a page"; {
		if match := door.FindStringSubmatch(s.out.String()); match != nil {
			page, _ = fetch(ctx, "http://"+match[1]) // "" until it answers
		}
		if ctx.Err() != nil {
			t.Fatalf("no page at the listener's address: %s", s.out)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

// treeOver is a load balancer whose only member is a web server of this machine.
func treeOver(t *testing.T, s simulation, page string) loadbalancers.CreateOpts {
	t.Helper()
	at, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		t.Fatal(err)
	}
	network, err := openstack.NewNetworkV2(s.login(t), gophercloud.EndpointOpts{Region: "RegionOne"})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := subnets.List(network, nil).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := subnets.ExtractSubnets(pages)
	if err != nil || len(all) == 0 {
		t.Fatalf("got subnets %v (%v)", all, err)
	}
	return loadbalancers.CreateOpts{Name: "web", VipSubnetID: all[0].ID, Listeners: []listeners.CreateOpts{{
		Name: "l", Protocol: listeners.ProtocolTCP, ProtocolPort: 80,
		DefaultPool: &pools.CreateOpts{
			Name: "p", Protocol: pools.ProtocolTCP, LBMethod: pools.LBMethodRoundRobin,
			Members: []pools.CreateMemberOpts{{Address: at.Hostname(), ProtocolPort: port}},
		},
	}}}
}

func newestVersion(t *testing.T, client *gophercloud.ServiceClient) string {
	t.Helper()
	root, _, _ := strings.Cut(client.Endpoint, "/v2")
	var answer struct {
		Versions []struct{ ID, Status string }
	}
	page, err := fetch(t.Context(), root+"/")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(page), &answer); err != nil || len(answer.Versions) == 0 {
		t.Fatalf("got versions %v (%v)", answer, err)
	}
	return answer.Versions[len(answer.Versions)-1].ID
}

func TestSimulateRefusesBadBalancerFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--octavia-version", "2.31"}, `--octavia-version: "2.31" is not one of 2.0 to 2.30`},
		{[]string{"--octavia-version", "30"}, `--octavia-version: "30" is not one of 2.0 to 2.30`},
		{[]string{"--load-balancer-create", "-1s"}, "--load-balancer-create and --load-balancer-update: must be 0 or more"},
	} {
		out := &output{ready: make(chan struct{})}
		if code := Run(t.Context(), append([]string{"simulate", "--listen", "127.0.0.1:0"}, tt.args...), out, out); code != 2 || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%v: got exit code %d and %q, want 2 and %q", tt.args, code, out, tt.want)
		}
	}
}

package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"sigs.k8s.io/yaml"

	underlay "underlay/pkg/config"
	"underlay/pkg/simulator"
)

// awkward needs quoting everywhere.
const awkward = `a"b\c#d; e: 'f`

func TestCloudConf(t *testing.T) {
	c := simulator.New(simulator.Options{Username: "bot", Password: awkward, ProjectName: "my project", Region: "north"})
	text := c.CloudConf("http://127.0.0.1:8774/")
	got, report := underlay.Read(strings.NewReader(text), "cloud.conf", underlay.Env{})
	if err := report.Err(); err != nil || len(report.Problems) != 0 {
		t.Fatalf("problems: %v in\n%s", report.Problems, text)
	}
	g := got.Global
	for what, pair := range map[string][2]string{
		"auth-url":    {"http://127.0.0.1:8774/identity/v3", g.AuthURL},
		"username":    {"bot", g.Username},
		"password":    {awkward, g.Password},
		"tenant-name": {"my project", g.TenantName},
		"domain-name": {"Default", g.DomainName},
		"region":      {"north", g.Region},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", what, pair[1], pair[0])
		}
	}
}

// Both clouds of the file must log in, over HTTP.
func TestCloudsYAML(t *testing.T) {
	c := simulator.New(simulator.Options{Name: "my lab", Password: awkward})
	web := httptest.NewServer(c)
	defer web.Close()
	var file struct {
		Clouds map[string]struct {
			Auth struct {
				AuthURL     string `json:"auth_url"`
				Username    string `json:"username"`
				Password    string `json:"password"`
				ProjectName string `json:"project_name"`
				UserDomain  string `json:"user_domain_name"`
			} `json:"auth"`
		} `json:"clouds"`
	}
	if err := yaml.Unmarshal([]byte(c.CloudsYAML(web.URL)), &file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"my lab", "my lab-admin"} {
		auth := file.Clouds[name].Auth
		client, err := openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{
			IdentityEndpoint: auth.AuthURL, Username: auth.Username, Password: auth.Password, DomainName: auth.UserDomain,
			Scope: &gophercloud.AuthScope{ProjectName: auth.ProjectName, DomainName: auth.UserDomain},
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := raw(t, c, http.MethodGet, "/compute/v2.1/servers", "", "X-Auth-Token", client.Token())
		if got.status != http.StatusOK {
			t.Errorf("%s: got %d", name, got.status)
		}
	}
}

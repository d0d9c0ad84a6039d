package ccm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	appconfig "k8s.io/cloud-provider/app/config"

	"underlay/pkg/simulator"
)

// TestArgumentsOfOthersAreTaken parses what the manifests and charts of
// kubernetes/cloud-provider-openstack pass.
func TestArgumentsOfOthersAreTaken(t *testing.T) {
	cmd := NewCommand(nil)
	err := cmd.ParseFlags([]string{
		"--v=1", "--cluster-name=kubernetes", "--cloud-config=/etc/config/cloud.conf", "--cloud-provider=openstack",
		"--use-service-account-credentials=false", "--bind-address=127.0.0.1", "--configure-cloud-routes=false",
		"--controllers=cloud-node,cloud-node-lifecycle,route,service", "--leader-elect=true", "--user-agent=one", "--user-agent=two",
		"--concurrent-service-syncs=1", "--logging-format=json",
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDefaultsFitTheProvider(t *testing.T) {
	got := map[string]string{}
	flags := NewCommand(nil).Flags()
	for name := range ChangedDefaults() {
		got[name] = flags.Lookup(name).DefValue
	}
	want := map[string]string{
		"cloud-provider": "openstack", "concurrent-service-syncs": "128", "concurrent-node-syncs": "16",
		"concurrent-node-lifecycle-syncs": "16", "kube-api-qps": "100", "kube-api-burst": "200",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags with a default of our own (-want +got):\n%s", diff)
	}
}

func TestOwnFlags(t *testing.T) {
	want := map[string]bool{"user-agent": true, "node-deletion-brake": true, "cloud-check-bind-address": true}
	if diff := cmp.Diff(want, OwnFlags()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// completed is the framework's configuration as far as the provider reads it.
func completed(t *testing.T, cloudConf string) *appconfig.CompletedConfig {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cloud.conf")
	if err := os.WriteFile(file, []byte(cloudConf), 0o600); err != nil {
		t.Fatal(err)
	}
	kubeconfig := &rest.Config{Host: "http://127.0.0.1:1"}
	client, err := kubernetes.NewForConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config := &appconfig.Config{Client: client, Kubeconfig: kubeconfig, EventRecorder: record.NewFakeRecorder(10)}
	config.ComponentConfig.KubeCloudShared.CloudProvider.CloudConfigFile = file
	config.ComponentConfig.KubeCloudShared.ConfigureCloudRoutes = true
	config.ComponentConfig.Generic.Controllers = []string{"*"}
	config.ComponentConfig.Generic.LeaderElection.LeaderElect = true
	config.ComponentConfig.Generic.LeaderElection.ResourceLock = "leases"
	return config.Complete()
}

func TestNewProviderReadsCloudConf(t *testing.T) {
	good := simulator.New(simulator.Options{}).CloudConf("http://127.0.0.1:1")
	for name, tc := range map[string]struct {
		conf, cidr  string
		controllers []string
		wantRoutes  bool
		wantErr     []string
	}{
		"good, cloud unreachable": {conf: good},
		"with routes":             {conf: good + "\n[Route]\n", cidr: "10.244.0.0/16", wantRoutes: true},
		"routes without a CIDR":   {conf: good + "\n[Route]\n"},
		"routes among others":     {conf: good + "\n[Route]\n", cidr: "10.244.0.0/16", controllers: []string{"cloud-node-controller", "node-route-controller"}, wantRoutes: true},
		"route controller off":    {conf: good + "\n[Route]\n", cidr: "10.244.0.0/16", controllers: []string{"*", "-node-route-controller"}},
		"other controllers only":  {conf: good + "\n[Route]\n", cidr: "10.244.0.0/16", controllers: []string{"cloud-node-controller", "service-lb-controller"}},
		"bad flag":                {conf: good + "\n[Route]\n", cidr: "x", wantErr: []string{"--cluster-cidr"}},
		"every problem at once": {
			conf:    "[Global]\nauth-url=nowhere\nusername=a\n[LoadBalancer]\nmonitor-delay=soon\n",
			wantErr: []string{"auth-url", "monitor-delay", "underlay config check"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OS_AUTH_URL", "")
			config := completed(t, tc.conf)
			config.ComponentConfig.KubeCloudShared.ClusterCIDR = tc.cidr
			if tc.controllers != nil {
				config.ComponentConfig.Generic.Controllers = tc.controllers
			}
			p, err := newProvider(NewCommand(nil), &flags{deletionBrake: 25}, config)
			if (err != nil) != (len(tc.wantErr) > 0) {
				t.Fatalf("got error %v, want one: %v", err, len(tc.wantErr) > 0)
			}
			for _, part := range tc.wantErr {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error does not name %q:\n%v", part, err)
				}
			}
			if err != nil {
				return
			}
			if _, got := p.Routes(); got != tc.wantRoutes {
				t.Errorf("routes: got %v, want %v", got, tc.wantRoutes)
			}
			if err := stopCleanly(p); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReloadReadsTheFileAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cloud.conf")
	write := func(password string) {
		conf := "[Global]\nauth-url=http://127.0.0.1:1/v3\nusername=u\ntenant-name=t\npassword=" + password + "\n"
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	write("new")
	global, err := reloadGlobal(file)
	if err != nil || global.Password != "new" {
		t.Errorf("got password %q and error %v, want new", global.Password, err)
	}
	if err := os.WriteFile(file, []byte("[Global\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reloadGlobal(file); err == nil {
		t.Error("want an error for a broken file, so that the old credentials stay")
	}
}

func TestUserAgentNamesTheProgramFirst(t *testing.T) {
	if got := userAgent([]string{"one", "two"}); !strings.HasPrefix(got, "underlay/") || !strings.HasSuffix(got, " one two") {
		t.Errorf("got %q", got)
	}
}

func TestStandbyWithoutElectionHasNoLease(t *testing.T) {
	config := completed(t, "")
	config.ComponentConfig.Generic.LeaderElection.LeaderElect = false
	if holder, err := leaseHolder(config); holder != nil || err != nil {
		t.Errorf("got %v, %v; want none", holder, err)
	}
	if err := stopCleanly(nil); err != nil {
		t.Error(err)
	}
}

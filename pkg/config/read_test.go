package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/gcfg.v1"
	"pgregory.net/rapid"

	"underlay/pkg/config"
)

// read reads a text in an empty world: no variables, no files.
func read(text string) (*config.Config, config.Report) {
	return config.Read(strings.NewReader(text), "cloud.conf", config.Env{})
}

// raw shows a configuration to cmp without the masking methods of Global.
var raw = cmp.Transformer("raw", func(g config.Global) map[string]any {
	type plain config.Global
	return map[string]any{"global": plain(g)}
})

func lines(report config.Report, least config.Severity) []string {
	var got []string
	for _, p := range report.Problems {
		if p.Severity >= least {
			got = append(got, p.Severity.String()+" "+p.Error())
		}
	}
	return got
}

func TestFileOf2016(t *testing.T) {
	file := filepath.Join("testdata", "2016.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, report := read(string(text))
	want := []string{"warning cloud.conf:2: [Global] auth-url: Keystone has no v2.0 API any more, so its v3 API is used; write auth-url=http://192.168.11.197:5000/v3"}
	if diff := cmp.Diff(want, lines(report, config.Warning)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if err := report.Err(); err != nil {
		t.Errorf("the file has errors: %v", err)
	}
	wantGlobal := config.Global{
		AuthURL: "http://192.168.11.197:5000/v3", Username: "admin", Password: "openstack", Region: "RegionOne",
		TenantName: "admin", TenantDomainID: "default", UserDomainID: "default", EndpointType: "public",
	}
	if diff := cmp.Diff(wantGlobal, got.Global, raw); diff != "" {
		t.Errorf("Global (-want +got):\n%s", diff)
	}
	if got, want := got.Route, (config.Route{Present: true, RouterID: "6ce06bce-a359-4ec1-a0d0-1636d0721afb"}); got != want {
		t.Errorf("got Route %+v, want %+v", got, want)
	}
	if got, want := got.LoadBalancer.SubnetID, "2a199f33-a1dc-4525-ae84-56a07345f93b"; got != want {
		t.Errorf("got subnet %s, want %s", got, want)
	}
}

func TestPeerFileIsReadUnchanged(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "peer.conf"))
	if err != nil {
		t.Fatal(err)
	}
	got, report := read(string(text))
	if problems := lines(report, config.Warning); len(problems) > 0 {
		t.Errorf("problems:\n%s", strings.Join(problems, "\n"))
	}
	wantGlobal := config.Global{
		AuthURL: "https://keystone.example.com:5000/v3", UserID: "0b5a1d1d4e4a4f0c9d1f3f1f2a3b4c5d", Password: `p#ss;w"rd\`,
		TenantID: "5f705f4d0b0b4b9da2b1f0d5a1c1e2f3", Region: "RegionOne", EndpointType: "internal",
	}
	if diff := cmp.Diff(wantGlobal, got.Global, raw); diff != "" {
		t.Errorf("Global (-want +got):\n%s", diff)
	}
	wantClouds := map[string]*config.Global{
		"by name": {
			AuthURL: "https://two.example.com/identity", Username: "ccm", Password: "two", TenantName: "k8s", UserDomainName: "Users",
			TenantDomainName: "Projects", DomainID: "default", Region: "RegionTwo", EndpointType: "public",
		},
		"delegated": {
			AuthURL: "https://three.example.com/identity/v3", TrustID: "6d5a4d3e", TrusteeID: "7e6b5e4f", TrusteePassword: "three",
			UserID: "7e6b5e4f", Password: "three", DomainName: "Default", UserDomainName: "Default", TenantDomainName: "Default",
			Region: "RegionThree", EndpointType: "public",
		},
		"application": {
			AuthURL: "https://four.example.com/identity/v3", ApplicationCredentialID: "21dced0fd20347869b93710d2b98aae0",
			ApplicationCredentialSecret: "four", Region: "RegionFour", EndpointType: "public",
		},
		"application by name": {
			AuthURL: "https://five.example.com/identity/v3", ApplicationCredentialName: "ccm", ApplicationCredentialSecret: "five",
			Username: "ccm", UserDomainID: "default", Region: "RegionFive", EndpointType: "public",
		},
	}
	if diff := cmp.Diff(wantClouds, got.Clouds, raw); diff != "" {
		t.Errorf("Clouds (-want +got):\n%s", diff)
	}
	got.Global, got.Clouds = config.Global{}, nil
	if diff := cmp.Diff(peerFeatures(), got, raw); diff != "" {
		t.Errorf("features (-want +got):\n%s", diff)
	}
}

func peerFeatures() *config.Config {
	return &config.Config{
		Networking: config.Networking{
			IPv6SupportDisabled: true, PublicNetworkNames: []string{"public", "internet"}, InternalNetworkNames: []string{"nodes"},
			AddressSortOrder: []string{"10.0.0.0/8", "2001:db8::/32"},
		},
		Route:    config.Route{Present: true, RouterID: "6ce06bce-a359-4ec1-a0d0-1636d0721afb"},
		Metadata: config.Metadata{SearchOrder: []string{"metadataService", "configDrive"}, RequestTimeout: 90 * time.Second},
		LoadBalancer: config.LoadBalancer{
			Enabled: true, LBVersion: "v2", LBProvider: "octavia", LBMethod: "LEAST_CONNECTIONS",
			FlavorID: "11111111-1111-4111-8111-111111111111", AvailabilityZone: "az1", ProviderRequiresSerialAPICalls: true,
			SubnetID: "22222222-2222-4222-8222-222222222222", MemberSubnetID: "33333333-3333-4333-8333-333333333333",
			NetworkID: "44444444-4444-4444-8444-444444444444", FloatingNetworkID: "55555555-5555-4555-8555-555555555555",
			FloatingSubnetID: "66666666-6666-4666-8666-666666666666", FloatingSubnet: "~^public-.*", FloatingSubnetTags: "&one,two",
			InternalLB: true, CreateMonitor: true, MonitorDelay: 10 * time.Second, MonitorTimeout: 7 * time.Second,
			MonitorMaxRetries: 2, MonitorMaxRetriesDown: 4, ManageSecurityGroups: true,
			NodeSelector: "env=prod,node-role.kubernetes.io/worker", MaxSharedLB: 5, EnableIngressHostname: true,
			IngressHostnameSuffix:  "sslip.io",
			DefaultTLSContainerRef: "https://barbican.example.com/v1/containers/77777777-7777-4777-8777-777777777777",
			ContainerStore:         "barbican",
		},
		LoadBalancerClasses: map[string]*config.LoadBalancerClass{
			"dmz": {
				FloatingNetworkID: "88888888-8888-4888-8888-888888888888", FloatingSubnet: "dmz-*", FloatingSubnetTags: "dmz",
				SubnetID: "99999999-9999-4999-8999-999999999999", MemberSubnetID: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
				NetworkID: "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb",
			},
			"inner": {FloatingSubnetID: "cccccccc-cccc-4ccc-8ccc-cccccccccccc"},
		},
		BlockStorage: config.BlockStorage{NodeVolumeAttachLimit: 26, RescanOnResize: true, IgnoreVolumeAZ: true, IgnoreVolumeMicroversion: true},
	}
}

func TestDefaultsAreThoseOfThePeer(t *testing.T) {
	got, report := read(sound)
	if problems := lines(report, config.Note); len(problems) > 0 {
		t.Errorf("problems:\n%s", strings.Join(problems, "\n"))
	}
	want := &config.Config{
		Global: config.Global{
			AuthURL: "https://keystone:5000/v3", Region: "R", Username: "u", Password: "p", TenantName: "t", DomainName: "d",
			UserDomainName: "d", TenantDomainName: "d", EndpointType: "public",
		},
		Metadata: config.Metadata{SearchOrder: []string{"configDrive", "metadataService"}, RequestTimeout: time.Minute},
		LoadBalancer: config.LoadBalancer{
			Enabled: true, LBProvider: "amphora", LBMethod: "ROUND_ROBIN", CascadeDelete: true, MonitorDelay: 5 * time.Second,
			MonitorTimeout: 3 * time.Second, MonitorMaxRetries: 1, MonitorMaxRetriesDown: 3, MaxSharedLB: 2,
			IngressHostnameSuffix: "nip.io", ContainerStore: "barbican",
		},
		BlockStorage: config.BlockStorage{NodeVolumeAttachLimit: 256},
	}
	if diff := cmp.Diff(want, got, raw); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEveryDeclaredKeyIsRead writes each key alone and looks for it among the
// effective settings.
func TestEveryDeclaredKeyIsRead(t *testing.T) {
	samples := map[config.Kind]string{
		config.Text: "text", config.Bool: "true", config.Int: "7", config.Duration: "9s", config.URL: "https://example.com/v3",
		config.UUID: "6ce06bce-a359-4ec1-a0d0-1636d0721afb", config.File: "/nowhere", config.Names: "name",
		config.CIDRs: "192.0.2.0/24", config.Pattern: "a*", config.Labels: "a=b", config.Domain: "example.com",
	}
	for _, section := range config.Sections() {
		for i := range section.Keys {
			key := &section.Keys[i]
			name := ""
			if section.Naming == config.MustName {
				name = ` "n"`
			}
			value, ok := samples[key.Kind]
			if !ok {
				value = key.Values[len(key.Values)-1:][0]
			}
			text := "[" + section.Name + name + "]\n" + key.Name + "=" + value + "\n"
			if key.Retired != "" {
				_, report := read(text)
				if got := report.Problems; len(got) == 0 || !strings.Contains(strings.Join(lines(report, config.Note), "\n"), key.Retired) {
					t.Errorf("[%s] %s: no note says why it is retired", section.Name, key.Name)
				}
				continue
			}
			_, report := read(text)
			found := false
			for _, s := range report.Settings {
				found = found || s.Section == section.Name && s.Key == key.Name && s.Origin.Kind == config.FromFile && s.Origin.Line == 2
			}
			// These have no effect alone, which is said.
			if ignored := key.Name == "trustee-id" || key.Name == "trustee-password"; found == ignored {
				t.Errorf("[%s] %s: in force: %v\n%s", section.Name, key.Name, found, strings.Join(lines(report, config.Note), "\n"))
			}
		}
	}
}

// TestValuesAreThoseOfGcfg holds the reading of single lines to that of the
// whole file by gcfg, which the peer uses.
func TestValuesAreThoseOfGcfg(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", "b c", " ", "\t", `"`, `\`, `\\`, `\"`, `\n`, "#", ";", "=", "[", "]", "ä", "\\\n", "\r", "'", "0"})
		value := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "")
		text := "[Global]\nusername" + rapid.SampledFrom([]string{"=", " = ", "\t=", "= "}).Draw(t, "equals") + value + "\nregion=after\n"
		var want struct {
			Global struct{ Username, Region string }
		}
		err := gcfg.FatalOnly(gcfg.ReadStringInto(&want, text))
		got, report := read(text)
		if err != nil {
			if !strings.Contains(strings.Join(lines(report, config.Error), "\n"), "cloud.conf:") {
				t.Fatalf("gcfg refuses %q (%v), but no error says so", text, err)
			}
			return
		}
		if strings.Contains(strings.Join(lines(report, config.Error), "\n"), "nothing to join") {
			return // where gcfg joins a setting to the value before it, we refuse
		}
		if got.Global.Username != want.Global.Username || got.Global.Region != want.Global.Region {
			t.Fatalf("%q: got %q and %q, want %q and %q", text, got.Global.Username, got.Global.Region, want.Global.Username, want.Global.Region)
		}
	})
}

// Neither the peer nor what reads the text here (pkg/loadbalancer/spec) minds them.
func TestNodeSelectorMayHaveBlanksAndEmptyItems(t *testing.T) {
	for _, selector := range []string{"a=b,", "a = b", " a=b , ,c,", "a=", ","} {
		got, report := read(sound + "[LoadBalancer]\nnode-selector=\"" + selector + "\"\n")
		if err := report.Err(); err != nil || got.LoadBalancer.NodeSelector != selector {
			t.Errorf("%q: got %q, %v", selector, got.LoadBalancer.NodeSelector, err)
		}
	}
	for _, selector := range []string{"=b", "a=b=c", "a b", "a=b c"} {
		if _, report := read(sound + "[LoadBalancer]\nnode-selector=\"" + selector + "\"\n"); report.Err() == nil {
			t.Errorf("%q: want an error", selector)
		}
	}
}

func TestLoadSaysWhyAFileCannotBeRead(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.conf")
	_, report := config.Load(missing)
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), missing+": cannot read the file: no such file or directory") {
		t.Errorf("got %v for a missing file", err)
	}
	_, report = read(strings.Repeat("#", 1<<17+1))
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v for a huge file", err)
	}
}

func TestLoadWatchesTheFileItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cloud.conf")
	if err := os.WriteFile(file, []byte(sound+"[Global \"two\"]\n"+strings.TrimPrefix(sound, "[Global]\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	got, report := config.Load(file)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]*config.Global{"": &got.Global, "two": got.Clouds["two"]} {
		if diff := cmp.Diff([]string{file}, g.WatchFiles); diff != "" {
			t.Errorf("files to watch for %q (-want +got):\n%s", name, diff)
		}
	}
}

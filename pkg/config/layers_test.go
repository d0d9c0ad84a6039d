package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/config"
)

// world is an environment of the given variables, and of the files of a new
// folder, whose path stands for DIR in them.
func world(t *testing.T, variables, files map[string]string) (config.Env, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Env{
		LookupEnv: func(name string) (string, bool) {
			value, ok := variables[name]
			return strings.ReplaceAll(value, "DIR", dir), ok
		},
		ReadFile:   os.ReadFile,
		CloudsDirs: []string{filepath.Join(dir, "cwd"), filepath.Join(dir, "home"), filepath.Join(dir, "etc")},
	}, dir
}

// inForce lists the settings of [Global] that are not defaults, with origins.
func inForce(report config.Report, dir string) []string {
	var got []string
	for _, s := range report.Settings {
		if s.Section == "Global" && s.Origin.Kind != config.FromDefault {
			got = append(got, s.Key+"="+strings.ReplaceAll(s.Value, dir, "DIR")+" ← "+strings.ReplaceAll(s.Origin.String(), dir, "DIR"))
		}
	}
	return got
}

const cloudsYAML = `
clouds:
  one:
    auth: {auth_url: "https://one/v3", username: u1, password: "S3CRET", project_id: p1, project_name: n1, user_domain_name: d1}
    region_name: R1
    interface: internal
    verify: false
  two:
    auth: {auth_url: "https://two/v3", application_credential_id: a2, application_credential_secret: "S3CRET"}
    region_name: R2
`

var layerTests = []struct {
	name, text       string
	variables, files map[string]string
	want             []string // settings in force
	problems         []string // warnings and errors, by prefix
}{
	{
		name: "everything from the environment", text: "",
		variables: map[string]string{"OS_AUTH_URL": "https://k/v3", "OS_USERNAME": "u", "OS_PASSWORD": "S3CRET", "OS_PROJECT_ID": "i", "OS_PROJECT_NAME": "n",
			"OS_USER_DOMAIN_NAME": "d", "OS_REGION_NAME": "R", "OS_INTERFACE": "internal"},
		want: []string{"auth-url=https://k/v3 ← environment OS_AUTH_URL", "region=R ← environment OS_REGION_NAME",
			"os-endpoint-type=internal ← environment OS_INTERFACE", "username=u ← environment OS_USERNAME",
			"password=*** ← environment OS_PASSWORD", "user-domain-name=d ← environment OS_USER_DOMAIN_NAME", "tenant-id=i ← environment OS_PROJECT_ID"},
	},
	{
		name: "the file wins, and its way to authenticate too",
		text: "[Global]\nauth-url=https://file/v3\napplication-credential-id=a\napplication-credential-secret=S3CRET\nregion=\n",
		variables: map[string]string{"OS_AUTH_URL": "https://k/v3", "OS_USERNAME": "u", "OS_PASSWORD": "S3CRET", "OS_PROJECT_NAME": "n", "OS_TOKEN": "S3CRET",
			"OS_REGION_NAME": "R", "OS_USER_DOMAIN_NAME": "d", "OS_TRUST_ID": "t"},
		want: []string{"auth-url=https://file/v3 ← cloud.conf:2", "region=R ← environment OS_REGION_NAME",
			"application-credential-id=a ← cloud.conf:3", "application-credential-secret=*** ← cloud.conf:4"},
	},
	{
		name:      "a password in the file keeps the application credential of the shell out",
		text:      sound,
		variables: map[string]string{"OS_APPLICATION_CREDENTIAL_ID": "a", "OS_APPLICATION_CREDENTIAL_SECRET": "S3CRET", "OS_USER_ID": "x", "OS_PROJECT_ID": "y"},
		want: []string{"auth-url=https://keystone:5000/v3 ← cloud.conf:2", "region=R ← cloud.conf:3", "username=u ← cloud.conf:4", "password=*** ← cloud.conf:5",
			"user-domain-name=d ← from domain-name", "domain-name=d ← cloud.conf:7", "tenant-name=t ← cloud.conf:6", "tenant-domain-name=d ← from domain-name"},
	},
	{
		name:      "an application credential by name takes the user from the environment",
		text:      "[Global]\nauth-url=https://k/v3\nregion=R\napplication-credential-name=a\napplication-credential-secret=S3CRET\n",
		variables: map[string]string{"OS_USERNAME": "u", "OS_USER_DOMAIN_ID": "d", "OS_PROJECT_NAME": "n", "OS_PASSWORD": "S3CRET"},
		want: []string{"auth-url=https://k/v3 ← cloud.conf:2", "region=R ← cloud.conf:3", "username=u ← environment OS_USERNAME",
			"user-domain-id=d ← environment OS_USER_DOMAIN_ID", "application-credential-name=a ← cloud.conf:4", "application-credential-secret=*** ← cloud.conf:5"},
	},
	{
		name:      "a trust takes the password from the environment",
		text:      "[Global]\nauth-url=https://k/v3\nregion=R\ntrust-id=t\nuser-id=u\n",
		variables: map[string]string{"OS_PASSWORD": "S3CRET", "OS_PROJECT_NAME": "n"},
		want: []string{"auth-url=https://k/v3 ← cloud.conf:2", "region=R ← cloud.conf:3", "user-id=u ← cloud.conf:5",
			"password=*** ← environment OS_PASSWORD", "trust-id=t ← cloud.conf:4"},
	},
	{
		name: "a trustee may have the user's password",
		text: "[Global]\nauth-url=https://k/v3\nregion=R\ntrust-id=t\ntrustee-id=u\nusername=x\npassword=S3CRET\n",
		want: []string{"auth-url=https://k/v3 ← cloud.conf:2", "region=R ← cloud.conf:3", "user-id=u ← from trustee-id", "password=*** ← cloud.conf:7",
			"trust-id=t ← cloud.conf:4", "trustee-id=u ← cloud.conf:5", "trustee-password=*** ← from password"},
	},
	{
		name:      "a bad value in the environment",
		text:      sound,
		variables: map[string]string{"OS_INSECURE": "perhaps", "OS_INTERFACE": "publicURL"},
		want: []string{"auth-url=https://keystone:5000/v3 ← cloud.conf:2", "region=R ← cloud.conf:3", "os-endpoint-type=public ← environment OS_INTERFACE",
			"username=u ← cloud.conf:4", "password=*** ← cloud.conf:5",
			"user-domain-name=d ← from domain-name", "domain-name=d ← cloud.conf:7", "tenant-name=t ← cloud.conf:6", "tenant-domain-name=d ← from domain-name"},
		problems: []string{`error OS_INSECURE: [Global] tls-insecure: "perhaps" is not a bool; write true or false`},
	},
	{
		name: "clouds.yaml fills what is empty, from the first folder that has one",
		text: "[Global]\nuse-clouds=true\ncloud=one\nusername=me\n", files: map[string]string{"home/clouds.yaml": cloudsYAML, "etc/clouds.yaml": "nonsense"},
		variables: map[string]string{"OS_REGION_NAME": "other", "OS_USERNAME": "other"},
		want: []string{"auth-url=https://one/v3 ← DIR/home/clouds.yaml", "region=R1 ← DIR/home/clouds.yaml", "os-endpoint-type=internal ← DIR/home/clouds.yaml",
			"username=me ← cloud.conf:4", "password=*** ← DIR/home/clouds.yaml", "user-domain-name=d1 ← DIR/home/clouds.yaml", "tenant-id=p1 ← DIR/home/clouds.yaml",
			"tls-insecure=true ← DIR/home/clouds.yaml", "use-clouds=true ← cloud.conf:2", "clouds-file=DIR/home/clouds.yaml ← from the search for clouds.yaml", "cloud=one ← cloud.conf:3"},
		problems: []string{"warning DIR/home/clouds.yaml: [Global] tls-insecure: certificates are not verified"},
	},
	{
		name: "OS_CLOUD is enough", text: "", files: map[string]string{"x.yaml": cloudsYAML, "cwd/clouds.yaml": "nonsense"},
		variables: map[string]string{"OS_CLOUD": "two", "OS_CLIENT_CONFIG_FILE": "DIR/x.yaml", "OS_PASSWORD": "S3CRET"},
		want: []string{"auth-url=https://two/v3 ← DIR/x.yaml", "region=R2 ← DIR/x.yaml", "application-credential-id=a2 ← DIR/x.yaml", "application-credential-secret=*** ← DIR/x.yaml",
			"use-clouds=true ← environment OS_CLOUD", "clouds-file=DIR/x.yaml ← environment OS_CLIENT_CONFIG_FILE", "cloud=two ← environment OS_CLOUD"},
	},
	{
		name: "OS_CLOUD does not count beside auth-url", text: sound, variables: map[string]string{"OS_CLOUD": "two"},
		want: []string{"auth-url=https://keystone:5000/v3 ← cloud.conf:2", "region=R ← cloud.conf:3", "username=u ← cloud.conf:4", "password=*** ← cloud.conf:5",
			"user-domain-name=d ← from domain-name", "domain-name=d ← cloud.conf:7", "tenant-name=t ← cloud.conf:6", "tenant-domain-name=d ← from domain-name"},
	},
	{
		name: "secure.yaml and a profile", text: "[Global]\nuse-clouds\nclouds-file=DIR/c/clouds.yaml\n",
		files: map[string]string{
			"c/clouds.yaml":        "clouds: {it: {profile: vendor, auth: {username: u, project_name: pn, default_domain: d}}}",
			"c/secure.yaml":        `clouds: {it: {auth: {password: "S3CRET"}}}`,
			"c/clouds-public.yaml": `public-clouds: {vendor: {auth: {auth_url: "https://v/v3"}, region_name: R}}`,
		},
		want: []string{"auth-url=https://v/v3 ← DIR/c/clouds-public.yaml", "region=R ← DIR/c/clouds-public.yaml", "username=u ← DIR/c/clouds.yaml",
			"password=*** ← DIR/c/secure.yaml", "user-domain-id=d ← from domain-id", "domain-id=d ← DIR/c/clouds.yaml", "tenant-name=pn ← DIR/c/clouds.yaml",
			"tenant-domain-id=d ← from domain-id", "use-clouds=true ← cloud.conf:2", "clouds-file=DIR/c/clouds.yaml ← cloud.conf:3", "cloud=it ← DIR/c/clouds.yaml"},
	},
	{
		name: "a number where a text belongs", text: "[Global]\nuse-clouds\n",
		files: map[string]string{"cwd/clouds.yaml": `clouds: {it: {auth: {auth_url: "https://k/v3", user_id: u, password: 0123, project_id: p}, region_name: R, verify: true}}`},
		want: []string{"auth-url=https://k/v3 ← DIR/cwd/clouds.yaml", "region=R ← DIR/cwd/clouds.yaml", "user-id=u ← DIR/cwd/clouds.yaml",
			"password=*** ← DIR/cwd/clouds.yaml", "tenant-id=p ← DIR/cwd/clouds.yaml", "tls-insecure=false ← DIR/cwd/clouds.yaml", "use-clouds=true ← cloud.conf:2",
			"clouds-file=DIR/cwd/clouds.yaml ← from the search for clouds.yaml", "cloud=it ← DIR/cwd/clouds.yaml"},
		problems: []string{"warning DIR/cwd/clouds.yaml: [Global] password: auth.password is a number or a bool in YAML, not the text that was written; put the value in quotes"},
	},
}

func TestWhatStandsInForGlobal(t *testing.T) {
	for _, test := range layerTests {
		t.Run(test.name, func(t *testing.T) {
			env, dir := world(t, test.variables, test.files)
			_, report := config.Read(strings.NewReader(strings.ReplaceAll(test.text, "DIR", dir)), "cloud.conf", env)
			if diff := cmp.Diff(test.want, inForce(report, dir)); diff != "" {
				t.Errorf("in force (-want +got):\n%s", diff)
			}
			expect(t, report, dir, test.problems)
		})
	}
}

func expect(t *testing.T, report config.Report, dir string, want []string) {
	t.Helper()
	got := lines(report, config.Warning)
	if len(got) != len(want) {
		t.Errorf("got %d problems, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
		return
	}
	for i := range want {
		if line := strings.ReplaceAll(got[i], dir, "DIR"); !strings.HasPrefix(line, want[i]) {
			t.Errorf("got problem %q, want %q", line, want[i])
		}
	}
	if strings.Contains(everything(report), marker) {
		t.Errorf("a secret is shown in:\n%s", everything(report))
	}
}

func TestBadCloudsFiles(t *testing.T) {
	const use = "[Global]\nuse-clouds=true\n"
	const none = "error cloud.conf:1: [Global] auth-url: the URL of Keystone is missing"
	const noCredentials = "error cloud.conf:1: [Global] password: there are no credentials"
	for _, test := range []struct {
		name, text string
		files      map[string]string
		want       string
	}{
		{"none", use, nil, "error cloud.conf:2: [Global] use-clouds: there is no DIR/cwd/clouds.yaml, nor DIR/home/clouds.yaml, nor DIR/etc/clouds.yaml; write clouds-file=PATH"},
		{"not where it should be", use + "clouds-file=DIR/no.yaml\n", nil, "error cloud.conf:3: [Global] clouds-file: there is no DIR/no.yaml"},
		{"a folder", use + "clouds-file=DIR/cwd\n", map[string]string{"cwd/x": ""}, "error cloud.conf:3: [Global] clouds-file: cannot read DIR/cwd: is a directory"},
		{"not YAML", use, map[string]string{"cwd/clouds.yaml": "clouds:\n  - {\"" + marker}, "error DIR/cwd/clouds.yaml: the file is not a valid clouds file: line 2; it maps clouds to names"},
		{"a list", use, map[string]string{"cwd/clouds.yaml": "clouds: [" + marker + "]"}, "error DIR/cwd/clouds.yaml: the file is not a valid clouds file; it maps"},
		{"no clouds", use, map[string]string{"cwd/clouds.yaml": "cloud: {}"}, "error DIR/cwd/clouds.yaml: the file has no clouds"},
		{"a choice", use, map[string]string{"cwd/clouds.yaml": cloudsYAML}, "error cloud.conf:2: [Global] use-clouds: the file DIR/cwd/clouds.yaml has several clouds, and none is chosen; write cloud=NAME; the file has one, two"},
		{"another name", use + "cloud=three\n", map[string]string{"cwd/clouds.yaml": cloudsYAML}, `error cloud.conf:3: [Global] cloud: there is no cloud "three" in DIR/cwd/clouds.yaml; the file has one, two`},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, dir := world(t, nil, test.files)
			_, report := config.Read(strings.NewReader(strings.ReplaceAll(test.text, "DIR", dir)), "cloud.conf", env)
			expect(t, report, dir, []string{none, noCredentials, test.want})
		})
	}
}

func TestMissingProfileIsAnError(t *testing.T) {
	env, dir := world(t, nil, map[string]string{"cwd/clouds.yaml": `clouds: {it: {cloud: vendor, auth: {auth_url: "https://k/v3", user_id: u, password: p, project_id: p}}}`})
	_, report := config.Read(strings.NewReader("[Global]\nuse-clouds\n"), "cloud.conf", env)
	expect(t, report, dir, []string{"error DIR/cwd/clouds-public.yaml: cannot read the file: no such file or directory; clouds.yaml refers to it"})
}

func TestNamedCloudsTakeNothingFromTheEnvironment(t *testing.T) {
	env, dir := world(t, map[string]string{"OS_AUTH_URL": "https://env/v3", "OS_CLOUD": "one"}, nil)
	_, report := config.Read(strings.NewReader(sound+"[Global \"two\"]\nregion=R\nusername=u\npassword=p\ntenant-id=t\ndomain-id=d\n"), "cloud.conf", env)
	expect(t, report, dir, []string{`error cloud.conf:8: [Global "two"] auth-url: the URL of Keystone is missing`})
}

func TestProcessEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("OS_CLOUD", "it")
	t.Setenv("OS_CLIENT_CONFIG_FILE", "")
	t.Chdir(dir)
	clouds := filepath.Join(dir, "config", "openstack", "clouds.yaml")
	if err := os.MkdirAll(filepath.Dir(clouds), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(clouds, []byte(`clouds: {it: {auth: {auth_url: "https://k/v3", user_id: u, password: p, project_id: p}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("cloud.conf", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, report := config.Load("cloud.conf")
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	if got, want := got.Global.AuthURL, "https://k/v3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"cloud.conf", clouds}, got.Global.WatchFiles); diff != "" {
		t.Errorf("files to watch (-want +got):\n%s", diff)
	}
}

// What a shell happens to export does not make a section of which nobody wrote.
func TestEnvironmentMakesNoGlobalBesideNamedClouds(t *testing.T) {
	env, _ := world(t, map[string]string{"OS_REGION_NAME": "R9", "OS_USERNAME": "somebody"}, nil)
	text := strings.Replace(sound, "[Global]", `[Global "one"]`, 1)
	cfg, report := config.Read(strings.NewReader(text), "cloud.conf", env)
	if err := report.Err(); err != nil || cfg.Clouds["one"] == nil {
		t.Errorf("got %v and clouds %v", err, cfg.Clouds)
	}
}

package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"underlay/pkg/config"
)

const marker = "S3CRET"

// secretive holds the marker in every secret, and in nothing else.
func secretive() config.Global {
	return config.Global{
		AuthURL: "https://me:" + marker + "@keystone/v3", Username: "me", Password: marker, TrusteePassword: marker,
		Token: marker, ApplicationCredentialSecret: marker, TLSInsecure: true,
	}
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	g := secretive()
	whole := config.Config{Global: g, Clouds: map[string]*config.Global{"two": &g}}
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %v"} {
		for name, value := range map[string]any{"Global": g, "*Global": &g, "Config": whole, "*Config": &whole, "slice": []config.Global{g}} {
			printed[name+" "+verb] = fmt.Sprintf(strings.Replace(verb, "%T ", "", 1), value)
		}
	}
	printed["error"] = fmt.Errorf("read %v: %w", g, fmt.Errorf("cause")).Error()
	for name, value := range map[string]any{"JSON of Global": g, "JSON of Config": whole} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		printed[name] = string(text)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("read", "global", g, "pointer", &g, "config", whole)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("read", "global", g, "pointer", &g, "config", whole)
	textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&log))).Info("read", "global", g, "pointer", &g, "config", whole)
	printed["log"] = log.String()
	printed["object"] = fmt.Sprint(klog.Format(g))
	printed["file"] = config.Render(&whole, false)
	for name, text := range printed {
		if strings.Contains(text, marker) || strings.Contains(text, fmt.Sprintf("%x", marker)) {
			t.Errorf("%s shows a secret: %s", name, text)
		}
		if !strings.Contains(text, "me") {
			t.Errorf("%s shows nothing that is not secret either: %s", name, text)
		}
	}
	if !strings.Contains(config.Render(&whole, true), marker) {
		t.Error("a file rendered with secrets has none")
	}
}

func TestGlobalReadsAsItsKeys(t *testing.T) {
	got := config.Global{AuthURL: "https://k/v3", Username: "me and you", Password: "x", TLSInsecure: true}.String()
	want := `[auth-url=https://k/v3 username="me and you" password=*** tls-insecure=true]`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// everything is all that a report says.
func everything(report config.Report) string {
	text, err := json.Marshal(report)
	if err != nil {
		return err.Error()
	}
	out := string(text) + "\n"
	for _, p := range report.Problems {
		out += p.Error() + "\n" + p.Excerpt + "\n"
	}
	for _, s := range report.Settings {
		out += s.Value + "\n" + s.Origin.String() + "\n"
	}
	if err := report.Err(); err != nil {
		out += err.Error()
	}
	return out
}

// TestReportsShowNoSecret puts a secret where people put them by mistake too.
func TestReportsShowNoSecret(t *testing.T) {
	for name, text := range map[string]string{
		"as a password":                   strings.Replace(sound, "password=p", "password="+marker, 1),
		"cut by #":                        strings.Replace(sound, "password=p", "password="+marker+"#"+marker, 1),
		"with a backslash":                strings.Replace(sound, "password=p", `password=`+marker+`\`+marker, 1),
		"in open quotes":                  strings.Replace(sound, "password=p", `password="`+marker, 1),
		"without =":                       strings.Replace(sound, "password=p", "password "+marker, 1),
		"after a colon":                   strings.Replace(sound, "password=p", "password: "+marker, 1),
		"under a misspelt key":            sound + "pasword=" + marker + "\n",
		"under an unknown key":            sound + "x=" + marker + "\n",
		"alone on a line":                 sound + marker + "\n",
		"behind a header":                 sound + "[Global] password=" + marker + "\n",
		"behind an open header":           sound + "[Global password=" + marker + "\n",
		"in a comment behind a header":    sound + "[Networking] # password=" + marker + "\n",
		"in a comment":                    strings.Replace(sound, "username=u", "username=u # "+marker, 1) + "user-id=x\n",
		"in the URL":                      strings.Replace(sound, "https://", "https://me:"+marker+"@", 1),
		"in a URL that is none":           strings.Replace(sound, "https://keystone", "ftp://me:"+marker+"@%zz", 1),
		"before the first section":        "password=" + marker + "\n" + sound,
		"swallowed by a text":             strings.Replace(sound, "username=u\npassword=p", "username=u\\\npassword="+marker, 1),
		"swallowed by a domain":           strings.Replace(sound, "domain-name=d\n", "domain-name=d\\\npassword="+marker+"\n", 1),
		"swallowed by a duration":         sound + "[Metadata]\nrequest-timeout=5\\\npassword=" + marker + "\n",
		"swallowed by a list":             sound + "[Networking]\npublic-network-name=a\npublic-network-name=b\\\npassword=" + marker + "\n",
		"not UTF-8":                       strings.Replace(sound, "password=p", "password="+marker+"\xff", 1),
		"in the wrong section":            sound + "[LoadBalancer]\npassword=" + marker + "\n",
		"of a method that contradicts":    sound + "application-credential-secret=" + marker + "\ntoken=" + marker + "\n",
		"twice":                           sound + "password=" + marker + "\npassword=" + marker + "\n",
		"in an unknown section":           sound + "[Secrets]\npassword=" + marker + "\n",
		"of a trust, the user's password": sound + "trust-id=t\ntrustee-password=" + marker + "\n",
	} {
		got, report := read(text)
		if shown := everything(report) + fmt.Sprintf("%+v", got.Global); strings.Contains(shown, marker) {
			t.Errorf("%s: the secret is shown in:\n%s", name, shown)
		}
	}
}

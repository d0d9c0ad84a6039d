package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/internal/cli"
)

var updateConfigCheck = flag.Bool("update-config-check", false, "write the golden files of config check anew")

// configCheck runs `underlay config check` without the OS_* variables of
// whoever runs the tests.
func configCheck(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "OS_") {
			t.Setenv(name, "")
		}
	}
	var out, errs bytes.Buffer
	code = cli.Run(t.Context(), append([]string{"config", "check"}, args...), &out, &errs)
	return out.String(), errs.String(), code
}

// TestConfigCheckGolden holds what a person and a program read to golden files.
func TestConfigCheckGolden(t *testing.T) {
	t.Chdir(filepath.Join("testdata", "config"))
	for _, name := range []string{"article-of-2016", "clean", "everything-wrong"} {
		for _, format := range []string{"text", "json"} {
			t.Run(name+" "+format, func(t *testing.T) {
				got, errs, code := configCheck(t, "--output", format, name+".conf")
				if errs != "" {
					t.Errorf("got %q on the standard error, want nothing", errs)
				}
				if format == "text" {
					got += fmt.Sprintf("\nExit code %d.\n", code)
				}
				if strings.Contains(got, "openstack") {
					t.Errorf("the secret is shown in:\n%s", got)
				}
				golden := name + "." + map[string]string{"text": "txt", "json": "json"}[format]
				if *updateConfigCheck {
					if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("run go test ./internal/cli -update-config-check if this is meant (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestConfigCheckExitCodes(t *testing.T) {
	t.Chdir(filepath.Join("testdata", "config"))
	for _, test := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"clean.conf"}, 0, ""},
		{[]string{"--strict", "clean.conf"}, 0, ""},
		{[]string{"article-of-2016.conf"}, 0, ""},
		{[]string{"--strict", "article-of-2016.conf"}, 1, ""},
		{[]string{"everything-wrong.conf"}, 2, ""},
		{[]string{"--strict", "-o", "json", "everything-wrong.conf"}, 2, ""},
		{[]string{"missing.conf"}, 2, ""},
		{[]string{"."}, 2, ""},
		{nil, 2, "Error: give one FILE: underlay config check FILE\n"},
		{[]string{"a", "b"}, 2, "Error: give one FILE: underlay config check FILE\n"},
		{[]string{"-o", "xml", "clean.conf"}, 2, "Error: there is no output format \"xml\": give text or json\n"},
		{[]string{"--stirct", "clean.conf"}, 2, "Error: unknown flag: --stirct\n"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			_, stderr, code := configCheck(t, test.args...)
			if code != test.code || stderr != test.stderr {
				t.Errorf("got exit code %d and %q, want %d and %q", code, stderr, test.code, test.stderr)
			}
		})
	}
}

func TestConfigCheckReadsTheStandardInput(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "config", "clean.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	command := cli.NewConfigCommand()
	command.SetIn(bytes.NewReader(text))
	command.SetOut(&out)
	command.SetArgs([]string{"check", "--output", "json", "-"})
	if err := command.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Errors   int
		Settings []struct{ Key, Value, Origin string }
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Errors != 0 || len(got.Settings) == 0 || got.Settings[0].Origin != "stdin:2" {
		t.Errorf("got %+v, want the first setting from stdin:2", got)
	}
}

func TestConfigAloneExplainsItself(t *testing.T) {
	var out, errs bytes.Buffer
	if code := cli.Run(t.Context(), []string{"config"}, &out, &errs); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
	if !strings.Contains(out.String(), "check") {
		t.Errorf("got %q, want the subcommands", out.String())
	}
}

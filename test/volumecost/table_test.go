package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var sample = figures{
	Binary: 20, Volumes: 1000, Attaches: 50,
	Memory: []memory{
		{Service: "node service", When: "at rest", Resident: 20.4, Own: 3.6, Peak: 21, CPU: 0.012},
		{Service: "node service", When: "after ten scrapes of its metrics", Resident: 26},
	},
	Operations: []operation{
		{Name: "attach", Pace: "immediate", Reads: 2, Writes: 1, Seconds: 0.7},
		{Name: "attach", Pace: "middling", Reads: 6, Writes: 1, Seconds: 4.8},
	},
}

func TestTablesHaveTheFigures(t *testing.T) {
	for _, want := range []string{
		"| node service | at rest | 20 | 4 | 21 | 0.01 |\n", "| node service | after ten scrapes of its metrics | 26 | 0 | 0 |  |\n",
		"| attach | 2, 1 | 0.7 | 6, 1 | 4.8 |\n",
	} {
		if got := sample.markdown(); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, want := range []string{"20.4", "0.01", "middling", "4.8"} {
		if got := sample.text(); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTablesWithoutTimes(t *testing.T) {
	f := figures{Memory: slices.Clone(sample.Memory), Operations: slices.Clone(sample.Operations)}
	f.forgetTimes()
	for _, want := range []string{"| node service | at rest | 20 | 4 | 21 |\n", "| attach | 2, 1 | 6, 1 |\n"} {
		if got := f.markdown(); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTablesAreWrittenIntoThePage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+tablesBegin+"old\n"+tablesEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := writeInto(page, "new\n"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if want := "before\n" + tablesBegin + "\nnew\n\n" + tablesEnd + "after\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if err := os.WriteFile(page, []byte("no marks\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeInto(page, "new\n"); err == nil {
		t.Error("a page without marks was written")
	}
}

// The page of the documentation has the marks.
func TestThePageHasTheMarks(t *testing.T) {
	text, err := os.ReadFile("../../docs/explanation/volumes-cost.md")
	if err != nil || !strings.Contains(string(text), tablesBegin) || !strings.Contains(string(text), tablesEnd) {
		t.Errorf("got %v and\n%s", err, text)
	}
}

func TestArgumentsAreThoseOfTheManifests(t *testing.T) {
	const manifests = "../../manifests/csi"
	replaced := map[string]string{"endpoint": "unix:///tmp/s", "cloud-config": "/tmp/c", "cluster": "cost", "http-endpoint": "127.0.0.1:1", "registration-folder": "/tmp"}
	node, err := argsOf(manifests, []string{"node.yaml"}, replaced)
	if err != nil || !slices.Contains(node, "--provide-controller-service=false") || !slices.Contains(node, "--endpoint=unix:///tmp/s") {
		t.Errorf("node: got %q, %v", node, err)
	}
	both, err := argsOf(manifests, []string{"controller.yaml", "node.yaml"}, replaced)
	if err != nil || strings.Contains(strings.Join(both, " "), "--provide-") || !slices.Contains(both, "--self-register") || !slices.Contains(both, "--cluster=cost") {
		t.Errorf("both: got %q, %v", both, err)
	}
	for i, arg := range both {
		if slices.Contains(both[i+1:], arg) {
			t.Errorf("%s is there twice, which adds up for a list", arg)
		}
	}
	if _, err := argsOf(manifests, []string{"csi-driver.yaml"}, nil); err == nil {
		t.Error("a manifest without a container was taken")
	}
}

func TestEachWaitsForAll(t *testing.T) {
	odd := errors.New("odd")
	done := make([]bool, 4)
	err := each(4, func(i int) error {
		done[i] = true
		if i%2 == 1 {
			return odd
		}
		return nil
	})
	if !errors.Is(err, odd) || slices.Contains(done, false) {
		t.Errorf("got %v, %v", err, done)
	}
}

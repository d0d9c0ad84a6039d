package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"underlay/internal/kube"
)

// transcript is what a running demo has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// await waits until the demo has written something, at most for two minutes.
func (t *transcript) await(text string) bool {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(t.String(), text) {
			return true
		}
	}
	return false
}

// demonstrate runs `underlay demo` in this process.
func demonstrate(ctx context.Context, in io.Reader, args ...string) (*transcript, func() error) {
	out := &transcript{}
	cmd := NewDemoCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(out)
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	return out, func() error { return <-ended }
}

func TestDemoOnceShowsEveryStageAndSucceeds(t *testing.T) {
	t.Parallel()
	out, ended := demonstrate(t.Context(), strings.NewReader(""), "--once", "--nodes=2")
	if err := ended(); err != nil {
		t.Fatalf("got %v, want success\n%s", err, out)
	}
	for _, want := range []string{
		"2 nodes join", "One more joins: node-3", "One leaves: node-2", "- | 10.244.", "router write",
		"A Service of type LoadBalancer: web", "web      + address", "Hello from node-", "web      − member gone", "no load balancer and no floating IP is left",
		"leader lease released", "State folder              removed", "right at every stage",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the output", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestDemoOnceFailsWithWhatIsWrongAndKeepsTheLogs(t *testing.T) {
	t.Parallel()
	out, ended := demonstrate(t.Context(), strings.NewReader(""), "--once", "--nodes=1", "--stage-timeout=50ms")
	var exit *ExitError
	if err := ended(); !errors.As(err, &exit) || exit.Code != 1 {
		t.Errorf("got %v, want exit code 1", err)
	}
	for _, want := range []string{`stage "1 node joins": not as it should be`, "node-1: its network is not available", "Logs are in ", "leader lease released"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the output\n%s", want, out)
		}
	}
	removeState(t, out)
}

// removeState removes the state folder that a failed demo has kept.
func removeState(t *testing.T, out *transcript) {
	t.Helper()
	if _, rest, kept := strings.Cut(out.String(), "Logs are in "); kept {
		logs, _, _ := strings.Cut(rest, "\n")
		if err := os.RemoveAll(filepath.Dir(logs)); err != nil {
			t.Error(err)
		}
	}
}

func TestDemoOnAClusterOfTheUsersOwnObeysAndLeavesItClean(t *testing.T) {
	t.Parallel()
	binaries, err := kube.Build(t.Context(), kube.LogProgress(os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kube.Start(t.Context(), kube.Options{Dir: t.TempDir(), Binaries: binaries})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	read, keyboard := io.Pipe()
	out, ended := demonstrate(ctx, read, "--nodes=1", "--kubeconfig="+cluster.Kubeconfig())
	for _, step := range []struct{ shown, typed string }{
		{"It is yours", "+"}, {"node-3   + network available", "?"}, {"type + or - and Enter", "-"}, {"node-3   − Node removed", ""},
	} {
		if !out.await(step.shown) {
			t.Fatalf("never shown: %q\n%s", step.shown, out)
		}
		if _, err := io.WriteString(keyboard, step.typed+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	interrupt()
	if err := ended(); err != nil {
		t.Errorf("after Ctrl-C: got %v, want success\n%s", err, out)
	}
	config, err := cluster.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := kubernetes.NewForConfigOrDie(config).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) > 0 {
		t.Errorf("nodes left behind: %d (%v)", len(nodes.Items), err)
	}
}

func TestDemoInterruptedOnTheWayIsNoSuccess(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, ended := demonstrate(ctx, strings.NewReader(""), "--once")
	if !out.await("live page") {
		t.Fatal(out)
	}
	interrupt()
	var exit *ExitError
	if err := ended(); !errors.As(err, &exit) || exit.Code != 1 || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v, want exit code 1 and why", err)
	}
}

func TestDemoRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"1 to 25":                       {"--nodes=0"},
		"30 routes":                     {"--nodes=26"},
		"--cluster-cidr":                {"--cluster-cidr=10.244.0.0"},
		"unknown flag":                  {"--twice"},
		"serve the simulated cloud":     {"--listen=256.0.0.1:0"},
		"no such file or directory":     {"--kubeconfig=/nowhere", "--once"},
		"unknown command \"something\"": {"something"},
	} {
		out, ended := demonstrate(t.Context(), strings.NewReader(""), args...)
		err := ended()
		removeState(t, out)
		if err == nil {
			t.Errorf("%v: no error", args)
			continue
		}
		if !strings.Contains(out.String()+err.Error(), want) {
			t.Errorf("%v: got %v and %q, want %q", args, err, out, want)
		}
	}
}

func TestDemoBuildOnlyBuildsAndStops(t *testing.T) {
	t.Parallel()
	out, ended := demonstrate(t.Context(), strings.NewReader(""), "--build-only")
	if err := ended(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "✓ Kubernetes and etcd") || strings.Contains(got, "Control plane") {
		t.Errorf("got:\n%s", got)
	}
}

package scenario_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"underlay/internal/playground"
	"underlay/test/world"
)

// tool is the command underlay, built by the first test that needs it.
var tool = sync.OnceValues(func() (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "underlay")
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", path, "underlay/cmd/underlay").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// underlay runs the command as an operator does, and gives its output and exit code.
func (s *balancerStory) underlay(t *testing.T, args ...string) (string, int) {
	t.Helper()
	path, err := tool()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), path, append(args, "--cloud-config", s.CloudConfPath())...)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	code := command.ProcessState.ExitCode()
	t.Logf("underlay %s: exit code %d\n%s%s", args[0], code, out.String(), complaint.String())
	return out.String(), code
}

// plan runs `underlay plan` as JSON.
func (s *balancerStory) plan(t *testing.T) (forecast, int) {
	t.Helper()
	text, code := s.underlay(t, "plan", "--kubeconfig", s.Kubeconfig(), "--cluster-cidr", podRanges, "--output", "json")
	var f forecast
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatalf("the plan is no JSON: %v", err)
	}
	return f, code
}

type forecast struct {
	Changes  int
	Routes   []string
	Services []struct {
		Service, Error string
		Steps          []string
	}
}

// planAndStatus: what somebody changes in the cloud shows in the plan, until it
// has been put right.
func planAndStatus(t *testing.T, s *balancerStory) {
	s.Serve("web", nil, world.TCP(80), world.TCP(443))
	address := s.Address("web")
	s.UntilEnsured("web", 1)
	if f, code := s.plan(t); code != 0 || f.Changes != 0 {
		t.Errorf("nothing is to do: got exit code %d and %d changes, want 0 and 0", code, f.Changes)
	}
	text, code := s.underlay(t, "status", "--kubeconfig", s.Kubeconfig())
	for _, word := range []string{"default/web", address, "TCP/80", "TCP/443", "4/4", "node-1", "node-2"} {
		if code != 0 || !strings.Contains(text, word) {
			t.Errorf("status: got exit code %d, and %q is there: %v", code, word, strings.Contains(text, word))
		}
	}
	b := s.on.only(t)
	var listeners struct{ Listeners []struct{ ID string } }
	query := url.Values{"loadbalancer_id": {b.ID}, "protocol_port": {"443"}}
	s.on.must(t, http.MethodGet, balancing, "/v2/lbaas/listeners?"+query.Encode(), nil, &listeners)
	s.on.must(t, http.MethodDelete, balancing, "/v2/lbaas/listeners/"+listeners.Listeners[0].ID, nil, nil)
	s.Until(octaviaTime, "the listener is gone", func(ctx context.Context) bool {
		var b struct {
			LoadBalancer struct {
				Status    string `json:"provisioning_status"`
				Listeners []struct{ ID string }
			}
		}
		err := s.on.client.Do(ctx, http.MethodGet, balancing, "/v2/lbaas/loadbalancers/"+s.on.only(t).ID, nil, &b)
		return err == nil && b.LoadBalancer.Status == "ACTIVE" && len(b.LoadBalancer.Listeners) == 1
	})
	f, code := s.plan(t)
	if code != 2 || f.Changes == 0 || len(f.Services) != 1 || len(f.Services[0].Steps) != f.Changes {
		t.Errorf("a listener is gone: got exit code %d and %+v, want 2 and its steps", code, f)
	}
	s.Edit("web", func(v *corev1.Service) { v.Annotations["touched"] = "yes" })
	s.becomes(t, "TCP 80, members 2, "+anywhere, "TCP 443, members 2, "+anywhere)
	s.Until(octaviaTime, "nothing is to do again", func(context.Context) bool {
		f, code := s.plan(t)
		return code == 0 && f.Changes == 0
	})
	s.Forget("web")
}

// cleanUp: the cluster is gone, and its project can be emptied all the same.
func cleanUp(t *testing.T, s *balancerStory) {
	s.Serve("web", nil, world.TCP(80))
	s.Address("web")
	for _, c := range s.Controllers() {
		if c.Running() {
			if err := c.Stop(playground.StopGrace); err != nil {
				t.Fatal(err)
			}
		}
	}
	if text, code := s.underlay(t, "cleanup"); code != 2 || !strings.Contains(text, s.cluster) {
		t.Errorf("list: got exit code %d, want 2 and the cluster %s", code, s.cluster)
	}
	all := []string{"cleanup", "--cluster-id", s.cluster, "--cluster-cidr", podRanges, "--router", s.on.router}
	if _, code := s.underlay(t, append(slices.Clone(all), "--kubeconfig", s.Kubeconfig(), "--yes")...); code == 0 {
		t.Error("a living cluster: want a refusal")
	}
	if _, code := s.underlay(t, append(slices.Clone(all), "--yes")...); code != 0 {
		t.Errorf("remove: got exit code %d, want 0", code)
	}
	s.nothingLeft(t)
	routes, err := s.on.routes(t.Context())
	if err != nil || len(routes) > 0 {
		t.Errorf("left routes: %v (%v)", routes, err)
	}
	if _, code := s.underlay(t, all...); code != 0 {
		t.Errorf("nothing is left: got exit code %d, want 0", code)
	}
}

package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// TestASuccessorLeadsAtOnceAfterACleanStop: by default a lease that is not
// given up blocks the successor for 15 s.
func TestASuccessorLeadsAtOnceAfterACleanStop(t *testing.T) {
	w := newWorld(t, playground.Options{})
	first := w.Lead(quick...)
	old := w.Holder()
	second := w.Start(quick...)
	w.UntilLogged(second, 30*time.Second, "Attempting to acquire leader lease")
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	if err := first.Stop(playground.StopGrace); err != nil {
		t.Fatal(err)
	}
	if code := first.ExitCode(); code != 0 {
		t.Errorf("exit code of a clean stop: got %d, want 0", code)
	}
	stopped := time.Now()
	w.LedBy(second, old, 8*time.Second)
	t.Logf("the successor led after %s", time.Since(stopped).Round(100*time.Millisecond))
	w.JoinAll(3, 3)
	w.Remove("node-1")
	w.Settled(time.Minute)
}

func TestASuccessorTakesOverAfterAKill(t *testing.T) {
	w := newWorld(t, playground.Options{})
	first := w.Lead(quick...)
	old := w.Holder()
	second := w.Start(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	first.Kill()
	w.JoinAll(3, 3)
	w.Remove("node-1")
	w.LedBy(second, old, time.Minute)
	w.Settled(time.Minute)
}

func TestARestartCatchesUpAndChangesNothingElse(t *testing.T) {
	w := newWorld(t, playground.Options{})
	first := w.Lead(quick...)
	w.JoinAll(1, 3)
	w.Settled(time.Minute)
	if err := first.Stop(playground.StopGrace); err != nil {
		t.Fatal(err)
	}
	w.Remove("node-1")
	w.JoinAll(4, 4)
	w.Lead(quick...)
	w.Settled(time.Minute)

	w.Controllers()[1].Kill()
	w.Cloud.ResetCalls()
	w.Lead(quick...) // it takes the lease over, and finds nothing to do
	w.Until(time.Minute, "the router is read twice", func(context.Context) bool { return w.Cloud.Count("GET /v2.0/routers/*") >= 2 })
	if router, port := w.writes(); router+port > 0 {
		t.Errorf("a restart with nothing to do wrote the router %d times and ports %d times", router, port)
	}
	w.Settled(time.Minute)
}

func TestTheAPIServerRestarts(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	w.ExpectRefusals() // by an API server that has not read its roles yet
	if err := w.Cluster().Restart(t.Context(), kube.APIServer); err != nil {
		t.Fatal(err)
	}
	w.JoinAll(3, 3)
	w.Settled(time.Minute)
}

func TestACloudThatIsDownAtStartRestartsNothing(t *testing.T) {
	w := newWorld(t, playground.Options{})
	address, err := w.CloseAPI()
	if err != nil {
		t.Fatal(err)
	}
	c := w.Lead(quick...)
	w.JoinAll(1, 2)
	for range 5 { // five looks of a liveness probe
		time.Sleep(time.Second)
		w.Alive(c)
	}
	if err := w.OpenAPI(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	w.Settled(2 * time.Minute)
}

func TestRotatedCredentialsAreReadWithoutARestart(t *testing.T) {
	w := newWorld(t, playground.Options{})
	c := w.Lead(quick...)
	w.JoinAll(1, 1)
	w.Settled(time.Minute)
	w.Cloud.SetPassword("rotated #1; still secret")
	w.Cloud.ExpireTokens()
	if err := w.WriteCloudConf(w.CloudConf()); err != nil {
		t.Fatal(err)
	}
	w.JoinAll(2, 2)
	w.Settled(2 * time.Minute)
	w.Alive(c)
	if strings.Contains(c.LogTail(100_000), "still secret") {
		t.Error("the log has the password")
	}
}

func TestABadCloudConfIsAClearErrorAndAnExitCode(t *testing.T) {
	w := newWorld(t, playground.Options{})
	good := w.CloudConf()
	for name, test := range map[string]struct{ conf, want string }{
		"empty":            {"", "auth-url"},
		"not INI":          {"auth-url: http://x\n", "cloud.conf:1: "},
		"no credentials":   {"[Global]\nauth-url=http://127.0.0.1:1/v3\n", "username"},
		"not a boolean":    {good + "[LoadBalancer]\nenabled=perhaps\n", "enabled"},
		"not a duration":   {good + "[Metadata]\nrequest-timeout=soon\n", "request-timeout"},
		"not a UUID or ID": {strings.Replace(good, w.RouterID, "my router", 1), "router-id"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := w.WriteCloudConf(test.conf); err != nil {
				t.Fatal(err)
			}
			c := w.Start()
			select {
			case <-c.Done():
			case <-time.After(time.Minute):
				t.Fatal("it still runs")
			}
			if code := c.ExitCode(); code != 2 {
				t.Errorf("exit code: got %d, want 2", code)
			}
			if log := c.LogTail(100_000); !strings.Contains(log, test.want) || strings.Contains(log, "goroutine 1") {
				t.Errorf("log: want %q and no stack:\n%s", test.want, log)
			}
		})
	}
}

func TestAMissingCloudConfIsAClearErrorAndAnExitCode(t *testing.T) {
	w := newWorld(t, playground.Options{})
	if err := os.Remove(w.CloudConfPath()); err != nil {
		t.Fatal(err)
	}
	c := w.Start()
	w.Until(time.Minute, "it has ended", func(context.Context) bool { return !c.Running() })
	if c.ExitCode() == 0 || !strings.Contains(c.LogTail(100_000), filepath.Base(w.CloudConfPath())) {
		t.Errorf("exit code %d, log:\n%s", c.ExitCode(), c.LogTail(20))
	}
}

func TestTheMetricsAreThereForWhomTheAPIServerAllows(t *testing.T) {
	w := newWorld(t, playground.Options{})
	c := w.Lead(quick...)
	status, _, err := c.Get(t.Context(), "/metrics")
	if err != nil || status != http.StatusForbidden && status != http.StatusUnauthorized {
		t.Errorf("GET /metrics without a name: got %d (%v), want 401 or 403", status, err)
	}
}

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
	first := w.lead(quick...)
	old := w.leader()
	second := w.start(quick...)
	w.untilLogged(second, 30*time.Second, "Attempting to acquire leader lease")
	w.join(1, 2)
	w.settle(time.Minute)
	if err := first.Stop(playground.StopGrace); err != nil {
		t.Fatal(err)
	}
	if code := first.ExitCode(); code != 0 {
		t.Errorf("exit code of a clean stop: got %d, want 0", code)
	}
	stopped := time.Now()
	w.awaitLeader(second, old, 8*time.Second)
	t.Logf("the successor led after %s", time.Since(stopped).Round(100*time.Millisecond))
	w.join(3, 3)
	w.leave("node-1")
	w.settle(time.Minute)
}

func TestASuccessorTakesOverAfterAKill(t *testing.T) {
	w := newWorld(t, playground.Options{})
	first := w.lead(quick...)
	old := w.leader()
	second := w.start(quick...)
	w.join(1, 2)
	w.settle(time.Minute)
	first.Kill()
	w.join(3, 3)
	w.leave("node-1")
	w.awaitLeader(second, old, time.Minute)
	w.settle(time.Minute)
}

func TestARestartCatchesUpAndChangesNothingElse(t *testing.T) {
	w := newWorld(t, playground.Options{})
	first := w.lead(quick...)
	w.join(1, 3)
	w.settle(time.Minute)
	if err := first.Stop(playground.StopGrace); err != nil {
		t.Fatal(err)
	}
	w.leave("node-1")
	w.join(4, 4)
	w.lead(quick...)
	w.settle(time.Minute)

	w.Controllers()[1].Kill()
	w.Cloud.ResetCalls()
	w.lead(quick...) // it takes the lease over, and finds nothing to do
	w.until(time.Minute, "the router is read twice", func(context.Context) bool { return w.Cloud.Count("GET /v2.0/routers/*") >= 2 })
	if router, port := w.writes(); router+port > 0 {
		t.Errorf("a restart with nothing to do wrote the router %d times and ports %d times", router, port)
	}
	w.settle(time.Minute)
}

func TestTheAPIServerRestarts(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.lead(quick...)
	w.join(1, 2)
	w.settle(time.Minute)
	w.forbidden = true // by an API server that has not read its roles yet
	if err := w.Cluster().Restart(t.Context(), kube.APIServer); err != nil {
		t.Fatal(err)
	}
	w.join(3, 3)
	w.settle(time.Minute)
}

func TestACloudThatIsDownAtStartRestartsNothing(t *testing.T) {
	w := newWorld(t, playground.Options{})
	address, err := w.CloseAPI()
	if err != nil {
		t.Fatal(err)
	}
	c := w.lead(quick...)
	w.join(1, 2)
	for range 5 { // five looks of a liveness probe
		time.Sleep(time.Second)
		w.alive(c)
	}
	if err := w.OpenAPI(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	w.settle(2 * time.Minute)
}

func TestRotatedCredentialsAreReadWithoutARestart(t *testing.T) {
	w := newWorld(t, playground.Options{})
	c := w.lead(quick...)
	w.join(1, 1)
	w.settle(time.Minute)
	w.Cloud.SetPassword("rotated #1; still secret")
	w.Cloud.ExpireTokens()
	if err := w.WriteCloudConf(w.CloudConf()); err != nil {
		t.Fatal(err)
	}
	w.join(2, 2)
	w.settle(2 * time.Minute)
	w.alive(c)
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
			c := w.start()
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
	c := w.start()
	w.until(time.Minute, "it has ended", func(context.Context) bool { return !c.Running() })
	if c.ExitCode() == 0 || !strings.Contains(c.LogTail(100_000), filepath.Base(w.CloudConfPath())) {
		t.Errorf("exit code %d, log:\n%s", c.ExitCode(), c.LogTail(20))
	}
}

func TestTheMetricsAreThereForWhomTheAPIServerAllows(t *testing.T) {
	w := newWorld(t, playground.Options{})
	c := w.lead(quick...)
	status, _, err := c.Get(t.Context(), "/metrics")
	if err != nil || status != http.StatusForbidden && status != http.StatusUnauthorized {
		t.Errorf("GET /metrics without a name: got %d (%v), want 401 or 403", status, err)
	}
}

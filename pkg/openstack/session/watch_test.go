package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/config"
)

// vault is a Keystone that knows one password at a time, and a file that holds one.
type vault struct {
	*script
	password atomic.Value // string: what Keystone accepts
	refused  atomic.Int64
	file     string
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{file: filepath.Join(t.TempDir(), "cloud.conf")}
	v.password.Store("first-password")
	v.write(t, "first-password")
	v.script = lively(everyToken)
	v.Keystone = func(n int, r *http.Request) (*http.Response, error) {
		if !v.accepts(r) {
			v.refused.Add(1)
			return answer(401, `{"error": {"code": 401, "title": "Unauthorized", "message": "No."}}`), nil
		}
		return login(fmt.Sprint(testToken, n), time.Hour), nil
	}
	return v
}

func (v *vault) accepts(r *http.Request) bool {
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	var said struct {
		Auth struct {
			Identity struct {
				Password struct {
					User struct{ Password string }
				}
			}
		}
	}
	raw, err := io.ReadAll(body)
	return err == nil && json.Unmarshal(raw, &said) == nil && said.Auth.Identity.Password.User.Password == v.password.Load()
}

func (v *vault) write(t *testing.T, password string) {
	t.Helper()
	if err := os.WriteFile(v.file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read is the configuration as the file says it.
func (v *vault) read() (config.Global, error) {
	content, err := os.ReadFile(v.file)
	if err != nil {
		return config.Global{}, err
	}
	if strings.HasPrefix(string(content), "broken") {
		return config.Global{}, fmt.Errorf("line 1: cannot read %q", content)
	}
	g := testConfig()
	g.Password, g.WatchFiles = string(content), []string{v.file}
	return g, nil
}

// client polls only: the kernel's announcements are no part of fake time.
func (v *vault) client(t *testing.T) client {
	t.Helper()
	g, err := v.read()
	if err != nil {
		t.Fatal(err)
	}
	client, err := connect(g, Options{
		Transport: v, Reload: v.read,
		watch: func([]string) (<-chan struct{}, func(), error) { return nil, nil, errors.New("not here") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// running runs the client's background work for the rest of a test's bubble.
func running(t *testing.T, client client) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { client.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

func TestDefect21ChangedCredentialsAreUsed(t *testing.T) {
	v := newVault(t)
	synctest.Test(t, func(t *testing.T) {
		client := v.client(t)
		defer running(t, client)()
		callAll(t, client, 1)
		v.password.Store("second-password")
		v.write(t, "second-password")
		time.Sleep(time.Minute + time.Second)
		if _, session := client.keys.state(); session.token != testToken+"2" {
			t.Errorf("got token %q a minute after the change, want one of the new password", session.token)
		}
		callAll(t, client, 1)
		if got := v.refused.Load(); got != 0 {
			t.Errorf("got %d refused logins, want none", got)
		}
	})
}

// A replica that stood by while the credentials were rotated leads with the new ones.
func TestStandbyLeadsWithRotatedCredentials(t *testing.T) {
	v := newVault(t)
	synctest.Test(t, func(t *testing.T) {
		client := v.client(t)
		v.password.Store("second-password")
		v.write(t, "second-password")
		defer running(t, client)()
		synctest.Wait()
		callAll(t, client, 1)
		if got := v.refused.Load(); got != 0 {
			t.Errorf("got %d refused logins, want none", got)
		}
	})
}

// New credentials that Keystone refuses do not end those that work, and are tried
// again ever more seldom; when Keystone knows them, they are used.
func TestRefusedChangeKeepsTheOld(t *testing.T) {
	v := newVault(t)
	synctest.Test(t, func(t *testing.T) {
		client := v.client(t)
		defer running(t, client)()
		callAll(t, client, 1)
		v.write(t, "not-yet-known")
		for range 90 {
			time.Sleep(time.Minute)
			callAll(t, client, 1)
		}
		if got := v.refused.Load(); got < 3 || got > 8 {
			t.Errorf("got %d refused logins in 90 minutes, want a few", got)
		}
		v.password.Store("not-yet-known")
		for range 62 {
			time.Sleep(time.Minute)
			callAll(t, client, 1)
		}
		if w, _ := client.keys.state(); w.credentials.options.Password != "not-yet-known" {
			t.Error("the new credentials are not in use an hour after Keystone knows them")
		}
	})
}

func TestBrokenFileKeepsTheOld(t *testing.T) {
	v := newVault(t)
	synctest.Test(t, func(t *testing.T) {
		client := v.client(t)
		defer running(t, client)()
		callAll(t, client, 1)
		for _, content := range []string{"broken", ""} {
			v.write(t, content)
			time.Sleep(2 * time.Minute)
			callAll(t, client, 1)
		}
		if err := os.Remove(v.file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		callAll(t, client, 1)
		if got := v.refused.Load(); got != 0 {
			t.Errorf("got %d refused logins, want none: a file without sense is never tried", got)
		}
	})
}

// A password that Keystone changed is read from the file the moment that it is
// needed, without waiting for anybody to notice the file.
func TestRotationIsFoundByTheRefusal(t *testing.T) {
	v := newVault(t)
	synctest.Test(t, func(t *testing.T) {
		client := v.client(t) // Run is not running
		callAll(t, client, 1)
		v.password.Store("second-password")
		v.write(t, "second-password")
		time.Sleep(56 * time.Minute)
		lines := &transcript{}
		if _, err := client.Router(klog.NewContext(t.Context(), funcr.New(lines.add, funcr.Options{})), "r1"); err != nil {
			t.Error(err)
		}
		if _, session := client.keys.state(); session.token != testToken+"3" {
			t.Errorf("got token %q, want the third: one refused in between", session.token)
		}
		if !strings.Contains(lines.String(), "Using the changed credentials") {
			t.Errorf("the log does not say that other credentials are in use: %q", lines)
		}
	})
}

// Credentials that never worked are replaced by newer ones whatever those do.
func TestNewerGuessAtTheStart(t *testing.T) {
	v := newVault(t)
	v.password.Store("third-password")
	synctest.Test(t, func(t *testing.T) {
		client := v.client(t)
		defer running(t, client)()
		if _, err := client.Router(t.Context(), "r1"); !errors.Is(err, cloud.ErrDenied) {
			t.Errorf("got %v, want cloud.ErrDenied", err)
		}
		v.write(t, "second-password")
		time.Sleep(2 * time.Minute)
		v.write(t, "third-password")
		time.Sleep(2 * time.Minute)
		callAll(t, client, 1)
	})
}

func TestRunRenewsBeforeAnyCallMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := lively(everyToken)
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(5 * time.Second)
			return login(fmt.Sprint(testToken, n), time.Hour), nil
		}
		client := newTestClient(t, cloudy)
		defer running(t, client)()
		callAll(t, client, 1)
		slow := 0
		for range 3 * 60 * 4 {
			time.Sleep(15 * time.Second)
			begun := time.Now()
			callAll(t, client, 1)
			if time.Since(begun) > 0 {
				slow++
			}
		}
		if logins, _ := cloudy.Counts(); logins != 4 {
			t.Errorf("got %d logins in 3 hours, want 4", logins)
		}
		if slow > 0 {
			t.Errorf("%d calls waited for a token, want none", slow)
		}
	})
}

// A cloud that nobody asks is asked every ProbeInterval; one in use never.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(_ int, r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/networks") {
				return answer(200, `{"networks": []}`), nil
			}
			return routerAnswer(), nil
		}}
		client := newTestClient(t, cloudy)
		defer running(t, client)()
		for range 10 {
			time.Sleep(time.Minute)
			callAll(t, client, 1)
		}
		if _, calls := cloudy.Counts(); calls != 10 {
			t.Errorf("got %d calls, want the 10 of the test", calls)
		}
		time.Sleep(10 * time.Minute)
		if _, calls := cloudy.Counts(); calls < 14 || calls > 15 {
			t.Errorf("got %d calls, want about 5 more in 10 minutes of silence", calls)
		}
	})
}

func TestRunWithACloudThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := atomic.Bool{}
		cloudy := lively(everyToken)
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			if !up.Load() {
				return nil, errRefused
			}
			return login(fmt.Sprint(testToken, n), time.Hour), nil
		}
		client := newTestClient(t, cloudy)
		stop := running(t, client)
		time.Sleep(10 * time.Minute)
		if got := client.reach.silence(); got < 9*time.Minute {
			t.Errorf("got %v of silence, want that of all the time", got)
		}
		up.Store(true)
		time.Sleep(time.Minute)
		if got := client.reach.silence(); got > time.Minute {
			t.Errorf("got %v of silence, want an answer in the last minute", got)
		}
		stop()
	})
}

// The kernel announces what Kubernetes does to a mounted Secret: the content is
// one directory, and a symbolic link to it is exchanged.
func TestKernelAnnouncesSecretSwap(t *testing.T) {
	mount := t.TempDir()
	put := func(version, content string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(mount, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mount, version, "cloud.conf"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(version, filepath.Join(mount, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(mount, "..data_tmp"), filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	put("..1", "one")
	file := filepath.Join(mount, "cloud.conf")
	if err := os.Symlink(filepath.Join("..data", "cloud.conf"), file); err != nil {
		t.Fatal(err)
	}
	before := digest([]string{file})
	events, stop, err := watchDirectories(directoriesOf([]string{file}))
	if err != nil {
		t.Fatal(err)
	}
	put("..2", "two")
	<-events // or the test's own limit ends it
	stop()
	if digest([]string{file}) == before {
		t.Error("the file did not change")
	}
	if _, _, err := watchDirectories([]string{filepath.Join(mount, "nowhere")}); err == nil {
		t.Error("a directory that is not there: got no error")
	}
}

// An announcement leads to a reload after the files have settled, without
// waiting for the poll.
func TestAnnouncedChange(t *testing.T) {
	v := newVault(t)
	synctest.Test(t, func(t *testing.T) {
		events := make(chan struct{}, 1)
		stopped := false
		g, err := v.read()
		if err != nil {
			t.Fatal(err)
		}
		client, err := connect(g, Options{Transport: v, Reload: v.read, PollInterval: time.Hour,
			watch: func(directories []string) (<-chan struct{}, func(), error) {
				if len(directories) != 1 || directories[0] != filepath.Dir(v.file) {
					t.Errorf("got directories %q to watch", directories)
				}
				return events, func() { stopped = true }, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		stop := running(t, client)
		callAll(t, client, 1)
		v.password.Store("second-password")
		v.write(t, "second-password")
		events <- struct{}{}
		synctest.Wait()
		events <- struct{}{} // a second event while the files settle
		time.Sleep(settle + time.Millisecond)
		if w, _ := client.keys.state(); w.credentials.options.Password != "second-password" {
			t.Error("the changed credentials are not in use")
		}
		stop()
		if !stopped {
			t.Error("the watch outlived Run")
		}
	})
}

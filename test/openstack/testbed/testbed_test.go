//go:build linux

package testbed

import (
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

func newTestbed(t *testing.T, opts Options) *Testbed {
	t.Helper()
	opts.Dir, opts.Progress = t.TempDir(), io.Discard
	opts.With = []string{"barbican", "octavia", "cinder"}
	b, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryServiceIsWhole(t *testing.T) {
	b := newTestbed(t, Options{})
	for i, s := range b.services {
		if s.kind == "" || len(s.packages) == 0 || len(s.databases) == 0 || len(s.setup) == 0 || len(s.apis) == 0 {
			t.Errorf("%s is not whole: %+v", s.name, s)
		}
		if _, known := DefaultPorts[s.name]; !known {
			t.Errorf("%s has no port", s.name)
		}
		if (i == 0) != (s.kind == "identity") {
			t.Errorf("service %d is %s; Keystone, and nothing else, comes first", i, s.name)
		}
		for _, words := range append(s.setup, s.apis[0].command) {
			rendered, err := b.renderAll(s, words)
			if err != nil || strings.Contains(strings.Join(rendered, " "), "{{") {
				t.Errorf("%s: %v (%v)", s.name, rendered, err)
			}
		}
	}
}

// TestEveryConfigurationFileRenders also finds a section that is there twice: of
// such, oslo.config reads only what the last one of a key says.
func TestEveryConfigurationFileRenders(t *testing.T) {
	b := newTestbed(t, Options{PortOffset: 10000})
	files := 0
	for _, s := range b.services {
		if err := b.configureService(s); err != nil {
			t.Fatal(err)
		}
		err := fs.WalkDir(os.DirFS(b.path("/etc")), s.name, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			files++
			content, err := os.ReadFile(b.path(path.Join("/etc", name)))
			seen := map[string]bool{}
			for line := range strings.Lines(string(content)) {
				line = strings.TrimSpace(line)
				if strings.HasPrefix(line, "[") {
					if seen[line] {
						t.Errorf("%s has %s twice", name, line)
					}
					seen[line] = true
				} else if line != "" && !strings.HasPrefix(line, "#") && !strings.Contains(line, " = ") {
					t.Errorf("%s: no key and value: %q", name, line)
				}
			}
			if strings.Contains(string(content), "127.0.0.1:5000") {
				t.Errorf("%s does not know of the port offset", name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 8 {
		t.Errorf("found only %d files", files)
	}
}

func TestAServiceOnRequestIsThereOnRequest(t *testing.T) {
	plain, err := services()
	if err != nil {
		t.Fatal(err)
	}
	more, err := services("octavia")
	if err != nil || len(more) != len(plain)+1 || more[len(plain)].name != "octavia" {
		t.Errorf("with octavia: got %d services (%v), want %d", len(more), err, len(plain)+1)
	}
	if _, err := services("octopus"); err == nil || !strings.Contains(err.Error(), "octavia") {
		t.Errorf("with octopus: got %v, want the names of those there are", err)
	}
}

// TestLoopDevicesAreOnRequest: without them Nova's driver is its own.
func TestLoopDevicesAreOnRequest(t *testing.T) {
	for asked, want := range map[bool]string{false: "compute_driver = fake.FakeDriver\n", true: "compute_driver = underlay.LoopDevices\n"} {
		b := newTestbed(t, Options{LoopDevices: asked})
		if err := b.configure(t.Context()); err != nil {
			t.Fatal(err)
		}
		config, err := os.ReadFile(b.path("/etc/nova/nova-compute.conf"))
		if err != nil || !strings.Contains(string(config), want) {
			t.Errorf("asked %v: got no %q (%v)", asked, want, err)
		}
		if _, err := os.Stat(b.path(loopDriver)); (err == nil) != asked {
			t.Errorf("asked %v: the driver is there: %v", asked, err == nil)
		}
		if got := b.devices() != ""; got != asked {
			t.Errorf("asked %v: got devices %q", asked, b.devices())
		}
	}
}

func TestNothingListensBeyondLoopback(t *testing.T) {
	b := newTestbed(t, Options{})
	for _, name := range portNames() {
		host, _, err := net.SplitHostPort(b.address(name))
		if err != nil || !net.ParseIP(host).IsLoopback() {
			t.Errorf("%s listens on %s", name, b.address(name))
		}
	}
}

func TestPortsAreOverridden(t *testing.T) {
	b := newTestbed(t, Options{PortOffset: 10000, Ports: map[string]int{"nova": 18000}})
	for name, want := range map[string]int{"nova": 18000, "keystone": 15000} {
		if got := b.port(name); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	_, err := New(Options{Dir: t.TempDir(), Progress: io.Discard, Ports: map[string]int{"nowa": 1}})
	if err == nil || !strings.Contains(err.Error(), "nova") {
		t.Errorf("a port that nobody has: got %v, want the names of those there are", err)
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, text, _ := net.SplitHostPort(listener.Addr().String())
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	b := newTestbed(t, Options{PortOffset: 30000, Ports: map[string]int{"glance": port}})
	if err := b.checkPorts(t.Context()); err == nil || !strings.Contains(err.Error(), "-port glance=") {
		t.Errorf("got %v, want how to choose another", err)
	}
}

// TestOnlyTheRecordedProcessIsOurs records this process under a root that it
// does not live in, and as one that began at another time.
func TestOnlyTheRecordedProcessIsOurs(t *testing.T) {
	b := newTestbed(t, Options{})
	if err := os.MkdirAll(b.path(runDir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.record("keystone", os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if got := b.recorded(); len(got) != 1 || got["keystone"] != 0 {
		t.Errorf("a process outside the root: got %v, want none", got)
	}
	if got := b.family(); len(got) > 0 {
		t.Errorf("family: got %v, want nobody to end", got)
	}
	b.root = "/" // where this process lives
	if !b.inRoot(os.Getpid()) {
		t.Error("this process does not live in /")
	}
	if got := stat(os.Getpid()); got.started == "" || got.parent != os.Getppid() {
		t.Errorf("this process: got %+v, want parent %d", got, os.Getppid())
	}
	if got := stat(1 << 30); got.started != "" {
		t.Errorf("no process: got %+v", got)
	}
}

func TestTheRootIsKeptWhileSomethingIsMountedInIt(t *testing.T) {
	b := newTestbed(t, Options{})
	b.root = "/proc" // something is mounted there
	if err := b.removeRoot(); err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("got %v, want a refusal", err)
	}
}

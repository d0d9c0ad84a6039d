package volumes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"underlay/pkg/volumes"
)

// fickle answers NodeStageVolume as the volume's id says.
type fickle struct {
	csi.UnimplementedNodeServer
	under, done chan struct{}
}

func (f *fickle) NodeStageVolume(_ context.Context, r *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	switch r.GetVolumeId() {
	case "panic":
		_ = []byte(r.GetVolumeId())[len(r.GetVolumeId())]
	case "plain":
		return nil, errors.New("no code")
	case "deadline":
		return nil, fmt.Errorf("wait: %w", context.DeadlineExceeded)
	case "cancel":
		return nil, fmt.Errorf("wait: %w", context.Canceled)
	case "coded":
		return nil, status.Error(codes.NotFound, "none")
	case "slow":
		close(f.under)
		<-f.done
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

// text collects the log.
type text struct {
	mu sync.Mutex
	bytes.Buffer
}

func (w *text) log() logr.Logger {
	return funcr.New(func(_, args string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		fmt.Fprintln(w, args)
	}, funcr.Options{Verbosity: 5})
}

func (w *text) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.String()
}

// driver is one that serves.
type driver struct {
	options volumes.Options
	log     *text
	stop    context.CancelFunc
	ended   chan error
}

// start serves until the test ends or stop is called.
func start(t *testing.T, o volumes.Options) *driver {
	t.Helper()
	d := &driver{options: o, log: &text{}, ended: make(chan error, 1)}
	if o.Endpoint == "" {
		d.options.Endpoint = "unix://" + filepath.Join(t.TempDir(), "csi", "csi.sock")
	}
	ctx, stop := context.WithCancel(klog.NewContext(context.Background(), d.log.log()))
	d.stop = stop
	go func() { d.ended <- volumes.Serve(ctx, d.options) }()
	t.Cleanup(stop)
	return d
}

func (d *driver) path() string { return strings.TrimPrefix(d.options.Endpoint, "unix://") }

func connect(t *testing.T, path string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func stage(t *testing.T, conn *grpc.ClientConn, volume string) error {
	t.Helper()
	_, err := csi.NewNodeClient(conn).NodeStageVolume(t.Context(), &csi.NodeStageVolumeRequest{VolumeId: volume, Secrets: map[string]string{"key": "hidden-word"}})
	return err
}

func TestEveryErrorHasACodeThatEndsNothing(t *testing.T) {
	d := start(t, volumes.Options{Node: &fickle{}})
	conn := connect(t, d.path())
	for volume, want := range map[string]codes.Code{
		"panic": codes.Aborted, "plain": codes.Aborted, "deadline": codes.DeadlineExceeded,
		"cancel": codes.Canceled, "coded": codes.NotFound, "good": codes.OK,
	} {
		if err := stage(t, conn, volume); status.Code(err) != want {
			t.Errorf("%s: got %v, want %s", volume, err, want)
		}
	}
	log := d.log.all()
	for _, part := range []string{`"rpc"="NodeStageVolume" "code"="OK"`, `"volume"="good"`, `"err"="no code"`, "index out of range [5]", "serve_test.go"} {
		if !strings.Contains(log, part) {
			t.Errorf("the log does not have %s:\n%s", part, log)
		}
	}
	if strings.Contains(log, "hidden-word") {
		t.Errorf("the log has a secret:\n%s", log)
	}
}

func TestIdentitySaysWhatThereIs(t *testing.T) {
	for name, tc := range map[string]struct {
		options volumes.Options
		want    string
	}{
		"node":       {volumes.Options{Node: &fickle{}, Topology: true}, "VOLUME_ACCESSIBILITY_CONSTRAINTS ONLINE OFFLINE"},
		"controller": {volumes.Options{Controller: csi.UnimplementedControllerServer{}, Groups: csi.UnimplementedGroupControllerServer{}, Topology: true}, "CONTROLLER_SERVICE GROUP_CONTROLLER_SERVICE VOLUME_ACCESSIBILITY_CONSTRAINTS SNAPSHOT_ACCESSIBILITY_CONSTRAINTS ONLINE OFFLINE"},
	} {
		tc.options.Version = "v1.2.3"
		client := csi.NewIdentityClient(connect(t, start(t, tc.options).path()))
		info, err := client.GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{})
		if err != nil || info.GetName() != "cinder.csi.openstack.org" || info.GetVendorVersion() != "v1.2.3" {
			t.Errorf("%s: got %v, %v", name, info, err)
		}
		answer, err := client.GetPluginCapabilities(t.Context(), &csi.GetPluginCapabilitiesRequest{})
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, c := range answer.GetCapabilities() {
			if s := c.GetService(); s != nil {
				got = append(got, s.GetType().String())
			} else {
				got = append(got, c.GetVolumeExpansion().GetType().String())
			}
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: got %v, want %s", name, got, tc.want)
		}
		if probe, err := client.Probe(t.Context(), &csi.ProbeRequest{}); err != nil || !probe.GetReady().GetValue() {
			t.Errorf("%s: got %v, %v", name, probe, err)
		}
	}
}

func TestEndpointsOfOldAreTheSame(t *testing.T) {
	for endpoint, want := range map[string]string{
		"unix://csi/csi.sock": "/csi/csi.sock", "unix:///csi/csi.sock": "/csi/csi.sock", "unix:/csi/csi.sock": "/csi/csi.sock",
		"tcp://127.0.0.1:1": "", "/csi/csi.sock": "", "unix://": "", "": "",
	} {
		if got, err := volumes.SocketPath(endpoint); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", endpoint, got, err)
		}
	}
}

func TestSocketsOfOthers(t *testing.T) {
	left := filepath.Join(t.TempDir(), "csi.sock")
	l, err := net.Listen("unix", left)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
	d := start(t, volumes.Options{Endpoint: "unix://" + left, Node: &fickle{}})
	if err := stage(t, connect(t, left), "good"); err != nil {
		t.Errorf("a socket that was left behind: %v", err)
	}
	if err := volumes.Serve(t.Context(), d.options); err == nil || !strings.Contains(err.Error(), "another process serves") {
		t.Errorf("a second process: got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := volumes.Serve(t.Context(), volumes.Options{Endpoint: "unix://" + file}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file: got %v", err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "kept" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := volumes.Serve(t.Context(), volumes.Options{Endpoint: "tcp://x"}); err == nil {
		t.Error("no unix socket was taken")
	}
}

func TestRegistersWithTheKubelet(t *testing.T) {
	folder := t.TempDir()
	d := start(t, volumes.Options{Node: &fickle{}, Register: &volumes.Registration{Folder: folder, Path: "/var/lib/kubelet/plugins/cinder.csi.openstack.org/csi.sock"}})
	kubelet := registration.NewRegistrationClient(connect(t, filepath.Join(folder, "cinder.csi.openstack.org-reg.sock")))
	info, err := kubelet.GetInfo(t.Context(), &registration.InfoRequest{})
	if err != nil || info.GetType() != "CSIPlugin" || info.GetName() != "cinder.csi.openstack.org" ||
		info.GetEndpoint() != "/var/lib/kubelet/plugins/cinder.csi.openstack.org/csi.sock" || strings.Join(info.GetSupportedVersions(), ",") != "1.0.0" {
		t.Errorf("got %v, %v", info, err)
	}
	if _, err := kubelet.NotifyRegistrationStatus(t.Context(), &registration.RegistrationStatus{PluginRegistered: true}); err != nil {
		t.Error(err)
	}
	// The server may end before its answer is read.
	if _, err := kubelet.NotifyRegistrationStatus(t.Context(), &registration.RegistrationStatus{Error: "too old"}, grpc.WaitForReady(false)); err != nil && status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	if err := <-d.ended; err == nil || !strings.Contains(err.Error(), "too old") {
		t.Errorf("got %v: who is refused must end, to register again", err)
	}
	if err := volumes.Serve(t.Context(), volumes.Options{Endpoint: "unix://" + filepath.Join(t.TempDir(), "s"), Register: &volumes.Registration{Folder: "/dev/null"}}); err == nil || !strings.Contains(err.Error(), "register with the kubelet") {
		t.Errorf("got %v", err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestHealthAndMetrics(t *testing.T) {
	d := start(t, volumes.Options{Node: &fickle{}, HTTP: freeAddress(t)})
	conn := connect(t, d.path())
	for range 2 {
		if err := stage(t, conn, "good"); err != nil {
			t.Fatal(err)
		}
	}
	get := func(path string) (int, string) {
		answer, err := http.Get("http://" + d.options.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	if code, body := get("/healthz"); code != http.StatusOK {
		t.Errorf("got %d: %s", code, body)
	}
	_, body := get("/metrics")
	for _, m := range volumes.Metrics() {
		if !strings.Contains(body, "# HELP "+m.Name) {
			t.Errorf("%s is not served", m.Name)
		}
	}
	if !strings.Contains(body, `underlay_csi_call_duration_seconds_count{code="OK",rpc="NodeStageVolume"}`) {
		t.Error("the calls are not counted")
	}
	// Compressing takes more memory than all else that a node service does.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.options.HTTP+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.Header.Get("Content-Encoding") != "" || answer.Body.Close() != nil {
		t.Errorf("got %v, %v, want an answer that is not compressed", answer, err)
	}
	taken := volumes.Options{Endpoint: "unix://" + filepath.Join(t.TempDir(), "s"), HTTP: d.options.HTTP}
	if err := volumes.Serve(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "listen for /healthz") {
		t.Errorf("an address that is taken: got %v", err)
	}
}

// TestStopLetsCallsFinish: a call that is under way when the process is told to
// end gets its answer, and the sockets are gone.
func TestStopLetsCallsFinish(t *testing.T) {
	f := &fickle{under: make(chan struct{}), done: make(chan struct{})}
	d := start(t, volumes.Options{Node: f})
	conn, answered := connect(t, d.path()), make(chan error, 1)
	go func() { answered <- stage(t, conn, "slow") }()
	<-f.under
	d.stop()
	select {
	case err := <-d.ended:
		t.Fatalf("ended with %v while a call was under way", err)
	default:
	}
	close(f.done)
	if err := <-answered; err != nil {
		t.Errorf("the call was cut off: %v", err)
	}
	if err := <-d.ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.path()); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

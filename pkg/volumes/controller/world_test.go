package controller_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/signal"
	"underlay/pkg/config"
	"underlay/pkg/openstack/session"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/controller"
)

// TestMain keeps the log out of the way unless the tests run with -v.
func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Verbose() {
		klog.SetLogger(logr.Discard())
	}
	os.Exit(m.Run())
}

const (
	gib     = int64(1) << 30
	cluster = "blue"
)

// world is a simulated cloud with Cinder and Nova, and driver processes on it. It
// lives in a synctest bubble: an hour of it takes no time.
type world struct {
	t     *testing.T
	cloud *simulator.Cloud
	net   simulator.Network
	nodes []string // ids of servers
	// storage are the options of the clients of the processes to come.
	storage storage.Options
}

func newWorld(t *testing.T, nodes int, change ...func(*simulator.Options)) *world {
	t.Helper()
	o := simulator.Options{}
	for _, c := range change {
		c(&o)
	}
	w := &world{t: t, cloud: simulator.New(o)}
	w.net = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/16"}})
	w.cloud.SetQuota(w.cloud.ProjectID(), "port", -1)
	for _, resource := range []string{"volumes", "gigabytes", "snapshots", "backups", "backup_gigabytes"} {
		w.cloud.SetVolumeQuota(w.cloud.ProjectID(), resource, -1)
	}
	w.cloud.SetLatency(simulator.LatencyProfile{Read: 20 * time.Millisecond, Write: 50 * time.Millisecond})
	w.cloud.SetVolumePace(simulator.VolumePace{
		Create: 3 * time.Second, Delete: 2 * time.Second, Extend: 2 * time.Second, Retype: 5 * time.Second,
		Attach: 3 * time.Second, Detach: 3 * time.Second, Snapshot: 2 * time.Second, Backup: 10 * time.Second, Group: 2 * time.Second,
	})
	for i := range nodes {
		s := w.cloud.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("node-%03d", i), Networks: []simulator.NIC{{NetworkID: w.net.ID}}})
		w.nodes = append(w.nodes, s.ID)
	}
	return w
}

// process is one running driver.
type process struct {
	*controller.Service
	w      *world
	client *storage.Client
	line   *line
	claims claims

	mu     sync.Mutex
	events []string
}

// Announce keeps the contract of controller.Announcer.
func (p *process) Announce(_ context.Context, claim controller.Claim, e signal.Event, message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e.Reason+" "+claim.Namespace+"/"+claim.Name+" "+message)
}

// heard says whether an event of the reason was announced.
func (p *process) heard(reason string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.events, func(e string) bool { return strings.HasPrefix(e, reason+" ") })
}

// claims are the annotations of claims by name.
type claims map[string]map[string]string

// Annotations keeps the contract of controller.Claims.
func (c claims) Annotations(_ context.Context, claim controller.Claim) (map[string]string, error) {
	found, ok := c[claim.Namespace+"/"+claim.Name]
	if !ok {
		return nil, fmt.Errorf("claim %v: %w", claim, cloud.ErrNotFound)
	}
	return found, nil
}

// line is a process's connection. It can be cut for ever after some calls, as it
// is when a process is killed.
type line struct {
	next http.RoundTripper

	mu    sync.Mutex
	calls int
	last  int // the call after which nothing comes back; 0 never
}

var errKilled = errors.New("the process was killed")

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	if l.last > 0 && l.calls >= l.last {
		l.mu.Unlock()
		return nil, errKilled
	}
	l.calls++
	final := l.last > 0 && l.calls == l.last
	l.mu.Unlock()
	answer, err := l.next.RoundTrip(r)
	if final && err == nil {
		_ = answer.Body.Close()
		return nil, errKilled
	}
	return answer, err
}

func (l *line) dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last > 0 && l.calls >= l.last
}

// start runs a driver with the usual options.
func (w *world) start(change ...func(*controller.Options)) *process {
	w.t.Helper()
	cfg, report := config.Read(strings.NewReader(w.cloud.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		w.t.Fatal(err)
	}
	p := &process{w: w, line: &line{next: w.cloud.Transport()}, claims: claims{}}
	on, err := session.New(cfg.Global, session.Options{Transport: p.line, RequestsPerSecond: 1000, Burst: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	p.client = storage.New(on, w.storage)
	o := controller.Options{
		Clouds: map[string]controller.Cloud{"": p.client}, Cluster: cluster, Topology: true, Announcer: p, Claims: p.claims,
	}
	for _, c := range change {
		c(&o)
	}
	p.Service, err = controller.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// restful says whether a sidecar asks again after a code: for the others it takes
// the RPC for failed, with nothing left behind.
func restful(code codes.Code) bool {
	return slices.Contains([]codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.Aborted}, code)
}

// within runs one RPC with a sidecar's usual patience.
func within[T any](w *world, d time.Duration, call func(ctx context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	return call(ctx)
}

// once runs one RPC.
func once[Q, A any](w *world, call func(context.Context, Q) (A, error), request Q) (A, error) {
	return within(w, time.Minute, func(ctx context.Context) (A, error) { return call(ctx, request) })
}

// must runs one RPC that has to succeed at once.
func must[Q, A any](w *world, call func(context.Context, Q) (A, error), request Q) A {
	w.t.Helper()
	answer, err := once(w, call, request)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// refused runs one RPC that has to fail with a code, and with all of the words.
func refused[Q, A any](w *world, call func(context.Context, Q) (A, error), request Q, code codes.Code, words ...string) {
	w.t.Helper()
	_, err := once(w, call, request)
	if status.Code(err) != code {
		w.t.Fatalf("got %v, want %s", err, code)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func mount(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: "ext4"}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
	}
}

func raw(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
	}
}

const (
	single  = csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER
	several = csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER
)

// wish is a request for a volume of a name and size, as the provisioner sends it.
func wish(name string, size int64) *csi.CreateVolumeRequest {
	return &csi.CreateVolumeRequest{
		Name: name, CapacityRange: &csi.CapacityRange{RequiredBytes: size * gib}, VolumeCapabilities: []*csi.VolumeCapability{mount(single)},
		Parameters: map[string]string{
			"csi.storage.k8s.io/pvc/name": "claim", "csi.storage.k8s.io/pvc/namespace": "shop", "csi.storage.k8s.io/pv/name": name,
		},
	}
}

func (p *process) create(name string, size int64) *csi.Volume {
	p.w.t.Helper()
	return must(p.w, p.CreateVolume, wish(name, size)).GetVolume()
}

func publish(volume, node string) *csi.ControllerPublishVolumeRequest {
	return &csi.ControllerPublishVolumeRequest{VolumeId: volume, NodeId: node, VolumeCapability: mount(single)}
}

func unpublish(volume, node string) *csi.ControllerUnpublishVolumeRequest {
	return &csi.ControllerUnpublishVolumeRequest{VolumeId: volume, NodeId: node}
}

func (p *process) attach(volume, node string) {
	p.w.t.Helper()
	must(p.w, p.ControllerPublishVolume, publish(volume, node))
}

func (p *process) detach(volume, node string) {
	p.w.t.Helper()
	must(p.w, p.ControllerUnpublishVolume, unpublish(volume, node))
}

func (p *process) delete(volume string) {
	p.w.t.Helper()
	must(p.w, p.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: volume})
}

func (p *process) snapshot(name, volume string, parameters map[string]string) *csi.Snapshot {
	p.w.t.Helper()
	return must(p.w, p.CreateSnapshot, &csi.CreateSnapshotRequest{Name: name, SourceVolumeId: volume, Parameters: parameters}).GetSnapshot()
}

// ready waits as the snapshotter does until a snapshot can be used.
func (p *process) ready(id string) {
	p.w.t.Helper()
	for range 100 {
		if must(p.w, p.GetSnapshot, &csi.GetSnapshotRequest{SnapshotId: id}).GetSnapshot().GetReadyToUse() {
			return
		}
		time.Sleep(time.Second)
	}
	p.w.t.Fatalf("snapshot %s is not ready after 100 s", id)
}

func fromSnapshot(name string, size int64, snapshot string) *csi.CreateVolumeRequest {
	r := wish(name, size)
	r.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: snapshot}}}
	return r
}

func fromVolume(name string, size int64, volume string) *csi.CreateVolumeRequest {
	r := wish(name, size)
	r.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: volume}}}
	return r
}

// status is the status of a volume, "gone" if there is none.
func (w *world) status(id string) string {
	if v := w.cloud.Volume(id); v.ID != "" {
		return v.Status
	}
	return string(block.StatusGone)
}

func (w *world) want(id, status string) {
	w.t.Helper()
	if got := w.status(id); got != status {
		w.t.Errorf("volume %s is %s, want %s", id, got, status)
	}
}

// left are all volumes, snapshots, backups and attachments, one a line.
func (w *world) left() []string {
	w.t.Helper()
	var all []string
	for _, v := range w.cloud.Volumes() {
		all = append(all, fmt.Sprintf("volume %s %s %s", v.Name, v.ID, v.Status))
	}
	for _, a := range w.cloud.Attachments() {
		all = append(all, fmt.Sprintf("attachment of %s to %s %s", a.VolumeID, a.ServerID, a.Status))
	}
	client := w.start().client
	snapshots, _, err := client.SnapshotPage(w.t.Context(), "", "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range snapshots {
		all = append(all, fmt.Sprintf("snapshot %s %s %s", s.Name, s.ID, s.Status))
	}
	backups, _, err := client.BackupPage(w.t.Context(), "", "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, b := range backups {
		all = append(all, fmt.Sprintf("backup %s %s %s", b.Name, b.ID, b.Status))
	}
	return all
}

func (w *world) named(name string) []simulator.VolumeState {
	var found []simulator.VolumeState
	for _, v := range w.cloud.Volumes() {
		if v.Name == name {
			found = append(found, v)
		}
	}
	return found
}

// calls are all calls since the last reset but those for tokens and versions, one
// a line, the polls of one volume or of all of them counted apart.
func (w *world) calls() (rest, polls []string) {
	for _, call := range w.cloud.Calls() {
		if call.Service == "identity" || call.Path == "/" || call.Path == "/v3/" || call.Path == "/v2.1/" {
			continue
		}
		line := call.Method + " " + call.Path + "?" + call.Query.Encode()
		if call.Method == http.MethodGet && (strings.HasSuffix(call.Pattern, "/volumes/{id}") || strings.HasSuffix(call.Pattern, "/volumes/detail")) {
			polls = append(polls, line)
			continue
		}
		rest = append(rest, line)
	}
	return rest, polls
}

func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// code is the name of an error's code.
func code(err error) string { return status.Code(err).String() }

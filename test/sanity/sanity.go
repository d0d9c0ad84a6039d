// Package sanity runs csi-sanity, the conformance tests of CSI drivers, over the
// real program: its socket, its real client of OpenStack over HTTP to the simulator,
// and real block devices that it formats and mounts. One access type is one package
// below, since csi-sanity runs once a process.
package sanity

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"underlay/pkg/simulator"
	"underlay/test/disk"
)

// skipped are the cases that csi-sanity leaves out of this driver, by a part of
// the reason that it gives, and why that is right. docs/explanation/volumes.md shows
// them.
var skipped = map[string]string{
	"ControllerPublishVolume.readonly field not supported": "Nova has no read-only attachment: the node mounts read-only",
	"NodeGetVolumeHealth not supported":                    "health is told by the controller, from what Cinder says; the node's part is alpha",
	"NodeGetStorageHealth not supported":                   "a node has no storage of its own; alpha",
}

// Run runs every case with volumes of one access type, "mount" or "block". A case
// that fails or that is skipped for another reason than the known ones fails the test,
// as does anything that is left in the cloud or mounted.
func Run(t *testing.T, access string) {
	t.Helper()
	if !disk.Able(t) {
		return
	}
	w := start(t)
	config := sanity.NewTestConfig()
	config.Address = "unix://" + w.socket
	config.TargetPath = filepath.Join(w.folder, "target")
	config.StagingPath = filepath.Join(w.folder, "staging")
	config.TestVolumeAccessType = access
	config.TestVolumeSize = 1 << 30
	config.TestVolumeExpandSize = 2 << 30
	config.TestNodeVolumeAttachLimit = true
	config.TestVolumeMutableParameters = map[string]string{"type": "fast"}
	config.DialOptions = append(config.DialOptions, grpc.WithUnaryInterceptor(asIfSent))

	var report types.Report
	ginkgo.ReportAfterSuite("collect", func(r types.Report) { report = r })
	sanity.Test(t, config)
	w.judge(report)
	w.nothingIsLeft()
}

// asIfSent leaves an answer as a message looks that was sent: with the sizes of its
// parts in it. csi-sanity 5.6.0 compares where a snapshot can be used, which it was
// told, with the topology of a node, which it has sent, by all that is in memory, and
// no driver that tells of a place would pass.
func asIfSent(ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
	err := invoke(ctx, method, request, answer, conn, o...)
	if message, ok := answer.(*csi.CreateSnapshotResponse); ok {
		proto.Size(message)
	}
	return err
}

// attachLimit is how many volumes Nova attaches to the server, and the node says.
const attachLimit = 5

// world is the program with its cloud.
type world struct {
	*testing.T
	folder, socket string
	cloud          *simulator.Cloud
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, folder: t.TempDir(), cloud: simulator.New(simulator.Options{})}
	w.socket = filepath.Join(w.folder, "csi.sock")
	devices := simulator.VolumeDevices{
		Images: filepath.Join(w.folder, "images"), Links: filepath.Join(w.folder, "by-id"), Sys: filepath.Join(w.folder, "sys"),
	}
	if err := w.cloud.UseVolumeDevices(devices); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.cloud.Close(); err != nil {
			t.Errorf("remove the devices: %v", err)
		}
	})
	w.cloud.SetAttachLimit(attachLimit)
	w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast"})
	network := w.cloud.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
	server := w.cloud.AddServer(simulator.ServerSpec{Name: "worker", Networks: []simulator.NIC{{NetworkID: network.ID}}})
	metadata := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"uuid": %q, "availability_zone": "nova"}`, server.ID)
	}))
	conf := filepath.Join(w.folder, "cloud.conf")
	text := w.cloud.CloudConf(serve(t, w.cloud)) + "\n[Metadata]\nsearch-order=metadataService\n[BlockStorage]\nnode-volume-attach-limit=" + strconv.Itoa(attachLimit) + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.program("--cloud-config="+conf, "--cluster=sanity", "--metadata-url="+metadata, "--device-links="+devices.Links, "--sysfs="+devices.Sys)
	return w
}

// serve serves on loopback until the test ends, and gives the URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// program builds the driver and runs it until the test ends.
func (w *world) program(args ...string) {
	w.Helper()
	binary := filepath.Join(w.folder, "cinder-csi-plugin")
	if out, err := exec.CommandContext(w.Context(), "go", "build", "-o", binary, "underlay/cmd/cinder-csi-plugin").CombinedOutput(); err != nil {
		w.Fatalf("build the driver: %v: %s", err, out)
	}
	log, err := os.Create(filepath.Join(w.folder, "log"))
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(w.Context()), binary, append(args, "--endpoint=unix://"+w.socket, "--v=2")...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		w.showMemory(cmd.Process.Pid)
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			w.Errorf("the driver ended with %v", err)
		}
		if _, err := log.Seek(0, io.SeekStart); err == nil && w.Failed() {
			text, _ := io.ReadAll(log)
			w.Logf("the driver's log:\n%s", text)
		}
		_ = log.Close()
	})
	w.ready()
}

// ready waits until the driver listens, if it ever does.
func (w *world) ready() {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", w.socket)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ctx.Done():
			w.Fatalf("the driver does not listen: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// showMemory logs what the driver holds after the whole suite.
func (w *world) showMemory(pid int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		w.Errorf("read the driver's memory: %v", err)
		return
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssAnon") {
			w.Log("after the suite, controller and node in one process: " + strings.TrimSpace(line))
		}
	}
}

// least is how many cases must pass: fewer would mean that the suite did not see the driver.
const least = 95

// judge counts the cases and compares those that were skipped with the known ones.
func (w *world) judge(report types.Report) {
	w.Helper()
	states, unused := map[types.SpecState]int{}, maps.Clone(skipped)
	for _, spec := range report.SpecReports {
		if spec.LeafNodeType != types.NodeTypeIt {
			continue
		}
		states[spec.State]++
		if spec.State != types.SpecStateSkipped {
			continue
		}
		reason, known := explain(spec)
		if !known {
			w.Errorf("skipped for no known reason: %s: %s", spec.FullText(), spec.FailureMessage())
		}
		delete(unused, reason)
		w.Logf("left out: %s: %s: %s", spec.FullText(), spec.FailureMessage(), skipped[reason])
	}
	w.Logf("csi-sanity: %d passed, %d skipped", states[types.SpecStatePassed], states[types.SpecStateSkipped])
	for reason := range unused {
		w.Errorf("nothing is skipped for %q any more: take it off the list", reason)
	}
	if states[types.SpecStatePassed] < least {
		w.Errorf("only %d cases passed: is the driver what was tested?", states[types.SpecStatePassed])
	}
}

func explain(spec types.SpecReport) (string, bool) {
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		if strings.Contains(spec.FailureMessage(), reason) {
			return reason, true
		}
	}
	return "", false
}

// nothingIsLeft looks for what the cases made.
func (w *world) nothingIsLeft() {
	w.Helper()
	for _, v := range w.cloud.Volumes() {
		w.Errorf("volume %s (%s) is left, %s", v.ID, v.Name, v.Status)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		w.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, w.folder) {
			w.Errorf("still mounted: %s", line)
		}
	}
}

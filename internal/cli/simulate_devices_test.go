package cli_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"underlay/internal/cli"
	"underlay/test/disk"
)

// text is what a program prints, as far as it has.
type text struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (x *text) Write(part []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.all.Write(part)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.all.String()
}

// laboratory is the real `underlay simulate --volume-devices` with the real driver.
type laboratory struct {
	*testing.T
	bin, volumes, config string
	simulate, driver     *exec.Cmd
	out                  *text
	conn                 *grpc.ClientConn
}

func newLaboratory(t *testing.T) *laboratory {
	t.Helper()
	l := &laboratory{T: t, bin: t.TempDir(), volumes: filepath.Join(t.TempDir(), "volumes"), config: t.TempDir()}
	for _, name := range []string{"underlay", "cinder-csi-plugin"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(l.bin, name), "underlay/cmd/"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build has it, whose packages are in the cache
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v: %s", name, err, out)
		}
	}
	t.Cleanup(func() { l.end(l.driver, syscall.SIGTERM); l.end(l.simulate, syscall.SIGTERM) })
	return l
}

// program starts one, and waits until it prints what says that it is ready.
func (l *laboratory) program(ready, name string, args ...string) (*exec.Cmd, *text) {
	l.Helper()
	cmd, out := exec.Command(filepath.Join(l.bin, name), args...), &text{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	for begin := time.Now(); !strings.Contains(out.String(), ready); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > time.Minute || l.Context().Err() != nil {
			_ = cmd.Process.Kill()
			l.Fatalf("%s does not say %q:\n%s", name, ready, out)
		}
	}
	return cmd, out
}

// end sends a signal and waits; it gives the exit code.
func (l *laboratory) end(cmd *exec.Cmd, by syscall.Signal) int {
	if cmd == nil || cmd.ProcessState != nil {
		return 0
	}
	_ = cmd.Process.Signal(by)
	_ = cmd.Wait() // the code says it
	return cmd.ProcessState.ExitCode()
}

// start starts the cloud, and the driver with the flags that the cloud prints.
func (l *laboratory) start() {
	l.Helper()
	l.simulate, l.out = l.program("Ctrl-C stops it.", "underlay", "simulate", "--listen=127.0.0.1:0", "--write-config="+l.config, "--volume-devices="+l.volumes)
	flags := regexp.MustCompile(`(?m)^  (--device-links=.*)$`).FindStringSubmatch(l.out.String())
	if flags == nil {
		l.Fatalf("no flags of the driver in\n%s", l.out)
	}
	socket := filepath.Join(l.config, "csi.sock")
	args := strings.Fields(strings.Replace(flags[1], "NAME", "node-2", 1))
	l.driver, _ = l.program("Serving", "cinder-csi-plugin", append(args, "--endpoint=unix://"+socket, "--cluster=lab", "--cloud-config="+filepath.Join(l.config, "cloud.conf"))...)
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = conn.Close() })
	l.conn = conn
}

var ext4 = &spec.VolumeCapability{
	AccessType: &spec.VolumeCapability_Mount{Mount: &spec.VolumeCapability_MountVolume{FsType: "ext4"}},
	AccessMode: &spec.VolumeCapability_AccessMode{Mode: spec.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
}

// mounted makes a volume and mounts it at a folder; unmount takes it off the node.
func (l *laboratory) mounted(at string) (unmount func()) {
	l.Helper()
	controller, node := spec.NewControllerClient(l.conn), spec.NewNodeClient(l.conn)
	check := func(err error) {
		l.Helper()
		if err != nil {
			l.Fatal(err)
		}
	}
	made, err := controller.CreateVolume(l.Context(), &spec.CreateVolumeRequest{
		Name: "pvc-1", VolumeCapabilities: []*spec.VolumeCapability{ext4}, CapacityRange: &spec.CapacityRange{RequiredBytes: 1 << 30},
	})
	check(err)
	info, err := node.NodeGetInfo(l.Context(), &spec.NodeGetInfoRequest{})
	check(err)
	id := made.GetVolume().GetVolumeId()
	attached, err := controller.ControllerPublishVolume(l.Context(), &spec.ControllerPublishVolumeRequest{VolumeId: id, NodeId: info.GetNodeId(), VolumeCapability: ext4})
	check(err)
	_, err = node.NodeStageVolume(l.Context(), &spec.NodeStageVolumeRequest{
		VolumeId: id, StagingTargetPath: at, VolumeCapability: ext4, PublishContext: attached.GetPublishContext(), VolumeContext: made.GetVolume().GetVolumeContext(),
	})
	check(err)
	return func() {
		l.Helper()
		_, err := node.NodeUnstageVolume(l.Context(), &spec.NodeUnstageVolumeRequest{VolumeId: id, StagingTargetPath: at})
		check(err)
		_, err = controller.ControllerUnpublishVolume(l.Context(), &spec.ControllerUnpublishVolumeRequest{VolumeId: id, NodeId: info.GetNodeId()})
		check(err)
	}
}

func (l *laboratory) write(path string) {
	l.Helper()
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		l.Fatal(err)
	}
}

// devices are the loop devices on files of the folder of volumes.
func (l *laboratory) devices() string {
	l.Helper()
	var found []string
	names, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		l.Fatal(err)
	}
	for _, name := range names {
		if file, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(file), l.volumes) {
			found = append(found, string(file))
		}
	}
	return strings.Join(found, "")
}

// nothingIsLeft waits until the kernel has ended the devices, and looks for files.
func (l *laboratory) nothingIsLeft() {
	l.Helper()
	for begin := time.Now(); l.devices() != "" && time.Since(begin) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		continue
	}
	if left := l.devices(); left != "" {
		l.Errorf("devices are left: %s", left)
	}
	if _, err := os.Stat(l.volumes); !errors.Is(err, fs.ErrNotExist) {
		l.Errorf("the folder of volumes is left: %v", err)
	}
}

// A volume of `underlay simulate` is a disk for the real driver: what is written to it
// is there when it comes back. Whichever way the command ends, it leaves nothing, or
// says so.
func TestSimulateMakesDisks(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	l, at := newLaboratory(t), t.TempDir()
	t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) }) // where the test failed

	l.start()
	file := filepath.Join(at, "file")
	unmount := l.mounted(at)
	l.write(file)
	unmount()
	unmount = l.mounted(at)
	if got, err := os.ReadFile(file); err != nil || string(got) != "kept" {
		t.Errorf("after the volume came back: got %q, %v", got, err)
	}
	unmount()
	_ = l.mounted(at)
	if code := l.end(l.simulate, syscall.SIGTERM); code != 0 || !strings.Contains(l.out.String(), ": mounted at "+at) {
		t.Errorf("SIGTERM with a mounted volume: got exit code %d and\n%s", code, l.out)
	}
	l.end(l.driver, syscall.SIGTERM)
	if err := syscall.Unmount(at, 0); err != nil {
		t.Fatal(err)
	}
	l.nothingIsLeft()

	l.start()
	_ = l.mounted(at)
	l.end(l.simulate, syscall.SIGKILL)
	l.end(l.driver, syscall.SIGTERM)
	l.start()
	for _, want := range []string{"files of volumes: 1, links to devices: 1.", ": mounted at " + at} {
		if !strings.Contains(l.out.String(), want) {
			t.Errorf("after SIGKILL: no %q in\n%s", want, l.out)
		}
	}
	if err := syscall.Unmount(at, 0); err != nil {
		t.Fatal(err)
	}
	l.mounted(at)() // a new volume, where the old one was
	l.end(l.driver, syscall.SIGTERM)
	if code := l.end(l.simulate, syscall.SIGINT); code != 0 {
		t.Errorf("SIGINT: got exit code %d and\n%s", code, l.out)
	}
	l.nothingIsLeft()
}

// A folder that is somebody's, or another run's, is left alone.
func TestSimulateTakesNoFolderOfOthers(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	simulate := func(folder string) (int, string) {
		out := &text{}
		code := cli.Run(t.Context(), []string{"simulate", "--listen=127.0.0.1:0", "--volume-devices=" + folder}, out, out)
		return code, out.String()
	}
	mine := filepath.Join(t.TempDir(), "images", "precious")
	if err := os.MkdirAll(filepath.Dir(mine), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := simulate(filepath.Dir(filepath.Dir(mine))); code != 1 || !strings.Contains(out, "files of somebody else") {
		t.Errorf("got exit code %d, %s", code, out)
	}
	if code, out := simulate(mine); code != 1 || !strings.Contains(out, "look into the folder") {
		t.Errorf("a file: got exit code %d, %s", code, out)
	}
	if got, err := os.ReadFile(mine); err != nil || string(got) != "kept" {
		t.Errorf("got %q, %v", got, err)
	}
	held := filepath.Join(t.TempDir(), "underlay-simulate")
	mark, err := os.Create(held)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mark.Close() }()
	if err := syscall.Flock(int(mark.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if code, out := simulate(filepath.Dir(held)); code != 1 || !strings.Contains(out, "another underlay simulate") {
		t.Errorf("got exit code %d, %s", code, out)
	}
}

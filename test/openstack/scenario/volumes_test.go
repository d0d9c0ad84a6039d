package scenario_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/simulator"
	"underlay/test/openstack/api"
)

// blocks is the type of Cinder in a catalog.
const blocks = "block-storage"

// nowhere is the id of no server and no volume.
const nowhere = "88888888-8888-4888-8888-888888888888"

// oneVolume is how long one request of a sidecar may take.
const oneVolume = 3 * time.Minute

func TestVolumesOnRealServices(t *testing.T) {
	who, there := account(t)
	if !there {
		return
	}
	on := newTenant(t, http.DefaultClient, who)
	if on.client.Endpoint(blocks) == "" {
		t.Log("left out: this OpenStack has no Cinder")
		return
	}
	var fail func(simulator.VolumeWork) map[string]string
	if os.Getenv(root) != "" { // the testbed, whose storage reads what it shall fail at
		fail = func(work simulator.VolumeWork) map[string]string {
			return map[string]string{"appendVolumeMetadata": fmt.Sprintf(`{"testbed:fail": %q}`, work)}
		}
	}
	tellOfVolumes(t, on, fail)
}

// TestTheStoryOfVolumesOnTheSimulator is the same story where there is no real cloud.
func TestTheStoryOfVolumesOnTheSimulator(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{})
	sim.SetVolumeQuota("", "gigabytes", 1000)
	sim.AddVolumeType(simulator.VolumeTypeSpec{Name: otherType})
	sim.AddVolumeType(simulator.VolumeTypeSpec{Name: encrypted, Encrypted: true})
	sim.AddGroupType(consistent)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	tellOfVolumes(t, newTenant(t, server.Client(), api.Account{
		AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne",
	}), func(work simulator.VolumeWork) map[string]string {
		sim.FailNextVolumeWork(work, driverFailed)
		return nil
	})
}

// driverFailed is what Cinder says of storage that cannot make a volume.
const driverFailed = "create volume from backend storage:Driver failed to create the volume."

// volumeStory is the driver's own program on a tenant's servers, driven as the
// sidecars do, and what it has made.
type volumeStory struct {
	*testing.T
	csi.ControllerClient
	groups   csi.GroupControllerClient
	identity csi.IdentityClient
	on       *tenant
	mark     string // begins all names
	// fail has the storage fail at the work for the next volume, which is made with
	// these parameters; nil where nobody can.
	fail func(simulator.VolumeWork) map[string]string
	// nodes are the ids of node-1 and node-2.
	nodes                            []string
	volume, snapshot, restored, copy string
}

// volumeScenarios are the life of a volume. Each begins with the cloud as the
// last one left it.
var volumeScenarios = []struct {
	name string
	run  func(*volumeStory)
}{
	{"a volume is made once", (*volumeStory).create},
	{"a volume comes to a node", (*volumeStory).attach},
	{"a volume at one node does not come to another", (*volumeStory).attachElsewhere},
	{"a volume grows while it is in use", (*volumeStory).expand},
	{"a snapshot is restored and a volume copied", (*volumeStory).copies},
	{"a volume moves to another node", (*volumeStory).move},
	{"a volume is free when its node is gone", (*volumeStory).nodeGone},
	{"storage that fails leaves nothing, and is named", (*volumeStory).failing},
	{"a volume gets another type and other metadata", (*volumeStory).modify},
	{"a backup is made, restored and deleted", (*volumeStory).backup},
	{"an attachment that nobody has is removed", (*volumeStory).orphans},
	{"a volume leaves a node that was shelved", (*volumeStory).shelved},
	{"an encrypted volume lives with its key", (*volumeStory).encrypted},
	{"what there is is listed", (*volumeStory).lists},
	{"volumes are copied at one moment, and each is restored", (*volumeStory).group},
	{"nothing of a volume is left", (*volumeStory).delete},
	{"the access rules are enough, and each is needed", (*volumeStory).rules},
}

func tellOfVolumes(t *testing.T, on *tenant, fail func(simulator.VolumeWork) map[string]string) {
	s := &volumeStory{T: t, on: on, fail: fail, mark: fmt.Sprintf("scenario-%d-", time.Now().UnixNano())}
	t.Cleanup(func() { s.sweep(t) })
	on.bootAll(t, 2)
	for _, name := range []string{"node-1", "node-2"} {
		s.nodes = append(s.nodes, on.booted[name].ServerID)
	}
	driver := startDriver(t, on, on.restricted(t, driverRules(t)))
	s.ControllerClient, s.groups, s.identity = csi.NewControllerClient(driver), csi.NewGroupControllerClient(driver), csi.NewIdentityClient(driver)
	for _, scenario := range volumeScenarios {
		if !t.Run(scenario.name, func(t *testing.T) {
			within := *s
			within.T = t
			on.proxy.Reset()
			began := time.Now()
			scenario.run(&within)
			t.Logf("%s, %d calls", time.Since(began).Round(time.Millisecond), len(on.proxy.Calls()))
			within.T = s.T
			*s = within
		}) {
			t.Fatalf("the scenarios after %q need what it leaves", scenario.name)
		}
	}
}

// ask sends a request as a sidecar does: again as long as the answer says that it
// may be asked again.
func ask[Q, A any](s *volumeStory, method func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) A {
	s.Helper()
	answer, err := try(s, method, request)
	if err != nil {
		s.Fatalf("%T: %v", request, err)
	}
	return answer
}

// again are the codes that no sidecar takes as the last word.
var again = []codes.Code{codes.Aborted, codes.Unavailable, codes.DeadlineExceeded}

func try[Q, A any](s *volumeStory, method func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) (A, error) {
	ctx, cancel := context.WithTimeout(s.Context(), oneVolume)
	defer cancel()
	for {
		answer, err := method(ctx, request, grpc.WaitForReady(true))
		if !slices.Contains(again, status.Code(err)) || ctx.Err() != nil {
			return answer, err
		}
		s.Logf("%T: %v", request, err)
		time.Sleep(time.Second)
	}
}

// spent holds the calls since the scenario began, without the reads of volumes
// and snapshots and without logins, to a number.
func (s *volumeStory) spent(most int) {
	s.Helper()
	var rest []string
	for _, call := range s.on.proxy.Calls() {
		read := strings.HasPrefix(call.Pattern, "GET /v3/") || call.Pattern == "GET /v3" || call.Pattern == "GET /"
		if !read && !strings.Contains(call.Pattern, "/auth/tokens") {
			rest = append(rest, call.Pattern)
		}
	}
	if len(rest) > most {
		s.Errorf("got %d calls, want at most %d:\n%s", len(rest), most, strings.Join(rest, "\n"))
	}
}

var mounted = &csi.VolumeCapability{
	AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
	AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: "ext4"}},
}

const gib = int64(1) << 30

func (s *volumeStory) wish(name string, size int64, source *csi.VolumeContentSource) *csi.CreateVolumeRequest {
	return &csi.CreateVolumeRequest{
		Name: s.mark + name, CapacityRange: &csi.CapacityRange{RequiredBytes: size * gib},
		VolumeCapabilities: []*csi.VolumeCapability{mounted}, VolumeContentSource: source,
	}
}

func (s *volumeStory) create() {
	s.volume = ask(s, s.CreateVolume, s.wish("one", 1, nil)).GetVolume().GetVolumeId()
	s.spent(1 + 1) // the POST, and at times a list of zones
	if again := ask(s, s.CreateVolume, s.wish("one", 1, nil)).GetVolume(); again.GetVolumeId() != s.volume || again.GetCapacityBytes() != gib {
		s.Errorf("again: got %v, want %s", again, s.volume)
	}
	_, err := try(s, s.CreateVolume, s.wish("one", 3, nil))
	s.code("the same name with another size", err, codes.AlreadyExists)
	_, err = try(s, s.CreateVolume, s.wish("huge", 1_000_000, nil))
	s.code("beyond the quota", err, codes.ResourceExhausted)
	_, err = try(s, s.ControllerPublishVolume, s.publish(s.volume, nowhere))
	s.code("attach to no node", err, codes.NotFound)
}

func (s *volumeStory) code(what string, err error, want codes.Code) {
	s.Helper()
	if got := status.Code(err); got != want {
		s.Errorf("%s: got %v (%v), want %v", what, got, err, want)
	}
}

func (s *volumeStory) publish(volume, node string) *csi.ControllerPublishVolumeRequest {
	return &csi.ControllerPublishVolumeRequest{VolumeId: volume, NodeId: node, VolumeCapability: mounted}
}

func (s *volumeStory) attach() {
	answer := ask(s, s.ControllerPublishVolume, s.publish(s.volume, s.nodes[0]))
	s.spent(3)
	if len(answer.GetPublishContext()) == 0 {
		s.Error("no publish context")
	}
	s.write(s.volume, s.nodes[0])
	s.on.proxy.Reset()
	ask(s, s.ControllerPublishVolume, s.publish(s.volume, s.nodes[0]))
	s.spent(0)
}

func (s *volumeStory) attachElsewhere() {
	_, err := try(s, s.ControllerPublishVolume, s.publish(s.volume, s.nodes[1]))
	s.code("attach to a second node", err, codes.FailedPrecondition)
	_, err = try(s, s.ControllerPublishVolume, s.publish(nowhere, s.nodes[1]))
	s.code("attach no volume", err, codes.NotFound)
}

func (s *volumeStory) expand() {
	answer := ask(s, s.ControllerExpandVolume, &csi.ControllerExpandVolumeRequest{VolumeId: s.volume, CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gib}})
	if answer.GetCapacityBytes() != 2*gib || !answer.GetNodeExpansionRequired() {
		s.Errorf("got %v, want 2 GiB and work for the node", answer)
	}
	s.spent(1)
	s.grown(s.volume, s.nodes[0], 2*gib)
}

func (s *volumeStory) copies() {
	request := &csi.CreateSnapshotRequest{SourceVolumeId: s.volume, Name: s.mark + "snapshot"}
	taken := ask(s, s.CreateSnapshot, request).GetSnapshot()
	for deadline := time.Now().Add(oneVolume); !taken.GetReadyToUse(); taken = ask(s, s.CreateSnapshot, request).GetSnapshot() {
		if time.Now().After(deadline) {
			s.Fatalf("got %v, want it ready", taken)
		}
		time.Sleep(500 * time.Millisecond)
	}
	s.snapshot = taken.GetSnapshotId()
	s.restored = ask(s, s.CreateVolume, s.wish("restored", 3, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: s.snapshot},
	}})).GetVolume().GetVolumeId()
	copied := ask(s, s.CreateVolume, s.wish("copy", 2, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
		Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: s.volume},
	}})).GetVolume()
	s.copy = copied.GetVolumeId()
	if copied.GetContentSource().GetVolume().GetVolumeId() != s.volume {
		s.Errorf("the copy: got %v, want its source", copied)
	}
	for _, id := range []string{s.restored, s.copy} {
		ask(s, s.ControllerPublishVolume, s.publish(id, s.nodes[1]))
		s.read(id, s.nodes[1])
		s.unpublish(id, s.nodes[1])
	}
}

func (s *volumeStory) unpublish(volume, node string) {
	s.Helper()
	ask(s, s.ControllerUnpublishVolume, &csi.ControllerUnpublishVolumeRequest{VolumeId: volume, NodeId: node})
}

func (s *volumeStory) move() {
	s.unpublish(s.volume, s.nodes[0])
	s.spent(3)
	s.unpublish(s.volume, s.nodes[0]) // it is not there any more
	s.on.proxy.Reset()
	ask(s, s.ControllerPublishVolume, s.publish(s.volume, s.nodes[1]))
	s.spent(3)
	s.read(s.volume, s.nodes[1])
}

func (s *volumeStory) nodeGone() {
	if err := s.on.deleteServers(s.Context(), func(one server) bool { return one.ID == s.nodes[1] }); err != nil {
		s.Fatal(err)
	}
	s.unpublish(s.volume, s.nodes[1])
	ask(s, s.ControllerPublishVolume, s.publish(s.volume, s.nodes[0]))
	s.unpublish(s.volume, "") // from wherever it is
}

// failing has the storage fail at making a volume and at attaching one.
func (s *volumeStory) failing() {
	if s.fail == nil {
		s.Log("left out: nobody can have this storage fail")
		return
	}
	before := len(s.left(s.T))
	wish := s.wish("failing", 1, nil)
	wish.Parameters = s.fail(simulator.CreateVolume)
	_, err := s.CreateVolume(s.Context(), wish)
	if err == nil || status.Code(err) == codes.Internal || !strings.Contains(err.Error(), driverFailed) {
		s.Errorf("create: got %v, want what Cinder says of it, and no Internal", err)
	}
	if left := s.left(s.T); len(left) != before {
		s.Errorf("got %v left, want %d", left, before)
	}
	wish = s.wish("failing", 1, nil)
	wish.Parameters = s.fail(simulator.AttachVolume)
	id := ask(s, s.CreateVolume, wish).GetVolume().GetVolumeId()
	_, err = s.ControllerPublishVolume(s.Context(), s.publish(id, s.nodes[0]))
	if !slices.Contains(again, status.Code(err)) {
		s.Errorf("attach: got %v, want a code by which it is tried again", err)
	}
	s.unpublish(id, s.nodes[0])
	ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: id})
}

func (s *volumeStory) delete() {
	ask(s, s.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: s.snapshot})
	for _, id := range []string{s.volume, s.restored, s.copy, s.volume} { // the last is gone by then
		ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: id})
	}
	ask(s, s.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: s.snapshot})
	if left := s.left(s.T); len(left) > 0 {
		s.Errorf("got %v left, want nothing", left)
	}
}

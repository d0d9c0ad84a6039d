package node_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/device"
	"underlay/pkg/volumes/metadata"
	"underlay/pkg/volumes/node"
)

// bare is a node without devices: what is refused before any is needed.
func bare(t *testing.T, o node.Options) *node.Service {
	t.Helper()
	sys := t.TempDir()
	if err := os.MkdirAll(filepath.Join(sys, "block", "vda"), 0o755); err != nil {
		t.Fatal(err)
	}
	o.Host = device.Host{Sys: sys, Dev: sys, Links: sys}
	return node.New(o)
}

func TestRequestsAreChecked(t *testing.T) {
	s, ctx := bare(t, node.Options{DeviceWait: time.Nanosecond}), t.Context()
	good := mountCapability("ext4")
	many := withMode(mountCapability(""), csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER)
	stage := func(r *csi.NodeStageVolumeRequest) error { _, err := s.NodeStageVolume(ctx, r); return err }
	publish := func(r *csi.NodePublishVolumeRequest) error { _, err := s.NodePublishVolume(ctx, r); return err }
	for name, tc := range map[string]struct {
		err  error
		code codes.Code
		part string
	}{
		"stage nothing":             {stage(&csi.NodeStageVolumeRequest{}), codes.InvalidArgument, "volume id"},
		"stage nowhere":             {stage(&csi.NodeStageVolumeRequest{VolumeId: "v"}), codes.InvalidArgument, "staging path"},
		"stage at a relative path":  {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "a/b"}), codes.InvalidArgument, "not absolute"},
		"stage without capability":  {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "/p"}), codes.InvalidArgument, "capability is missing"},
		"stage neither":             {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "/p", VolumeCapability: &csi.VolumeCapability{}}), codes.InvalidArgument, "neither"},
		"stage without mode":        {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "/p", VolumeCapability: withMode(mountCapability(""), 0)}), codes.InvalidArgument, "access mode"},
		"a filesystem of many":      {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "/p", VolumeCapability: many}), codes.InvalidArgument, "volumeMode Block"},
		"a filesystem that is none": {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "/p", VolumeCapability: mountCapability("../sh")}), codes.InvalidArgument, "no filesystem"},
		"a size that is none":       {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "/p", VolumeCapability: good, PublishContext: map[string]string{block.PublishSize: "x"}}), codes.InvalidArgument, "not a number"},
		"a short id":                {stage(&csi.NodeStageVolumeRequest{VolumeId: "v", StagingTargetPath: "/p", VolumeCapability: good}), codes.Unavailable, "no device"},
		"publish nothing":           {publish(&csi.NodePublishVolumeRequest{}), codes.InvalidArgument, "volume id"},
		"publish nowhere":           {publish(&csi.NodePublishVolumeRequest{VolumeId: "v", VolumeCapability: good}), codes.InvalidArgument, "target path"},
		"publish without stage":     {publish(&csi.NodePublishVolumeRequest{VolumeId: "v", VolumeCapability: good, TargetPath: "/t"}), codes.FailedPrecondition, "stage the volume"},
		"publish what is not there": {publish(&csi.NodePublishVolumeRequest{VolumeId: "v", VolumeCapability: good, TargetPath: "/t", StagingTargetPath: "/nowhere"}), codes.FailedPrecondition, "not staged"},
		"publish raw, no device":    {publish(&csi.NodePublishVolumeRequest{VolumeId: "v", VolumeCapability: blockCapability(), TargetPath: "/t", StagingTargetPath: "/nowhere"}), codes.Unavailable, "no device"},
		"inline":                    {publish(&csi.NodePublishVolumeRequest{VolumeId: "v", VolumeCapability: good, VolumeContext: map[string]string{"csi.storage.k8s.io/ephemeral": "true"}}), codes.InvalidArgument, "claim template"},
	} {
		want(t, name, tc.err, tc.code, tc.part)
	}
}

func TestRequestsWithoutCapabilityAreChecked(t *testing.T) {
	s, ctx := bare(t, node.Options{}), t.Context()
	here := t.TempDir()
	_, err := s.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{})
	want(t, "unstage nothing", err, codes.InvalidArgument, "volume id")
	_, err = s.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{VolumeId: "v"})
	want(t, "unstage nowhere", err, codes.InvalidArgument, "staging path")
	_, err = s.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: "v"})
	want(t, "unpublish nowhere", err, codes.InvalidArgument, "target path")
	_, err = s.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{VolumeId: "v"})
	want(t, "stats of nowhere", err, codes.InvalidArgument, "volume path")
	_, err = s.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{VolumeId: "v", VolumePath: here + "/none"})
	want(t, "stats of what is not there", err, codes.NotFound, "there is no")
	_, err = s.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{VolumeId: "v", VolumePath: here})
	want(t, "stats of what is not mounted", err, codes.NotFound, "nothing is mounted")
	_, err = s.NodeExpandVolume(ctx, &csi.NodeExpandVolumeRequest{VolumeId: "v", VolumePath: here + "/none"})
	want(t, "expand what is not there", err, codes.NotFound, "there is no")
	_, err = s.NodeExpandVolume(ctx, &csi.NodeExpandVolumeRequest{VolumeId: "v", VolumePath: here})
	want(t, "expand without device", err, codes.NotFound, "no device")
	_, err = s.NodeExpandVolume(ctx, &csi.NodeExpandVolumeRequest{VolumeId: "v", VolumePath: here, CapacityRange: &csi.CapacityRange{RequiredBytes: 2, LimitBytes: 1}})
	want(t, "expand beyond the limit", err, codes.OutOfRange, "limit")
}

// TestUnstageLeavesWhatIsNotTheVolumes: a folder with something in it is no
// mount's; a target that is not empty is not removed, and said.
func TestUnstageLeavesWhatIsNotTheVolumes(t *testing.T) {
	s, here := bare(t, node.Options{}), t.TempDir()
	file := filepath.Join(here, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.NodeUnstageVolume(t.Context(), &csi.NodeUnstageVolumeRequest{VolumeId: "v", StagingTargetPath: here}); err != nil {
		t.Error(err)
	}
	_, err := s.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: "v", TargetPath: here})
	want(t, "unpublish", err, codes.Unavailable, "not empty")
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// TestTheWaitForADeviceEnds: after its own bound, or with the call; meanwhile
// another call for the volume is told to come back, and one for another volume is not.
func TestTheWaitForADeviceEnds(t *testing.T) {
	s := bare(t, node.Options{})
	synctest.Test(t, func(t *testing.T) {
		stage := func(ctx context.Context, id string) error {
			_, err := s.NodeStageVolume(ctx, &csi.NodeStageVolumeRequest{VolumeId: id, StagingTargetPath: "/p", VolumeCapability: mountCapability("")})
			return err
		}
		started := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() { want(t, "one", stage(t.Context(), "one"), codes.Unavailable, "wait 1m0s for the device") })
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			want(t, "two", stage(ctx, "two"), codes.DeadlineExceeded, "no device of this volume two")
		})
		synctest.Wait()
		want(t, "one again", stage(t.Context(), "one"), codes.Aborted, "another call")
		calls.Wait()
		if took := time.Since(started); took > time.Minute {
			t.Errorf("took %s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		want(t, "one, later, cut off", stage(ctx, "one"), codes.Canceled, "")
	})
}

func TestCapabilities(t *testing.T) {
	answer, err := bare(t, node.Options{}).NodeGetCapabilities(t.Context(), nil)
	if err != nil || len(answer.GetCapabilities()) != 4 {
		t.Errorf("got %v, %v", answer, err)
	}
}

type nobody struct{}

func (nobody) Read(context.Context) (metadata.Machine, error) {
	return metadata.Machine{}, errors.New("no answer")
}

func TestInfo(t *testing.T) {
	us := machine{ID: "server-1", Zone: "az-1"}
	for name, tc := range map[string]struct {
		options node.Options
		want    *csi.NodeGetInfoResponse
	}{
		"plain":     {node.Options{Identity: us, AttachLimit: 9}, &csi.NodeGetInfoResponse{NodeId: "server-1", MaxVolumesPerNode: 9}},
		"with zone": {node.Options{Identity: us, AttachLimit: 9, Zone: true}, &csi.NodeGetInfoResponse{NodeId: "server-1", MaxVolumesPerNode: 9, AccessibleTopology: &csi.Topology{Segments: map[string]string{block.TopologyZone: "az-1"}}}},
		"with more": {node.Options{Identity: us, Segments: map[string]string{"rack": "r"}}, &csi.NodeGetInfoResponse{NodeId: "server-1", MaxVolumesPerNode: 1, AccessibleTopology: &csi.Topology{Segments: map[string]string{"rack": "r"}}}},
	} {
		got, err := bare(t, tc.options).NodeGetInfo(t.Context(), nil)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(tc.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	_, err := bare(t, node.Options{Identity: nobody{}}).NodeGetInfo(t.Context(), nil)
	want(t, "nobody", err, codes.Unavailable, "no answer")
}

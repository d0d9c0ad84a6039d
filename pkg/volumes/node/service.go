package node

import (
	"context"
	"maps"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/mount-utils"

	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/device"
	"underlay/pkg/volumes/metadata"
)

// Identity says which server this machine is.
type Identity interface {
	Read(ctx context.Context) (metadata.Machine, error)
}

// Options are what a Service is made of.
type Options struct {
	Host     device.Host
	Identity Identity
	// AttachLimit is the most volumes that the operator wants on a node; the
	// machine may have room for fewer.
	AttachLimit int
	// Zone says whether the node tells its availability zone; Segments are
	// added to its topology.
	Zone     bool
	Segments map[string]string
	// Rescan asks the kernel for a device's size before each growth, not only
	// when the device looks too small.
	Rescan bool
	// DeviceWait bounds the wait for a device to come or to grow. 0 means 60 s.
	DeviceWait time.Duration
}

// Service is csi.NodeServer.
type Service struct {
	csi.UnimplementedNodeServer
	options Options
	tools   device.Tools
	mounter mount.Interface
	busy    *inFlight
}

const deviceWait = 60 * time.Second

// New makes a Service. It touches nothing.
func New(o Options) *Service {
	if o.DeviceWait == 0 {
		o.DeviceWait = deviceWait
	}
	return &Service{options: o, tools: device.NewTools(), mounter: mount.NewWithoutSystemd(""), busy: newInFlight()}
}

// NodeGetCapabilities says what this service does.
func (s *Service) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	answer := &csi.NodeGetCapabilitiesResponse{}
	for _, rpc := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		answer.Capabilities = append(answer.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: rpc}},
		})
	}
	return answer, nil
}

// NodeGetInfo says which server this is, where, and how many volumes it takes.
func (s *Service) NodeGetInfo(ctx context.Context, _ *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	machine, err := s.options.Identity.Read(ctx)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "read which server this is: %v", err)
	}
	answer := &csi.NodeGetInfoResponse{
		NodeId:            machine.ID,
		MaxVolumesPerNode: int64(s.options.Host.Room(s.options.AttachLimit)),
	}
	segments := map[string]string{}
	maps.Copy(segments, s.options.Segments)
	if s.options.Zone {
		segments[block.TopologyZone] = machine.Zone
	}
	if len(segments) > 0 {
		answer.AccessibleTopology = &csi.Topology{Segments: segments}
	}
	return answer, nil
}

package node

import (
	"path/filepath"
	"slices"
	"strconv"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/device"
)

// ephemeral marks a volume that is written into a Pod and not claimed.
const ephemeral = "csi.storage.k8s.io/ephemeral"

// stageWish is what a NodeStageVolume asks for.
type stageWish struct {
	volumeID, path string
	block          bool
	// kind is the filesystem that was asked for; "" when any will do.
	kind     string
	flags    []string
	readOnly bool
	// origin says what the volume was filled from; "" when it was made empty.
	origin string
	mkfs   []string
	// size is what the volume had in bytes when it was attached; 0 when unknown.
	size int64
	// encrypted says that the volume's type encrypts it.
	encrypted bool
}

func (w *stageWish) volume() device.Volume {
	return device.Volume{ID: w.volumeID, Encrypted: w.encrypted}
}

func stageWishOf(r *csi.NodeStageVolumeRequest) (stageWish, error) {
	if r.GetVolumeId() == "" {
		return stageWish{}, refuse(codes.InvalidArgument, "the volume id is missing")
	}
	if err := absolute("the staging path", r.GetStagingTargetPath()); err != nil {
		return stageWish{}, err
	}
	if err := checkCapability(r.GetVolumeCapability()); err != nil {
		return stageWish{}, err
	}
	w := stageWish{
		volumeID: r.GetVolumeId(), path: r.GetStagingTargetPath(),
		block:    r.GetVolumeCapability().GetBlock() != nil,
		kind:     r.GetVolumeCapability().GetMount().GetFsType(),
		flags:    r.GetVolumeCapability().GetMount().GetMountFlags(),
		readOnly: readerMode(r.GetVolumeCapability()),
		origin:   originOf(r.GetVolumeContext()),
		mkfs:     mkfsArguments(r.GetVolumeContext()),

		encrypted: r.GetPublishContext()[block.PublishEncrypted] == "true",
	}
	if w.kind != "" && !device.KnownType(w.kind) {
		return w, refuse(codes.InvalidArgument, "%q is no filesystem", w.kind)
	}
	w.readOnly = w.readOnly || slices.Contains(w.flags, "ro")
	if text := r.GetPublishContext()[block.PublishSize]; text != "" {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return w, refuse(codes.InvalidArgument, "the publish context's %s is %q, not a number", block.PublishSize, text)
		}
		w.size = size
	}
	return w, nil
}

// originOf is what the volume was filled from. The reference driver says only
// that the filesystem must grow, which it says of copies alone.
func originOf(context map[string]string) string {
	if origin := context[block.ContextOrigin]; origin != "" {
		return origin
	}
	if context[block.ContextResize] == "true" {
		return "something"
	}
	return ""
}

// publishWish is what a NodePublishVolume asks for.
type publishWish struct {
	volumeID, staging, path string
	block, readOnly         bool
	// single: no other path on this node may have the volume.
	single bool
	flags  []string
}

func publishWishOf(r *csi.NodePublishVolumeRequest) (publishWish, error) {
	if r.GetVolumeId() == "" {
		return publishWish{}, refuse(codes.InvalidArgument, "the volume id is missing")
	}
	if err := checkCapability(r.GetVolumeCapability()); err != nil {
		return publishWish{}, err
	}
	if r.GetVolumeContext()[ephemeral] == "true" {
		return publishWish{}, refuse(codes.InvalidArgument,
			"volumes that are written into a Pod (csi:) are not supported: write a claim, or an ephemeral volume with a claim template")
	}
	if err := absolute("the target path", r.GetTargetPath()); err != nil {
		return publishWish{}, err
	}
	if r.GetStagingTargetPath() == "" {
		return publishWish{}, refuse(codes.FailedPrecondition, "the staging path is missing: stage the volume first")
	}
	return publishWish{
		volumeID: r.GetVolumeId(), staging: r.GetStagingTargetPath(), path: r.GetTargetPath(),
		block:    r.GetVolumeCapability().GetBlock() != nil,
		readOnly: r.GetReadonly() || readerMode(r.GetVolumeCapability()),
		single:   r.GetVolumeCapability().GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
		flags:    r.GetVolumeCapability().GetMount().GetMountFlags(),
	}, nil
}

// checkCapability refuses what would damage a filesystem: one that two nodes write.
func checkCapability(c *csi.VolumeCapability) error {
	mode := c.GetAccessMode().GetMode()
	switch {
	case c == nil:
		return refuse(codes.InvalidArgument, "the volume capability is missing")
	case c.GetBlock() == nil && c.GetMount() == nil:
		return refuse(codes.InvalidArgument, "the volume capability is neither block nor mount")
	case mode == csi.VolumeCapability_AccessMode_UNKNOWN:
		return refuse(codes.InvalidArgument, "the access mode is missing")
	case c.GetMount() != nil && (mode == csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER || mode == csi.VolumeCapability_AccessMode_MULTI_NODE_SINGLE_WRITER):
		return refuse(codes.InvalidArgument, "a filesystem on a volume cannot be written by one node while another has it mounted: use volumeMode Block, or ReadWriteOnce")
	}
	return nil
}

func readerMode(c *csi.VolumeCapability) bool {
	mode := c.GetAccessMode().GetMode()
	return mode == csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY || mode == csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
}

func absolute(what, path string) error {
	if path == "" {
		return refuse(codes.InvalidArgument, "%s is missing", what)
	}
	if !filepath.IsAbs(path) {
		return refuse(codes.InvalidArgument, "%s %q is not absolute", what, path)
	}
	return nil
}

// required checks what the calls without a capability have.
func required(volumeID, what, path string) error {
	if volumeID == "" {
		return refuse(codes.InvalidArgument, "the volume id is missing")
	}
	if path == "" {
		return refuse(codes.InvalidArgument, "%s is missing", what)
	}
	return nil
}

package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// Parameters of a VolumeAttributesClass, beside "type": whether Cinder may move
// the volume to another storage for it, and metadata/KEY for each of the volume's
// metadata to be set.
const (
	paramMigration = "migrationpolicy"
	metadataPrefix = "metadata/"
)

// change is what a ControllerModifyVolume asks for.
type change struct {
	volumeType string
	migrate    bool
	metadata   map[string]string
}

// readChange reads mutable parameters, and refuses all that it does not know: a
// class that asks for what is not done must not look as if it were.
func readChange(parameters map[string]string) (change, error) {
	c := change{metadata: map[string]string{}}
	for name, value := range parameters {
		key, isMetadata := strings.CutPrefix(name, metadataPrefix)
		switch {
		case isMetadata:
			if err := checkMetadata(key, value); err != nil {
				return c, err
			}
			if key == block.MetadataCluster {
				return c, invalid("the metadata %s say whose a volume is and cannot be changed", key)
			}
			c.metadata[key] = value
		case strings.EqualFold(name, paramType) && value != "":
			c.volumeType = value
		case strings.EqualFold(name, paramMigration) && (value == "never" || value == "on-demand"):
			c.migrate = value == "on-demand"
		default:
			return c, invalid("a volume cannot be given %s=%q; what can be given are type, migrationPolicy (never or on-demand) and metadata/KEY", name, value)
		}
	}
	return c, nil
}

func checkMutable(parameters map[string]string) error {
	_, err := readChange(parameters)
	return err
}

// ControllerModifyVolume gives a volume another type and other metadata.
func (s *Service) ControllerModifyVolume(ctx context.Context, r *csi.ControllerModifyVolumeRequest) (*csi.ControllerModifyVolumeResponse, error) {
	if r.GetVolumeId() == "" {
		return nil, invalid("the request has no volume id")
	}
	desired, err := readChange(r.GetMutableParameters())
	if err != nil {
		return nil, err
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "volume "+r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer done()
	v, err := p.ready(ctx, verdict.Modify, r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	// The type first: what cannot be done must be refused before anything is done.
	if err := p.retype(ctx, v, desired); err != nil {
		return nil, err
	}
	missing := maps.Clone(desired.metadata)
	maps.DeleteFunc(missing, func(key, value string) bool { return v.Metadata[key] == value && value != "" })
	if len(missing) > 0 {
		if err := p.SetMetadata(ctx, v.ID, missing); err != nil {
			return nil, unwritten(ctx, "set metadata of volume "+v.ID, err)
		}
		klog.FromContext(ctx).Info("Metadata of volume set", "volume", v.ID, "keys", slices.Sorted(maps.Keys(missing)))
	}
	return &csi.ControllerModifyVolumeResponse{}, nil
}

// retype gives a volume its type, if it has another one, and waits until it has.
func (p *project) retype(ctx context.Context, v block.Volume, desired change) error {
	if desired.volumeType == "" || desired.volumeType == v.Type {
		return nil
	}
	t, err := p.Type(ctx, desired.volumeType)
	if errors.Is(err, cloud.ErrNotFound) {
		return invalid("there is no volume type %q", desired.volumeType)
	}
	if err != nil {
		return unseen(ctx, "read volume type "+desired.volumeType, err)
	}
	if t.Name == v.Type {
		return nil
	}
	if len(v.Attachments) > 0 && t.Multiattach != v.Multiattach {
		return status.Errorf(codes.FailedPrecondition, "volume %s is attached, and Cinder changes whether several servers may have it only while none has", v.ID)
	}
	if err := p.retypable(ctx, v.ID); err != nil {
		return err
	}
	if err := p.Retype(ctx, v.ID, t.Name, desired.migrate); err != nil {
		return unwritten(ctx, "retype volume "+v.ID+" to "+t.Name, err)
	}
	klog.FromContext(ctx).Info("Volume is being retyped", "volume", v.ID, "from", v.Type, "to", t.Name)
	seen, err := p.settle(ctx, v.ID, func(v block.Volume) bool {
		return verdict.Decide(verdict.Modify, verdict.Facts{Status: string(v.Status)}).Do != verdict.Wait
	})
	if err != nil {
		return err
	}
	if seen.Type != t.Name {
		return unfinished("Cinder began to retype volume %s to %s and gave up: %s", v.ID, t.Name, p.reason(ctx, v.ID))
	}
	return nil
}

// retypable refuses a volume that has a snapshot with metadata, as all snapshots
// of this driver are: Cinder 2025.1 gives it the new type and then fails to write
// that down, and the volume stays retyping until the operator of the cloud resets
// it (cinder/volume/manager.py, retype; cinder/objects/snapshot.py, obj_what_changed).
func (p *project) retypable(ctx context.Context, id string) error {
	for marker := ""; ; {
		page, next, err := p.SnapshotPage(ctx, id, marker, 0)
		if err != nil {
			return unseen(ctx, "list snapshots of volume "+id, err)
		}
		for _, s := range page {
			if len(s.Metadata) > 0 {
				return status.Errorf(codes.FailedPrecondition,
					"volume %s has snapshot %s (%s) with metadata, and Cinder never ends to retype such a volume; it can be done when the snapshot is deleted", id, s.Name, s.ID)
			}
		}
		if marker = next; marker == "" {
			return nil
		}
	}
}

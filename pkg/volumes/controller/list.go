package controller

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
)

// A token of a list of volumes is CLOUD/MARKER: the marker is the id of the last
// volume of the page before, or "" at the beginning of a cloud.
func (s *Service) volumePage(ctx context.Context, token string, most int32) (page []block.Volume, next string, err error) {
	if most < 0 {
		return nil, "", invalid("max_entries is negative")
	}
	names := slices.Sorted(maps.Keys(s.projects))
	name, marker := names[0], ""
	if token != "" {
		at := strings.LastIndex(token, "/")
		if at < 0 || s.projects[token[:at]] == nil {
			return nil, "", unfinished("the token %q is not one of this list: begin again", token)
		}
		name, marker = token[:at], token[at+1:]
	}
	page, after, err := s.projects[name].VolumePage(ctx, marker, int(most))
	if err != nil {
		return nil, "", listed(ctx, "list volumes", marker, err)
	}
	if after != "" {
		return page, name + "/" + after, nil
	}
	if i := slices.Index(names, name); i+1 < len(names) {
		return page, names[i+1] + "/", nil
	}
	return page, "", nil
}

// listed is the answer where a page cannot be read: a marker that the cloud does
// not know means to begin again.
func listed(ctx context.Context, what, marker string, err error) error {
	if marker != "" && (errors.Is(err, cloud.ErrNotFound) || errors.Is(err, cloud.ErrInvalid)) {
		return unfinished("%s: the token does not lead anywhere any more, begin again: %v", what, err)
	}
	return unseen(ctx, what, err)
}

// ListVolumes lists all volumes of the projects, a page at a time. Where the
// request sets no limit a page is what the cloud gives at once, so that no list
// is ever held whole.
func (s *Service) ListVolumes(ctx context.Context, r *csi.ListVolumesRequest) (*csi.ListVolumesResponse, error) {
	page, next, err := s.volumePage(ctx, r.GetStartingToken(), r.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	answer := &csi.ListVolumesResponse{NextToken: next, Entries: make([]*csi.ListVolumesResponse_Entry, 0, len(page))}
	for _, v := range page {
		answer.Entries = append(answer.Entries, &csi.ListVolumesResponse_Entry{
			Volume: s.describe(v), Status: &csi.ListVolumesResponse_VolumeStatus{PublishedNodeIds: nodes(v)},
		})
	}
	return answer, nil
}

// ControllerGetVolume tells one volume and the nodes that have it. The request
// names no cloud: all are looked through.
func (s *Service) ControllerGetVolume(ctx context.Context, r *csi.ControllerGetVolumeRequest) (*csi.ControllerGetVolumeResponse, error) {
	var v block.Volume
	var err error
	for _, name := range slices.Sorted(maps.Keys(s.projects)) {
		if v, err = s.projects[name].existing(ctx, r.GetVolumeId()); status.Code(err) != codes.NotFound {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return &csi.ControllerGetVolumeResponse{
		Volume: s.describe(v), Status: &csi.ControllerGetVolumeResponse_VolumeStatus{PublishedNodeIds: nodes(v)},
	}, nil
}

// one reads a volume that must exist.
func (s *Service) one(ctx context.Context, id string, secrets map[string]string) (block.Volume, error) {
	p, err := s.project(secrets)
	if err != nil {
		return block.Volume{}, err
	}
	return p.existing(ctx, id)
}

func (p *project) existing(ctx context.Context, id string) (block.Volume, error) {
	if id == "" {
		return block.Volume{}, invalid("the request has no volume id")
	}
	v, err := p.volume(ctx, id)
	if err != nil {
		return v, unseen(ctx, "read volume "+id, err)
	}
	if v.Status == block.StatusGone {
		return v, status.Errorf(codes.NotFound, "there is no volume %s", id)
	}
	return v, nil
}

// GetCapacity tells what the project's quota leaves. What the storage itself has
// left only the operator of the cloud can see.
func (s *Service) GetCapacity(ctx context.Context, r *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	p := s.projects[s.options.Default]
	answer := &csi.GetCapacityResponse{MinimumVolumeSize: wrapperspb.Int64(gib)}
	zone := r.GetAccessibleTopology().GetSegments()[block.TopologyZone]
	if zone != "" && s.placed() {
		there, err := p.Zones(ctx)
		if err != nil {
			return nil, unseen(ctx, "list zones of the storage", err)
		}
		if len(there) > 0 && !slices.Contains(there, zone) {
			return answer, nil
		}
	}
	limits, err := p.Limits(ctx)
	if err != nil {
		return nil, unseen(ctx, "read limits of the project", err)
	}
	answer.AvailableCapacity = left(limits)
	return answer, nil
}

// left is how much can still be made, in bytes.
func left(l block.Limits) int64 {
	if l.MaxVolumes >= 0 && l.UsedVolumes >= l.MaxVolumes {
		return 0
	}
	free := l.MaxGigabytes - l.UsedGigabytes
	if l.MaxGigabytes < 0 || free > math.MaxInt64/gib {
		return math.MaxInt64 / gib * gib
	}
	return max(free, 0) * gib
}

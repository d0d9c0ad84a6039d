package controller

import (
	"context"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"underlay/pkg/volumes/block"
)

// ailments are the statuses of a volume that its user should hear of.
var ailments = map[block.Status]struct {
	kind    csi.VolumeHealthErrorType
	message string
}{
	block.StatusError:          {csi.VolumeHealthErrorType_INACCESSIBLE, "Cinder has the volume in error: it cannot be attached"},
	block.StatusErrorRestoring: {csi.VolumeHealthErrorType_DATA_LOSS, "a backup was being restored onto the volume and failed: what is on it is not to be relied upon"},
	block.StatusErrorExtending: {csi.VolumeHealthErrorType_DEGRADED, "an extension failed: the volume works with its old size and cannot be attached anew"},
	block.StatusErrorDeleting:  {csi.VolumeHealthErrorType_DATA_LOSS, "the volume was being deleted and that failed: what is on it is not to be relied upon"},
	block.StatusErrorAttaching: {csi.VolumeHealthErrorType_DEGRADED, "an attachment failed and was not undone"},
	block.StatusErrorDetaching: {csi.VolumeHealthErrorType_DEGRADED, "a detachment failed and was not undone"},
	block.StatusErrorBackingUp: {csi.VolumeHealthErrorType_DEGRADED, "a backup failed: the volume works and cannot be attached anew"},
}

// health is what a volume's status says of it: nothing where all is well.
func health(v block.Volume) *csi.VolumeHealth {
	h := &csi.VolumeHealth{VolumeId: v.ID}
	if a, ok := ailments[v.Status]; ok {
		h.HealthStatuses = []*csi.VolumeHealth_VolumeHealthEntry{{Status: a.kind, Reason: camel(string(v.Status)), Message: a.message}}
	}
	return h
}

// camel turns a status into a reason: "error_backing-up" is ErrorBackingUp.
func camel(name string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// ControllerGetVolumeHealth tells what is wrong with a volume, as far as Cinder knows.
func (s *Service) ControllerGetVolumeHealth(ctx context.Context, r *csi.ControllerGetVolumeHealthRequest) (*csi.ControllerGetVolumeHealthResponse, error) {
	v, err := s.one(ctx, r.GetVolumeId(), r.GetSecrets())
	if err != nil {
		return nil, err
	}
	return &csi.ControllerGetVolumeHealthResponse{VolumeHealth: health(v)}, nil
}

// ControllerListVolumeHealth lists the volumes with which something is wrong, of
// one page of all volumes.
func (s *Service) ControllerListVolumeHealth(ctx context.Context, r *csi.ControllerListVolumeHealthRequest) (*csi.ControllerListVolumeHealthResponse, error) {
	page, next, err := s.volumePage(ctx, r.GetStartingToken(), r.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	answer := &csi.ControllerListVolumeHealthResponse{NextToken: next}
	for _, v := range page {
		if h := health(v); len(h.HealthStatuses) > 0 {
			answer.Entries = append(answer.Entries, h)
		}
	}
	return answer, nil
}

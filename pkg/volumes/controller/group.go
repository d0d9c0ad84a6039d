package controller

import (
	"context"

	"underlay/pkg/volumes/block"
)

// leaveGroup takes a volume out of the group that was made for a group snapshot:
// Cinder deletes no volume of a group.
func (s *Service) leaveGroup(ctx context.Context, p *project, v block.Volume) error {
	if v.GroupID == "" {
		return nil
	}
	if err := p.SetGroupVolumes(ctx, v.GroupID, nil, []string{v.ID}); err != nil {
		return unwritten(ctx, "take volume "+v.ID+" out of group "+v.GroupID, err)
	}
	return nil
}

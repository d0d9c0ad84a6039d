package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// server asks Nova how a server is doing.
func (p *project) server(ctx context.Context, id string) (verdict.Server, error) {
	server, err := p.Server(ctx, id)
	if errors.Is(err, cloud.ErrNotFound) {
		return verdict.Gone, nil
	}
	if err != nil {
		return verdict.Unasked, unseen(ctx, "read server "+id, err)
	}
	return verdict.Classify(server), nil
}

// holders asks for the servers of attachments: Gone if all are, else how the first
// that is there is doing.
func (p *project) holders(ctx context.Context, attachments []block.Attachment) (verdict.Server, error) {
	state := verdict.Unasked
	for _, a := range attachments {
		if a.ServerID == "" {
			return verdict.Unasked, nil
		}
		var err error
		if state, err = p.server(ctx, a.ServerID); err != nil || state != verdict.Gone {
			return state, err
		}
	}
	return state, nil
}

// holding are the servers that have a volume or are about to: of those Cinder tells
// only with its attachments.
func (p *project) holding(ctx context.Context, v block.Volume) ([]string, error) {
	ids := nodes(v)
	if v.Status == block.StatusGone {
		return ids, nil
	}
	all, err := p.Attachments(ctx, v.ID)
	if err != nil && !errors.Is(err, cloud.ErrUnsupported) {
		return nil, unseen(ctx, "list the attachments of volume "+v.ID, err)
	}
	for _, a := range all {
		if a.ServerID != "" && !slices.Contains(ids, a.ServerID) {
			ids = append(ids, a.ServerID)
		}
	}
	return ids, nil
}

// knows asks Nova whether it has the volume at the server. A server that is gone
// has nothing.
func (p *project) knows(ctx context.Context, serverID, volumeID string) (bool, error) {
	listed, err := p.ServerVolumes(ctx, serverID)
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unseen(ctx, "read the volumes of server "+serverID, err)
	}
	for _, a := range listed {
		if a.VolumeID == volumeID {
			return true, nil
		}
	}
	return false, nil
}

// clearOrphans deletes Cinder's attachments to servers of which Nova, asked just
// before, knows nothing. Cinder asks Nova once more and refuses where Nova still
// has the volume (cinder/volume/api.py, attachment_deletion_allowed).
func (s *Service) clearOrphans(ctx context.Context, p *project, v block.Volume, orphans []block.Attachment) error {
	for _, a := range orphans {
		if a.ID == "" {
			return unfinished("volume %s is attached to server %s, of which Nova knows nothing, and Cinder does not tell the id of the attachment", v.ID, a.ServerID)
		}
		if err := p.DeleteAttachment(ctx, a.ID); err != nil && !errors.Is(err, cloud.ErrNotFound) {
			return unwritten(ctx, "delete the attachment of volume "+v.ID+" to server "+a.ServerID+", of which Nova knows nothing", err)
		}
		s.announce(ctx, v, eventOrphan, fmt.Sprintf("Volume %s was left attached to server %s, of which Nova knows nothing: the attachment is removed", v.ID, a.ServerID))
	}
	return nil
}

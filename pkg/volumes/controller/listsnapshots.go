package controller

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
)

// The list of snapshots has Cinder's snapshots first and its backups after them.
// A token is one of these and the id of the last entry of the page before.
const (
	tokenSnapshot = "s/"
	tokenBackup   = "b/"
)

// ListSnapshots lists snapshots and backups, a page at a time, as ready as they are.
func (s *Service) ListSnapshots(ctx context.Context, r *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	p, err := s.project(r.GetSecrets())
	if err != nil {
		return nil, err
	}
	if r.GetMaxEntries() < 0 {
		return nil, invalid("max_entries is negative")
	}
	if r.GetSnapshotId() != "" {
		return s.listOne(ctx, p, r)
	}
	page, next, err := p.copies(ctx, r.GetSourceVolumeId(), r.GetStartingToken(), int(r.GetMaxEntries()))
	if err != nil {
		return nil, err
	}
	told, err := s.describeCopies(ctx, p, page...)
	if err != nil {
		return nil, err
	}
	answer := &csi.ListSnapshotsResponse{NextToken: next}
	for _, d := range told {
		answer.Entries = append(answer.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: d})
	}
	return answer, nil
}

// listOne lists the one snapshot or backup that the request names, or nothing.
func (s *Service) listOne(ctx context.Context, p *project, r *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	c, err := p.look(ctx, r.GetSnapshotId())
	if status.Code(err) == codes.NotFound || err == nil && r.GetSourceVolumeId() != "" && c.volumeID != r.GetSourceVolumeId() {
		return &csi.ListSnapshotsResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := s.describeCopy(ctx, p, c)
	if err != nil {
		return nil, err
	}
	return &csi.ListSnapshotsResponse{Entries: []*csi.ListSnapshotsResponse_Entry{{Snapshot: d}}}, nil
}

// GetSnapshot tells how one snapshot or backup does.
func (s *Service) GetSnapshot(ctx context.Context, r *csi.GetSnapshotRequest) (*csi.GetSnapshotResponse, error) {
	p, err := s.project(r.GetSecrets())
	if err != nil {
		return nil, err
	}
	if r.GetSnapshotId() == "" {
		return nil, invalid("the request has no snapshot id")
	}
	c, err := p.look(ctx, r.GetSnapshotId())
	if err != nil {
		return nil, err
	}
	d, err := s.describeCopy(ctx, p, c)
	if err != nil {
		return nil, err
	}
	return &csi.GetSnapshotResponse{Snapshot: d}, nil
}

// look reads one copy. One that failed is an error with the reason, since it will
// never be ready; the sidecar shows it to the user. A backup that has come to its
// end gives up the snapshot that it was made from.
func (p *project) look(ctx context.Context, id string) (copied, error) {
	c, err := p.copied(ctx, id)
	if err != nil {
		return c, err
	}
	if c.status == block.SnapshotGone {
		return c, status.Errorf(codes.NotFound, "there is no snapshot or backup %s", id)
	}
	if err := p.tidy(ctx, c); err != nil {
		return c, err
	}
	if c.status == block.SnapshotError {
		why := c.reason
		if why == "" {
			why = p.reason(ctx, id)
		}
		return c, status.Errorf(codes.FailedPrecondition, "Cinder could not take %s %s: %s", c.kind(), id, why)
	}
	return c, nil
}

// copies reads one page of at most most entries, 0 for what the cloud gives at once.
func (p *project) copies(ctx context.Context, volumeID, token string, most int) ([]copied, string, error) {
	var page []copied
	marker, inBackups := strings.CutPrefix(token, tokenBackup)
	if !inBackups {
		after, ok := strings.CutPrefix(token, tokenSnapshot)
		if token != "" && !ok {
			return nil, "", unfinished("the token %q is not one of this list: begin again", token)
		}
		snapshots, next, err := p.SnapshotPage(ctx, volumeID, after, most)
		if err != nil {
			return nil, "", listed(ctx, "list snapshots", after, err)
		}
		for _, s := range snapshots {
			page = append(page, ofSnapshot(s))
		}
		page = slices.DeleteFunc(page, func(c copied) bool { return c.metadata[metadataTemporary] != "" })
		if next != "" {
			return page, tokenSnapshot + next, nil
		}
		marker = ""
	}
	return p.backupsAfter(ctx, page, volumeID, marker, most)
}

// backupsAfter fills a page with backups. A page that is full already only learns
// whether there are any.
func (p *project) backupsAfter(ctx context.Context, page []copied, volumeID, marker string, most int) ([]copied, string, error) {
	room := most - len(page)
	full := most > 0 && room <= 0
	if full {
		room = 1
	} else if most == 0 {
		room = 0
	}
	backups, next, err := p.BackupPage(ctx, volumeID, marker, room)
	if marker == "" && (errors.Is(err, cloud.ErrUnsupported) || errors.Is(err, cloud.ErrNotFound)) {
		return page, "", nil // a cloud without backups
	}
	if err != nil {
		return nil, "", listed(ctx, "list backups", marker, err)
	}
	if full {
		if len(backups) > 0 {
			return page, tokenBackup, nil
		}
		return page, "", nil
	}
	for _, b := range backups {
		page = append(page, ofBackup(b))
	}
	if next != "" {
		return page, tokenBackup + next, nil
	}
	return page, "", nil
}

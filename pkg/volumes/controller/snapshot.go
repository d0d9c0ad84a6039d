package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// Parameters of a VolumeSnapshotClass. force-create is accepted and not needed:
// a volume in use is always forced, since a snapshot of it is what is asked for.
// backup-max-duration-seconds-per-gb is accepted and not needed either: nothing
// waits for a backup.
const (
	paramCopy        = "type"
	copySnapshot     = "snapshot"
	copyBackup       = "backup"
	paramCopyZone    = "availability"
	paramIncremental = "incremental"
)

// copying is one CreateSnapshot.
type copying struct {
	s              *Service
	p              *project
	name, volumeID string
	// zone is that of the backup, or "".
	zone string
	// incremental says that a backup builds upon the latest one of the volume.
	incremental bool
	metadata    map[string]string
	// asked says that this request has sent its one POST.
	asked bool
}

// CreateSnapshot takes a snapshot, or finds the one that an earlier request with
// this name has taken. It does not wait until the copy is ready: the sidecar asks
// how it does.
func (s *Service) CreateSnapshot(ctx context.Context, r *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if r.GetName() == "" || r.GetSourceVolumeId() == "" {
		return nil, invalid("the request has no name or no source volume id")
	}
	c := &copying{s: s, name: r.GetName(), volumeID: r.GetSourceVolumeId(), metadata: map[string]string{block.MetadataCluster: s.options.Cluster}}
	backup, err := c.readParameters(r.GetParameters())
	if err != nil {
		return nil, err
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "the snapshot name "+c.name)
	if err != nil {
		return nil, err
	}
	defer done()
	c.p = p
	var taken copied
	if backup {
		taken, err = c.backUp(ctx)
	} else if err = c.usable(ctx, r.GetAccessibilityRequirements()); err == nil {
		taken, err = c.snapshot(ctx)
	}
	if err != nil {
		return nil, err
	}
	answer, err := s.describeCopy(ctx, p, taken)
	if err != nil {
		return nil, err
	}
	return &csi.CreateSnapshotResponse{Snapshot: answer}, nil
}

func (c *copying) readParameters(parameters map[string]string) (backup bool, err error) {
	for name, value := range parameters {
		switch {
		case strings.EqualFold(name, paramCopy):
			if value != copySnapshot && value != copyBackup {
				return false, invalid("the parameter type of a VolumeSnapshotClass is snapshot or backup, not %q", value)
			}
			backup = value == copyBackup
		case strings.EqualFold(name, paramCopyZone):
			c.zone = value
		case strings.EqualFold(name, paramIncremental):
			if c.incremental, err = strconv.ParseBool(value); err != nil {
				return false, invalid("the parameter incremental of a VolumeSnapshotClass is true or false, not %q", value)
			}
		case strings.EqualFold(name, paramMetadata):
			extra, err := readMetadata(value)
			if err != nil {
				return false, err
			}
			addMetadata(c.metadata, extra)
		case strings.HasPrefix(name, sidecarPrefix+"volumesnapshot"):
			c.metadata[name] = value
		}
	}
	return backup, nil
}

// snapshot goes round until the snapshot is taken or cannot be.
func (c *copying) snapshot(ctx context.Context) (copied, error) {
	for {
		found, err := c.p.SnapshotsNamed(ctx, c.name)
		if err != nil {
			return copied{}, unseen(ctx, "look for snapshot "+c.name, err)
		}
		all := make([]copied, 0, len(found))
		for _, s := range found {
			all = append(all, ofSnapshot(s))
		}
		taken, extras, err := c.choose(all)
		if err != nil {
			return taken, err
		}
		ended, err := c.step(ctx, taken, extras, c.ask)
		if ended || err != nil {
			return taken, err
		}
	}
}

// choose picks, of the copies of the name that this cluster made, the oldest that
// can be used.
func (c *copying) choose(all []copied) (copied, []copied, error) {
	all = slices.DeleteFunc(all, func(x copied) bool { return x.name != c.name || !sameCluster(x.metadata, c.metadata) })
	if len(all) == 0 {
		return copied{name: c.name, status: block.SnapshotGone}, nil, nil
	}
	rank := func(x copied) int {
		switch verdict.Decide(verdict.CreateSnapshot, verdict.Facts{Status: string(x.status)}).Do {
		case verdict.Done:
			return 0
		case verdict.Wait:
			return 2
		default:
			return 1
		}
	}
	slices.SortFunc(all, func(a, b copied) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.created.Compare(b.created), cmp.Compare(a.id, b.id))
	})
	if all[0].volumeID != c.volumeID {
		return all[0], nil, status.Errorf(codes.AlreadyExists, "%s %s (%s) exists, of volume %s, and one of %s is asked for", all[0].kind(), c.name, all[0].id, all[0].volumeID, c.volumeID)
	}
	return all[0], all[1:], nil
}

// step does what the state of a copy calls for. It says whether that was all.
func (c *copying) step(ctx context.Context, taken copied, extras []copied, ask func(context.Context) error) (bool, error) {
	rule := verdict.Decide(verdict.CreateSnapshot, verdict.Facts{Status: string(taken.status)})
	switch rule.Do {
	case verdict.Done:
		for _, x := range extras {
			if x.status == block.SnapshotErrorDeleting {
				continue
			}
			if err := c.p.dropCopy(ctx, x); err != nil {
				return false, unfinished("%s %s was taken twice, and %s is not deleted yet: %s", x.kind(), x.name, x.id, status.Convert(err).Message())
			}
		}
		return true, nil
	case verdict.Act:
		if c.asked {
			return false, unfinished("snapshot %s was taken, and has been deleted by somebody else", c.name)
		}
		return false, ask(ctx)
	case verdict.Wait:
		_, err := c.p.settleCopy(ctx, taken, func(s block.SnapshotStatus) bool {
			return verdict.Decide(verdict.CreateSnapshot, verdict.Facts{Status: string(s)}).Do != verdict.Wait
		})
		return false, err
	case verdict.Clear:
		return false, c.discard(ctx, taken)
	default:
		return false, refusal(rule, taken.kind()+" "+taken.id, string(taken.status), "")
	}
}

// discard deletes a copy of ours that failed, and answers with the reason.
func (c *copying) discard(ctx context.Context, taken copied) error {
	why := taken.reason
	if why == "" {
		why = c.p.reason(ctx, taken.id)
	}
	if why == "" {
		why = "Cinder does not say why"
	}
	if err := c.p.dropCopy(ctx, taken); err != nil {
		return unfinished("%s %s (%s) failed: %s; and it is not deleted yet: %s", taken.kind(), taken.name, taken.id, why, status.Convert(err).Message())
	}
	if taken.backup {
		if err := c.p.dropTemporary(ctx, taken); err != nil {
			return err
		}
	}
	return status.Errorf(codes.ResourceExhausted, "Cinder could not take %s %s: %s", taken.kind(), taken.name, why)
}

// ask sends the POST of a snapshot.
func (c *copying) ask(ctx context.Context) error {
	v, err := c.p.ready(ctx, verdict.SnapshotVolume, c.volumeID)
	if err != nil {
		return err
	}
	c.asked = true
	taken, err := c.p.CreateSnapshot(ctx, block.SnapshotRequest{
		Name: c.name, Description: "Created by " + block.DriverName, VolumeID: v.ID, Force: v.Status == block.StatusInUse, Metadata: c.metadata,
	})
	if errors.Is(err, cloud.ErrInvalid) {
		return status.Errorf(codes.FailedPrecondition, "take snapshot %s: %v", c.name, err)
	}
	if err != nil {
		return unwritten(ctx, "take snapshot "+c.name, err)
	}
	c.p.places.keep(taken.ID, v.AvailabilityZone)
	klog.FromContext(ctx).Info("Snapshot is being taken", "snapshot", taken.ID, "name", taken.Name, "volume", v.ID)
	return nil
}

// DeleteSnapshot deletes a snapshot or a backup and waits until it is gone.
func (s *Service) DeleteSnapshot(ctx context.Context, r *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if r.GetSnapshotId() == "" {
		return nil, invalid("the request has no snapshot id")
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "snapshot "+r.GetSnapshotId())
	if err != nil {
		return nil, err
	}
	defer done()
	c, err := p.copied(ctx, r.GetSnapshotId())
	if err != nil {
		return nil, err
	}
	if c.group != "" {
		return nil, invalid("snapshot %s is part of the group snapshot %s and can only be deleted with it", c.id, c.group)
	}
	if c.backup { // first: when the backup is gone nobody finds what it was made from
		if err := p.dropTemporary(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := p.dropCopy(ctx, c); err != nil {
		return nil, err
	}
	return &csi.DeleteSnapshotResponse{}, nil
}

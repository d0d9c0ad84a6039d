package cli

import (
	"context"
	"errors"
	"fmt"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/openstack"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/volumes/block"
)

// openStorage gives the storage of the same cloud. It makes no call.
func openStorage(cfg *config.Config, client *openstack.Client) *storage.Client {
	return storage.New(client.Session(), storage.Options{IgnoreMicroversion: cfg.BlockStorage.IgnoreVolumeMicroversion})
}

// holdings are volumes with what was copied from them.
type holdings struct {
	volumes   []block.Volume
	snapshots []block.Snapshot
	backups   []block.Backup
}

// readHoldings reads all of the project, of which it keeps what has such metadata.
// A cloud without Cinder holds nothing.
func readHoldings(ctx context.Context, from *storage.Client, ours func(metadata map[string]string) bool) (*holdings, error) {
	h := &holdings{}
	volumes, err := readPages(func(marker string) ([]block.Volume, string, error) { return from.VolumePage(ctx, marker, 0) },
		func(v block.Volume) bool { return ours(v.Metadata) })
	if errors.Is(err, cloud.ErrUnsupported) {
		return h, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	h.volumes = volumes
	h.snapshots, err = readPages(func(marker string) ([]block.Snapshot, string, error) { return from.SnapshotPage(ctx, "", marker, 0) },
		func(s block.Snapshot) bool { return ours(s.Metadata) || h.holds(s.VolumeID) })
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	h.backups, err = readPages(func(marker string) ([]block.Backup, string, error) { return from.BackupPage(ctx, "", marker, 0) },
		func(b block.Backup) bool { return ours(b.Metadata) })
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	return h, nil
}

func (h *holdings) holds(volumeID string) bool {
	for _, v := range h.volumes {
		if v.ID == volumeID {
			return true
		}
	}
	return false
}

// readPages reads all pages of a list, and keeps what is wanted.
func readPages[T any](read func(marker string) ([]T, string, error), wanted func(T) bool) ([]T, error) {
	var all []T
	for marker := ""; ; {
		page, next, err := read(marker)
		if err != nil {
			return nil, err
		}
		for _, one := range page {
			if wanted(one) {
				all = append(all, one)
			}
		}
		if next == "" || next == marker {
			return all, nil
		}
		marker = next
	}
}

// The keys under which the CSI sidecars' volumes name their claims.
const (
	claimNamespace = "csi.storage.k8s.io/pvc/namespace"
	claimName      = "csi.storage.k8s.io/pvc/name"
)

// claimOf is the claim that a volume was made for, "" where nobody knows.
func claimOf(metadata map[string]string) string {
	if metadata[claimName] == "" {
		return ""
	}
	return metadata[claimNamespace] + "/" + metadata[claimName]
}

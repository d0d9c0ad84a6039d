package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/volumes/block"
)

// storageClusters are the values of the CSI driver's --cluster to look for: the
// one that was given, else the identities of the cluster.
func (o *cleanupOptions) storageClusters() []string {
	all := []string{o.volumeCluster}
	if o.volumeCluster == "" {
		all = []string{o.whose.UID, o.whose.Name}
	}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

// volumes adds the volumes, snapshots and backups of the cluster: to what is kept,
// or to the work if they shall go. They hold data, which no crash of a cluster and
// no other flag deletes.
func (o *cleanupOptions) volumes(ctx context.Context, store *storage.Client, work *cleaning) error {
	clusters := o.storageClusters()
	if len(clusters) == 0 {
		return nil
	}
	ours := func(metadata map[string]string) bool {
		return slices.Contains(clusters, metadata[block.MetadataCluster])
	}
	found, err := readHoldings(ctx, store, ours)
	if err != nil {
		return err
	}
	if !o.deleteVolumes {
		work.kept = append(work.kept, found.data(ours)...)
		return nil
	}
	var all []chain
	for _, v := range found.volumes {
		if reason := found.hinders(v, ours); reason != "" {
			work.kept = append(work.kept, keptThing{volumeLabel(v), reason})
			continue
		}
		all = append(all, found.emptying(store, v))
	}
	for _, s := range found.snapshots {
		if !found.holds(s.VolumeID) {
			all = append(all, chain{deleteSnapshot(store, s)})
		}
	}
	for _, b := range found.backups {
		all = append(all, chain{deleteBackup(store, b)})
	}
	work.phases = append(work.phases, all)
	return nil
}

// data is all of it, to be left alone.
func (h *holdings) data(ours func(map[string]string) bool) []keptThing {
	const why = "it holds data; --delete-volumes deletes it"
	var all []keptThing
	for _, v := range h.volumes {
		all = append(all, keptThing{volumeLabel(v), why})
	}
	for _, s := range h.snapshots {
		if ours(s.Metadata) {
			all = append(all, keptThing{"snapshot " + nameOf(s.Name, s.ID), why})
		}
	}
	for _, b := range h.backups {
		all = append(all, keptThing{"backup " + nameOf(b.Name, b.ID), why})
	}
	return all
}

// hinders says why a volume cannot go, or "". Its snapshots stay with it.
func (h *holdings) hinders(v block.Volume, ours func(map[string]string) bool) string {
	if len(v.Attachments) > 0 {
		return "it is attached to server " + v.Attachments[0].ServerID + ": delete that first"
	}
	for _, s := range h.snapshots {
		if s.VolumeID == v.ID && !ours(s.Metadata) {
			return "snapshot " + nameOf(s.Name, s.ID) + " of it is not the cluster's"
		}
	}
	return ""
}

// emptying deletes a volume after its snapshots.
func (h *holdings) emptying(store *storage.Client, v block.Volume) chain {
	var c chain
	for _, s := range h.snapshots {
		if s.VolumeID == v.ID {
			c = append(c, deleteSnapshot(store, s))
		}
	}
	return append(c, &chore{text: "delete " + volumeLabel(v) + " with its data", do: func(ctx context.Context) error {
		return end(ctx, store, v.ID, store.DeleteVolume, func(ctx context.Context, id string) (string, error) {
			now, err := store.Volume(ctx, id)
			return string(now.Status), err
		})
	}})
}

func deleteSnapshot(store *storage.Client, s block.Snapshot) *chore {
	return &chore{text: "delete snapshot " + nameOf(s.Name, s.ID), do: func(ctx context.Context) error {
		return end(ctx, store, s.ID, store.DeleteSnapshot, func(ctx context.Context, id string) (string, error) {
			now, err := store.Snapshot(ctx, id)
			return string(now.Status), err
		})
	}}
}

func deleteBackup(store *storage.Client, b block.Backup) *chore {
	return &chore{text: "delete backup " + nameOf(b.Name, b.ID), do: func(ctx context.Context) error {
		return end(ctx, store, b.ID, store.DeleteBackup, func(ctx context.Context, id string) (string, error) {
			now, err := store.Backup(ctx, id)
			return string(now.Status), err
		})
	}}
}

// deletionPoll is how often it is asked whether something is gone.
const deletionPoll = time.Second

// end deletes something and waits until it is gone.
func end(
	ctx context.Context, store *storage.Client, id string,
	begin func(context.Context, string) error, look func(context.Context, string) (string, error),
) error {
	if err := begin(ctx, id); err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return err
	}
	for {
		status, err := look(ctx, id)
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			return nil
		case err != nil:
			return err
		case strings.HasPrefix(status, "error"):
			return fmt.Errorf("it is %s%s", status, reasonOf(ctx, store, id))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is still %s: %w", status, ctx.Err())
		case <-time.After(deletionPoll):
		}
	}
}

// reasonOf is what Cinder says of a failure, or "".
func reasonOf(ctx context.Context, store *storage.Client, id string) string {
	messages, err := store.Messages(ctx, id)
	if err != nil || len(messages) == 0 {
		return ""
	}
	return ": " + messages[0].Text
}

func volumeLabel(v block.Volume) string {
	label := fmt.Sprintf("volume %s (%d GiB", nameOf(v.Name, v.ID), v.SizeGiB)
	if claim := claimOf(v.Metadata); claim != "" {
		label += " of claim " + claim
	}
	return label + ")"
}

func nameOf(name, id string) string {
	if name == "" {
		return id
	}
	return name
}

// countVolumes counts the volumes of each cluster of the CSI driver's.
func countVolumes(ctx context.Context, store *storage.Client) ([]volumeCount, error) {
	found, err := readHoldings(ctx, store, func(metadata map[string]string) bool { return metadata[block.MetadataCluster] != "" })
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, v := range found.volumes {
		counts[v.Metadata[block.MetadataCluster]]++
	}
	all := []volumeCount{}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, volumeCount{Cluster: name, Volumes: counts[name]})
	}
	return all, nil
}

// volumeCount is how many volumes the CSI driver made for a cluster.
type volumeCount struct {
	Cluster string `json:"cluster"`
	Volumes int    `json:"volumes"`
}

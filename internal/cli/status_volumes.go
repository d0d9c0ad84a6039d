package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/volumes/block"
)

// volumeStatus is one PersistentVolume on Cinder as status shows it.
type volumeStatus struct {
	Name  string `json:"persistentVolume"`
	Claim string `json:"claim"`
	// ID is Cinder's. Status is "gone" where Cinder does not know it.
	ID      string `json:"volume"`
	Status  string `json:"status"`
	SizeGiB int64  `json:"sizeGiB"`
	// AttachedTo are names of nodes, or ids of servers that are none.
	AttachedTo []string `json:"attachedTo"`
}

// volumeStatuses reads the PersistentVolumes, and where one is Cinder's the list
// of volumes.
func volumeStatuses(ctx context.Context, s *scene) ([]volumeStatus, error) {
	found, err := s.kubernetes.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list PersistentVolumes: %w", err)
	}
	all := []volumeStatus{}
	for i := range found.Items {
		if id := cinderOf(&found.Items[i]); id != "" {
			all = append(all, volumeStatus{Name: found.Items[i].Name, Claim: boundClaim(&found.Items[i]), ID: id, AttachedTo: []string{}})
		}
	}
	if len(all) == 0 {
		return all, nil
	}
	store := openStorage(s.config, s.cloud)
	volumes, err := readPages(func(marker string) ([]block.Volume, string, error) { return store.VolumePage(ctx, marker, 0) },
		func(block.Volume) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	names := s.nodeNames()
	for i := range all {
		at := slices.IndexFunc(volumes, func(v block.Volume) bool { return v.ID == all[i].ID })
		if at >= 0 {
			all[i].describe(volumes[at], names)
		} else if err := all[i].find(ctx, store, names); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(x, y volumeStatus) int { return strings.Compare(x.Name, y.Name) })
	return all, nil
}

// find looks for a volume that the list does not have: one of another project,
// or one that is no more.
func (one *volumeStatus) find(ctx context.Context, store *storage.Client, names map[string]string) error {
	volume, err := store.Volume(ctx, one.ID)
	if errors.Is(err, cloud.ErrNotFound) {
		one.Status = string(block.StatusGone)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read volume %s: %w", one.ID, err)
	}
	one.describe(volume, names)
	return nil
}

func (one *volumeStatus) describe(v block.Volume, names map[string]string) {
	one.Status, one.SizeGiB = string(v.Status), v.SizeGiB
	for _, a := range v.Attachments {
		one.AttachedTo = append(one.AttachedTo, cmp.Or(names[a.ServerID], a.ServerID))
	}
	slices.Sort(one.AttachedTo)
}

// cinderOf is the id of the Cinder volume of a PersistentVolume, or "".
func cinderOf(pv *v1.PersistentVolume) string {
	switch {
	case pv.Spec.CSI != nil && pv.Spec.CSI.Driver == block.DriverName:
		return pv.Spec.CSI.VolumeHandle
	case pv.Spec.Cinder != nil:
		return pv.Spec.Cinder.VolumeID
	}
	return ""
}

func boundClaim(pv *v1.PersistentVolume) string {
	if pv.Spec.ClaimRef == nil {
		return ""
	}
	return pv.Spec.ClaimRef.Namespace + "/" + pv.Spec.ClaimRef.Name
}

// nodeNames are the names of the nodes by the ids of their servers.
func (s *scene) nodeNames() map[string]string {
	names := map[string]string{}
	for _, node := range s.nodes {
		id := node.Spec.ProviderID
		names[id[strings.LastIndex(id, "/")+1:]] = node.Name
	}
	return names
}

func showVolumes(out io.Writer, p *page, all []volumeStatus) {
	if len(all) == 0 {
		return
	}
	line(out, "")
	t := &table{head: []string{"VOLUME", "CLAIM", "SIZE", "STATUS", "ATTACHED TO"}}
	for i := range all {
		one := &all[i]
		t.add(plain(one.Name), plain(cmp.Or(one.Claim, "-")), plain(one.size()), one.word(), plain(orDash(one.AttachedTo)))
	}
	t.write(out, p)
}

// size is unknown of a volume that is gone.
func (one *volumeStatus) size() string {
	if one.SizeGiB == 0 {
		return "-"
	}
	return fmt.Sprintf("%d GiB", one.SizeGiB)
}

// word is Cinder's word on the volume.
func (one *volumeStatus) word() cell {
	switch {
	case one.Status == string(block.StatusAvailable), one.Status == string(block.StatusInUse):
		return cell{one.Status, fine}
	case one.Status == string(block.StatusGone), strings.HasPrefix(one.Status, "error"):
		return cell{one.Status, wrong}
	default:
		return cell{one.Status, fair}
	}
}

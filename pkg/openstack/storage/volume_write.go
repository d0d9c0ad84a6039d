package storage

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/session"
	"underlay/pkg/volumes/block"
)

// Writes of volumes. To extend or retype twice is refused the second time in
// words that look final; to write the same metadata twice leaves the same.
var (
	opVolumeCreate   = session.Operation{Name: "volume_create", Method: http.MethodPost}
	opVolumeExpand   = session.Operation{Name: "volume_expand", Method: http.MethodPost}
	opVolumeRetype   = session.Operation{Name: "volume_retype", Method: http.MethodPost}
	opVolumeReset    = session.Operation{Name: "volume_reset_status", Method: http.MethodPost}
	opVolumeMetadata = session.Operation{Name: "volume_metadata_update", Method: http.MethodPost, Idempotent: true}
	opTypeList       = session.Operation{Name: "volume_type_list", Method: http.MethodGet}
)

// body is what a request says of one object.
type body map[string]any

// set adds a text unless it is empty.
func (b body) set(key, value string) body {
	if value != "" {
		b[key] = value
	}
	return b
}

func (b body) setMetadata(metadata map[string]string) body {
	if len(metadata) > 0 {
		b["metadata"] = metadata
	}
	return b
}

// CreateVolume keeps the contract of controller.Volumes. A snapshot, volume,
// backup or group that is not there gives cloud.ErrNotFound, a type that is not
// there cloud.ErrInvalid.
func (c *Client) CreateVolume(ctx context.Context, wish block.VolumeRequest) (block.Volume, error) {
	volume := body{"size": wish.SizeGiB}.set("name", wish.Name).set("description", wish.Description).
		set("volume_type", wish.Type).set("availability_zone", wish.AvailabilityZone).
		set("source_volid", wish.SourceVolumeID).set("snapshot_id", wish.SourceSnapshotID).
		set("backup_id", wish.SourceBackupID).set("group_id", wish.GroupID).setMetadata(wish.Metadata)
	whole := body{"volume": volume}
	hints := map[string][]string{}
	if len(wish.SameHost) > 0 {
		hints["same_host"] = wish.SameHost
	}
	if len(wish.DifferentHost) > 0 {
		hints["different_host"] = wish.DifferentHost
	}
	if len(hints) > 0 {
		whole["OS-SCH-HNT:scheduler_hints"] = hints
	}
	var said struct{ Volume cinderVolume }
	err := c.session.Send(ctx, session.Request{
		Op: opVolumeCreate, Of: c.cinder, Path: []string{"volumes"}, Into: &said,
		BodyAt: func(minor int) (any, error) {
			if wish.SourceBackupID != "" && minor < fromBackup {
				// An older Cinder overlooks the backup and makes an empty volume.
				return nil, unsupported(opVolumeCreate, fromBackup, "a volume made from a backup")
			}
			return whole, nil
		},
	})
	made := said.Volume.block()
	made.SourceBackupID = wish.SourceBackupID
	return made, err
}

// act does something to a volume.
func (c *Client) act(ctx context.Context, op session.Operation, id, action string, what any) error {
	if err := session.Unfit(id); err != nil {
		return &cloud.Error{Class: cloud.ErrNotFound, Request: op.Name, Message: err.Error()}
	}
	return c.session.Send(ctx, session.Request{
		Op: op, Of: c.cinder, Path: []string{"volumes", id, "action"}, Body: body{action: what},
	})
}

// ExtendVolume keeps the contract of controller.Volumes.
func (c *Client) ExtendVolume(ctx context.Context, id string, sizeGiB int64) error {
	err := c.act(ctx, opVolumeExpand, id, "os-extend", body{"new_size": sizeGiB})
	var told *cloud.Error
	if !errors.As(err, &told) || !errors.Is(told.Class, cloud.ErrBusy) || !strings.HasSuffix(told.Message, "currently in-use.") {
		return err
	}
	if minor, asking := c.session.Minor(ctx, c.cinder); asking == nil && minor < extendInUse {
		return unsupported(opVolumeExpand, extendInUse, "to grow a volume that is in use")
	}
	return err
}

// Retype keeps the contract of controller.VolumeChanger.
func (c *Client) Retype(ctx context.Context, id, volumeType string, migrate bool) error {
	policy := "never"
	if migrate {
		policy = "on-demand"
	}
	return c.act(ctx, opVolumeRetype, id, "os-retype", body{"new_type": volumeType, "migration_policy": policy})
}

// ResetError keeps the contract of controller.VolumeChanger.
func (c *Client) ResetError(ctx context.Context, id string) error {
	return c.act(ctx, opVolumeReset, id, "os-reset_status", body{"status": string(block.StatusAvailable)})
}

// SetMetadata keeps the contract of controller.VolumeChanger.
func (c *Client) SetMetadata(ctx context.Context, id string, metadata map[string]string) error {
	if err := session.Unfit(id); err != nil {
		return &cloud.Error{Class: cloud.ErrNotFound, Request: opVolumeMetadata.Name, Message: err.Error()}
	}
	return c.session.Send(ctx, session.Request{
		Op: opVolumeMetadata, Of: c.cinder, Path: []string{"volumes", id, "metadata"}, Body: body{"metadata": metadata},
	})
}

// Type keeps the contract of controller.VolumeChanger, by one list of the types
// that the project may use: Cinder finds one alone only by id. An id wins over a name.
func (c *Client) Type(ctx context.Context, nameOrID string) (block.Type, error) {
	type cinderType struct {
		ID    string            `json:"id"`
		Name  string            `json:"name"`
		Specs map[string]string `json:"extra_specs"`
	}
	all, err := session.Collect[cinderType](ctx, c.session, session.Listing{
		Op: opTypeList, Of: c.cinder, Path: []string{"types"}, Key: "volume_types",
	})
	if err != nil {
		return block.Type{}, err
	}
	var found block.Type
	for _, one := range all {
		if one.ID != nameOrID && one.Name != nameOrID {
			continue
		}
		// cinder/volume/volume_utils.py, is_boolean_str
		multiattach := strings.EqualFold(one.Specs["multiattach"], "<is> true")
		found = block.Type{ID: one.ID, Name: one.Name, Multiattach: multiattach, ExtraSpecs: one.Specs}
		if one.ID == nameOrID {
			break
		}
	}
	if found.ID == "" {
		return found, &cloud.Error{Class: cloud.ErrNotFound, Request: opTypeList.Name, Message: "there is no volume type " + nameOrID}
	}
	return found, nil
}

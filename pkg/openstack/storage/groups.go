package storage

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/session"
	"underlay/pkg/volumes/block"
)

// Operations on groups of volumes and their snapshots
// (https://docs.openstack.org/api-ref/block-storage/v3/#generic-volume-groups-groups).
var (
	opGroupGet            = session.Operation{Name: "group_get", Method: http.MethodGet}
	opGroupList           = session.Operation{Name: "group_list", Method: http.MethodGet}
	opGroupCreate         = session.Operation{Name: "group_create", Method: http.MethodPost}
	opGroupUpdate         = session.Operation{Name: "group_update", Method: http.MethodPut}
	opGroupDelete         = session.Operation{Name: "group_delete", Method: http.MethodPost, Idempotent: true}
	opGroupSnapshotGet    = session.Operation{Name: "group_snapshot_get", Method: http.MethodGet}
	opGroupSnapshotList   = session.Operation{Name: "group_snapshot_list", Method: http.MethodGet}
	opGroupSnapshotCreate = session.Operation{Name: "group_snapshot_create", Method: http.MethodPost}
	opGroupSnapshotDelete = session.Operation{Name: "group_snapshot_delete", Method: http.MethodDelete, Idempotent: true}
)

type cinderGroup struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Type        string   `json:"group_type"`
	Zone        string   `json:"availability_zone"`
	Status      string   `json:"status"`
	VolumeTypes []string `json:"volume_types"`
	Volumes     []string `json:"volumes"`
}

func (g cinderGroup) block() block.Group {
	return block.Group{
		ID: g.ID, Name: g.Name, Description: g.Description, Type: g.Type, AvailabilityZone: g.Zone,
		Status: block.Status(g.Status), VolumeTypes: g.VolumeTypes, VolumeIDs: g.Volumes,
	}
}

type cinderGroupSnapshot struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Group       string `json:"group_id"`
	Status      string `json:"status"`
	CreatedAt   moment `json:"created_at"`
}

func (s cinderGroupSnapshot) block() block.GroupSnapshot {
	return block.GroupSnapshot{
		ID: s.ID, Name: s.Name, Description: s.Description, GroupID: s.Group,
		Status: block.SnapshotStatus(s.Status), CreatedAt: s.CreatedAt.Time,
	}
}

// withVolumes has a group tell its volumes (3.25).
func withVolumes() url.Values { return url.Values{"list_volume": {"true"}} }

// Group keeps the contract of controller.Groups.
func (c *Client) Group(ctx context.Context, id string) (block.Group, error) {
	found, err := read[cinderGroup](ctx, c, session.Request{
		Op: opGroupGet, Of: c.cinder, Path: []string{"groups", id}, Query: withVolumes(),
	}, "group")
	return found.block(), err
}

// AllGroups keeps the contract of controller.Groups.
func (c *Client) AllGroups(ctx context.Context) ([]block.Group, error) {
	found, err := session.Collect[cinderGroup](ctx, c.session, session.Listing{
		Op: opGroupList, Of: c.cinder, Path: []string{"groups", "detail"}, Key: "groups", Query: withVolumes(),
	})
	return convert(found, err, cinderGroup.block)
}

// GroupsNamed keeps the contract of controller.Groups.
func (c *Client) GroupsNamed(ctx context.Context, name string) ([]block.Group, error) {
	found, err := named(ctx, c, session.Listing{
		Op: opGroupList, Of: c.cinder, Path: []string{"groups", "detail"}, Key: "groups", Query: withVolumes(),
	}, name, func(g cinderGroup) string { return g.Name })
	return convert(found, err, cinderGroup.block)
}

// CreateGroup keeps the contract of controller.Groups. Cinder's answer has only
// the id and the name; the rest is as it was wished, and creating.
func (c *Client) CreateGroup(ctx context.Context, wish block.Group) (block.Group, error) {
	group := body{"group_type": wish.Type, "volume_types": wish.VolumeTypes}.set("name", wish.Name).
		set("description", wish.Description).set("availability_zone", wish.AvailabilityZone)
	var said struct{ Group cinderGroup }
	err := c.session.Send(ctx, session.Request{
		Op: opGroupCreate, Of: c.cinder, Path: []string{"groups"}, Body: body{"group": group}, Into: &said,
	})
	wish.ID, wish.Status, wish.VolumeIDs = said.Group.ID, block.StatusCreating, nil
	return wish, err
}

// SetGroupVolumes keeps the contract of controller.Groups.
func (c *Client) SetGroupVolumes(ctx context.Context, id string, add, remove []string) error {
	change := body{}.set("add_volumes", strings.Join(add, ",")).set("remove_volumes", strings.Join(remove, ","))
	if len(change) == 0 {
		return nil
	}
	return c.byID(ctx, session.Request{Op: opGroupUpdate, Of: c.cinder, Path: []string{"groups", id}, Body: body{"group": change}})
}

// DeleteGroup keeps the contract of controller.Groups. It never deletes volumes: a
// group that has some is refused.
func (c *Client) DeleteGroup(ctx context.Context, id string) error {
	if err := session.Unfit(id); err != nil {
		return &cloud.Error{Class: cloud.ErrNotFound, Request: opGroupDelete.Name, Message: err.Error()}
	}
	return c.session.Send(ctx, session.Request{
		Op: opGroupDelete, Of: c.cinder, Path: []string{"groups", id, "action"}, Body: body{"delete": body{"delete-volumes": false}},
	})
}

// GroupSnapshot keeps the contract of controller.Groups.
func (c *Client) GroupSnapshot(ctx context.Context, id string) (block.GroupSnapshot, error) {
	found, err := read[cinderGroupSnapshot](ctx, c, session.Request{
		Op: opGroupSnapshotGet, Of: c.cinder, Path: []string{"group_snapshots", id},
	}, "group_snapshot")
	return found.block(), err
}

// GroupSnapshotsNamed keeps the contract of controller.Groups.
func (c *Client) GroupSnapshotsNamed(ctx context.Context, name string) ([]block.GroupSnapshot, error) {
	found, err := named(ctx, c, session.Listing{
		Op: opGroupSnapshotList, Of: c.cinder, Path: []string{"group_snapshots", "detail"}, Key: "group_snapshots",
	}, name, func(s cinderGroupSnapshot) string { return s.Name })
	return convert(found, err, cinderGroupSnapshot.block)
}

// CreateGroupSnapshot keeps the contract of controller.Groups. Cinder's answer has
// only the id and the name; it is creating.
func (c *Client) CreateGroupSnapshot(ctx context.Context, name, groupID string) (block.GroupSnapshot, error) {
	var said struct {
		Made cinderGroupSnapshot `json:"group_snapshot"`
	}
	err := c.session.Send(ctx, session.Request{
		Op: opGroupSnapshotCreate, Of: c.cinder, Path: []string{"group_snapshots"},
		Body: body{"group_snapshot": body{"group_id": groupID, "name": name}}, Into: &said,
	})
	return block.GroupSnapshot{ID: said.Made.ID, Name: name, GroupID: groupID, Status: block.SnapshotCreating}, err
}

// DeleteGroupSnapshot keeps the contract of controller.Groups.
func (c *Client) DeleteGroupSnapshot(ctx context.Context, id string) error {
	return c.byID(ctx, session.Request{Op: opGroupSnapshotDelete, Of: c.cinder, Path: []string{"group_snapshots", id}})
}

// SnapshotsOfGroup keeps the contract of controller.Groups. Cinder does not list
// by group snapshot (etc/cinder/resource_filters.json), so all of the project's
// snapshots are read.
func (c *Client) SnapshotsOfGroup(ctx context.Context, groupSnapshotID string) ([]block.Snapshot, error) {
	all, err := session.Collect[cinderSnapshot](ctx, c.session, c.snapshotList(""))
	if err != nil {
		return nil, err
	}
	var out []block.Snapshot
	for _, one := range all {
		if one.GroupSnapshot == groupSnapshotID {
			out = append(out, one.block())
		}
	}
	return out, nil
}

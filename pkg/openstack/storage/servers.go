package storage

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"underlay/pkg/openstack/session"
	"underlay/pkg/volumes/block"
)

// Operations on attachments (https://docs.openstack.org/api-ref/compute/#servers-with-volume-attachments-servers-os-volume-attachments).
// To attach or detach twice may do it twice, if somebody undid it meanwhile.
var (
	opServerGet        = session.Operation{Name: "server_get", Method: http.MethodGet}
	opVolumeAttach     = session.Operation{Name: "volume_attach", Method: http.MethodPost}
	opVolumeDetach     = session.Operation{Name: "volume_detach", Method: http.MethodDelete}
	opAttachmentList   = session.Operation{Name: "volume_attachment_list", Method: http.MethodGet}
	opHoldList         = session.Operation{Name: "attachment_list", Method: http.MethodGet}
	opAttachmentDelete = session.Operation{Name: "attachment_delete", Method: http.MethodDelete, Idempotent: true}
)

// Server keeps the contract of controller.Attacher. cloud.ErrNotFound is only what
// Nova itself says.
func (c *Client) Server(ctx context.Context, id string) (block.Server, error) {
	type novaServer struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Status     string `json:"status"`
		Zone       string `json:"OS-EXT-AZ:availability_zone"`
		HostStatus string `json:"host_status"`
		TaskState  string `json:"OS-EXT-STS:task_state"`
	}
	found, err := read[novaServer](ctx, c, session.Request{Op: opServerGet, Of: c.nova, Path: []string{"servers", id}}, "server")
	return block.Server{
		ID: found.ID, Name: found.Name, Status: block.ServerStatus(found.Status), AvailabilityZone: found.Zone,
		HostStatus: found.HostStatus, TaskState: found.TaskState,
	}, err
}

// Attach keeps the contract of controller.Attacher. cloud.ErrNotFound is said of
// the server and of the volume alike.
func (c *Client) Attach(ctx context.Context, serverID, volumeID string) error {
	return c.session.Send(ctx, session.Request{
		Op: opVolumeAttach, Of: c.nova, Path: []string{"servers", serverID, "os-volume_attachments"},
		Body: body{"volumeAttachment": body{"volumeId": volumeID}},
	})
}

// Detach keeps the contract of controller.Attacher. cloud.ErrNotFound is said of
// the server, of the volume, and of a volume that the server does not have.
func (c *Client) Detach(ctx context.Context, serverID, volumeID string) error {
	return c.byID(ctx, session.Request{
		Op: opVolumeDetach, Of: c.nova, Path: []string{"servers", serverID, "os-volume_attachments", volumeID},
	})
}

// ServerVolumes keeps the contract of controller.Attacher.
func (c *Client) ServerVolumes(ctx context.Context, serverID string) ([]block.ServerVolume, error) {
	type attachment struct {
		VolumeID     string `json:"volumeId"`
		AttachmentID string `json:"attachment_id"`
		Device       string `json:"device"`
	}
	found, err := session.Collect[attachment](ctx, c.session, session.Listing{
		Op: opAttachmentList, Of: c.nova, Path: []string{"servers", serverID, "os-volume_attachments"}, Key: "volumeAttachments",
	})
	return convert(found, err, func(a attachment) block.ServerVolume { return block.ServerVolume(a) })
}

// Attachments keeps the contract of controller.Attacher.
func (c *Client) Attachments(ctx context.Context, volumeID string) ([]block.Attachment, error) {
	type attachment struct {
		ID       string `json:"id"`
		VolumeID string `json:"volume_id"`
		Server   string `json:"instance"`
	}
	found, err := session.Collect[attachment](ctx, c.session, session.Listing{
		Op: opHoldList, Of: c.cinder, Path: []string{"attachments"}, Query: url.Values{"volume_id": {volumeID}},
	})
	// Cinder leaves out a filter that its operator does not allow.
	found = slices.DeleteFunc(found, func(a attachment) bool { return a.VolumeID != volumeID })
	return convert(found, err, func(a attachment) block.Attachment { return block.Attachment{ID: a.ID, ServerID: a.Server} })
}

// DeleteAttachment keeps the contract of controller.Attacher. Where Nova still
// knows the attachment it gives cloud.ErrBusy.
func (c *Client) DeleteAttachment(ctx context.Context, attachmentID string) error {
	return c.byID(ctx, session.Request{Op: opAttachmentDelete, Of: c.cinder, Path: []string{"attachments", attachmentID}})
}

package tenant

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Storage is Cinder's type in the catalog, whose address has the project in it.
const Storage = "volumev3"

// Volume is a volume of Cinder, or a snapshot of one.
type Volume struct {
	ID, Name, Status string
	// Size is in GiB.
	Size     int
	Metadata map[string]string
	// Type is the name of its volume type.
	Type string `json:"volume_type"`
	// Attachments are the servers that it is attached to.
	Attachments []struct {
		ServerID string `json:"server_id"`
	}
}

// volumeTimeout is how long a volume may take to come or to go.
const volumeTimeout = 2 * time.Minute

// Volumes are all of the project.
func (c *Client) Volumes(ctx context.Context) ([]Volume, error) {
	var answer struct{ Volumes []Volume }
	if err := c.call(ctx, http.MethodGet, Storage, "/volumes/detail", nil, &answer); err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	return answer.Volumes, nil
}

// Snapshots are all of the project.
func (c *Client) Snapshots(ctx context.Context) ([]Volume, error) {
	var answer struct{ Snapshots []Volume }
	if err := c.call(ctx, http.MethodGet, Storage, "/snapshots/detail", nil, &answer); err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	return answer.Snapshots, nil
}

// MakeVolume makes a volume by hand and waits until it is available.
func (c *Client) MakeVolume(ctx context.Context, name string, gib int) (Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, volumeTimeout)
	defer cancel()
	var answer struct{ Volume Volume }
	err := c.call(ctx, http.MethodPost, Storage, "/volumes", object{"volume": object{"name": name, "size": gib}}, &answer)
	for err == nil && answer.Volume.Status != "available" {
		if answer.Volume.Status == "error" {
			return answer.Volume, fmt.Errorf("make volume %s: it is in error", name)
		}
		if err = pause(ctx, 200*time.Millisecond); err == nil {
			err = c.call(ctx, http.MethodGet, Storage, "/volumes/"+answer.Volume.ID, nil, &answer)
		}
	}
	if err != nil {
		return answer.Volume, fmt.Errorf("make volume %s: %w", name, err)
	}
	return answer.Volume, nil
}

// DeleteVolume deletes a volume with its snapshots and waits until it is gone.
func (c *Client) DeleteVolume(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, volumeTimeout)
	defer cancel()
	err := c.call(ctx, http.MethodDelete, Storage, "/volumes/"+id+"?cascade=true", nil, nil)
	for err == nil {
		if err = pause(ctx, 200*time.Millisecond); err == nil {
			err = c.call(ctx, http.MethodGet, Storage, "/volumes/"+id, nil, nil)
		}
	}
	if IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("delete volume %s: %w", id, err)
}

// Attached are the ids of the volumes that a server has; none when it is gone.
func (c *Client) Attached(ctx context.Context, serverID string) ([]string, error) {
	var answer struct {
		Attachments []struct {
			VolumeID string `json:"volumeId"`
		} `json:"volumeAttachments"`
	}
	err := c.call(ctx, http.MethodGet, compute, "/servers/"+serverID+"/os-volume_attachments", nil, &answer)
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the volumes of server %s: %w", serverID, err)
	}
	var ids []string
	for _, attachment := range answer.Attachments {
		ids = append(ids, attachment.VolumeID)
	}
	return ids, nil
}

// Zone is a server's availability zone.
func (c *Client) Zone(ctx context.Context, serverID string) (string, error) {
	var answer struct {
		Server struct {
			Zone string `json:"OS-EXT-AZ:availability_zone"`
		}
	}
	if err := c.call(ctx, http.MethodGet, compute, "/servers/"+serverID, nil, &answer); err != nil {
		return "", fmt.Errorf("read the zone of server %s: %w", serverID, err)
	}
	return answer.Server.Zone, nil
}

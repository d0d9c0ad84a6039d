package storage

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"underlay/pkg/openstack/session"
	"underlay/pkg/volumes/block"
)

var (
	opLimits      = session.Operation{Name: "limits_get", Method: http.MethodGet}
	opMessageList = session.Operation{Name: "message_list", Method: http.MethodGet}
	opZoneList    = session.Operation{Name: "availability_zone_list", Method: http.MethodGet}
)

// zonesAge is how long the list of zones is believed: a cloud gets a new one in years.
const zonesAge = 10 * time.Minute

// Limits keeps the contract of controller.Project.
func (c *Client) Limits(ctx context.Context) (block.Limits, error) {
	var said struct {
		Limits struct {
			Absolute struct {
				Volumes       int64 `json:"maxTotalVolumes"`
				VolumesUsed   int64 `json:"totalVolumesUsed"`
				Gigabytes     int64 `json:"maxTotalVolumeGigabytes"`
				GigabytesUsed int64 `json:"totalGigabytesUsed"`
			}
		}
	}
	err := c.session.Send(ctx, session.Request{Op: opLimits, Of: c.cinder, Path: []string{"limits"}, Into: &said})
	absolute := said.Limits.Absolute
	return block.Limits{
		MaxVolumes: absolute.Volumes, UsedVolumes: absolute.VolumesUsed,
		MaxGigabytes: absolute.Gigabytes, UsedGigabytes: absolute.GigabytesUsed,
	}, err
}

// Messages keeps the contract of controller.Project.
func (c *Client) Messages(ctx context.Context, resourceID string) ([]block.Message, error) {
	type message struct {
		Resource string `json:"resource_uuid"`
		Text     string `json:"user_message"`
		Event    string `json:"event_id"`
	}
	all, err := session.Collect[message](ctx, c.session, session.Listing{
		Op: opMessageList, Of: c.cinder, Path: []string{"messages"},
		Query: url.Values{"resource_uuid": {resourceID}, "sort": {"created_at:desc"}},
	})
	if absent(err) {
		return nil, nil
	}
	// Before 3.5 the filter does nothing.
	all = slices.DeleteFunc(all, func(m message) bool { return m.Resource != resourceID })
	return convert(all, err, func(m message) block.Message {
		return block.Message{ResourceID: m.Resource, Text: m.Text, EventID: m.Event}
	})
}

// readZones lists the zones that can be used, by name.
func (c *Client) readZones(ctx context.Context) ([]string, error) {
	type zone struct {
		Name  string                   `json:"zoneName"`
		State struct{ Available bool } `json:"zoneState"`
	}
	all, err := session.Collect[zone](ctx, c.session, session.Listing{
		Op: opZoneList, Of: c.cinder, Path: []string{"os-availability-zone"}, Key: "availabilityZoneInfo",
	})
	all = slices.DeleteFunc(all, func(z zone) bool { return !z.State.Available })
	names, err := convert(all, err, func(z zone) string { return z.Name })
	slices.Sort(names)
	return names, err
}

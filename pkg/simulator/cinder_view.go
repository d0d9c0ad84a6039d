package simulator

import (
	"maps"
	"strconv"
)

// How a volume looks, by microversion, as cinder/api/v3/views/volumes.py and the
// extensions in cinder/api/contrib have it.

func cinderLinks(r *request, path string) []map[string]string {
	project := "/" + r.Token.ProjectID
	return []map[string]string{
		{"rel": "self", "href": r.BaseURL + "/v3" + project + path},
		{"rel": "bookmark", "href": r.BaseURL + project + path},
	}
}

func (s *cinder) volumeBrief(r *request, v *cinderVolume) map[string]any {
	return map[string]any{"id": v.ID, "name": nullable(v.Name), "links": cinderLinks(r, "/volumes/"+v.ID)}
}

func (s *cinder) volumeDetail(r *request, v *cinderVolume) map[string]any {
	view := map[string]any{
		"id": v.ID, "name": nullable(v.Name), "description": nullable(v.Description), "status": v.Status, "size": v.size,
		"availability_zone": v.zone, "created_at": cinderTime(v.Created), "updated_at": cinderTime(v.Updated),
		"attachments": s.attachmentViews(r, v), "volume_type": v.kind.Name, "snapshot_id": nullable(v.snapshotID),
		"source_volid": nullable(v.sourceID), "metadata": maps.Clone(v.Metadata), "links": cinderLinks(r, "/volumes/"+v.ID),
		"user_id": v.UserID, "bootable": strconv.FormatBool(v.bootable), "encrypted": v.encrypted, "multiattach": v.multiattach,
		"replication_status": nil, "consistencygroup_id": nil, "os-vol-tenant-attr:tenant_id": v.ProjectID,
		"migration_status": nil,
	}
	if v.imageID != "" {
		view["volume_image_metadata"] = map[string]any{"image_id": v.imageID}
	}
	add := func(minor int, key string, value any) {
		if r.since(minor) {
			view[key] = value
		}
	}
	add(13, "group_id", nullable(v.groupID))
	add(47, "backup_id", nil) // its metadata has src_backup_id
	add(48, "service_uuid", nil)
	add(48, "shared_targets", false)
	add(63, "volume_type_id", v.kind.ID)
	add(65, "consumes_quota", true)
	if v.encrypted {
		add(64, "encryption_key_id", nil)
	}
	if r.Token.Admin {
		view["migration_status"] = nullable(v.migration)
		view["os-vol-host-attr:host"] = nullable(v.host)
		view["os-vol-mig-status-attr:migstat"] = nullable(v.migration)
		view["os-vol-mig-status-attr:name_id"] = nil
		add(21, "provider_id", nil)
		add(61, "cluster_name", nil)
	}
	return view
}

// attachmentViews are the attachments of which the volume tells: only those that
// are attached. The host is for admins.
func (s *cinder) attachmentViews(r *request, v *cinderVolume) []any {
	views := []any{}
	for _, a := range s.attachmentsOf(v) {
		if a.Status != cinderAttached && a.Status != cinderDetaching {
			continue
		}
		view := map[string]any{
			"id": v.ID, "attachment_id": a.ID, "volume_id": v.ID, "server_id": a.serverID, "host_name": nil,
			"device": a.device, "attached_at": cinderTime(a.attachedAt),
		}
		if r.Token.Admin {
			view["host_name"] = a.host
		}
		views = append(views, view)
	}
	return views
}

// listVolumes serves GET /volumes and GET /volumes/detail.
func (s *cinder) listVolumes(r *request) (any, error) {
	zone := func(v *cinderVolume) string { return v.zone }
	size := func(v *cinderVolume) string { return strconv.Itoa(v.size) }
	list := cinderList[*cinderVolume]{
		name: "volumes", what: "Volume", table: &s.volumes, brief: s.volumeBrief, detail: s.volumeDetail,
		filters: map[string]func(*cinderVolume) string{
			"availability_zone": zone, "size": size,
			"group_id":         func(v *cinderVolume) string { return v.groupID },
			"migration_status": func(v *cinderVolume) string { return v.migration },
			"bootable":         func(v *cinderVolume) string { return strconv.FormatBool(v.bootable) },
		},
		keys: map[string]func(*cinderVolume) string{
			"availability_zone": zone,
			"size":              func(v *cinderVolume) string { return strconv.Itoa(1000000 + v.size) },
			"bootable":          func(v *cinderVolume) string { return strconv.FormatBool(v.bootable) },
			"host":              func(v *cinderVolume) string { return v.host },
		},
	}
	return list.serve(r)
}

// summarizeVolumes is GET /volumes/summary.
func (s *cinder) summarizeVolumes(r *request) (any, error) {
	count, size := 0, 0
	for _, v := range s.volumes.of(r.Token.ProjectID) {
		count, size = count+1, size+v.size
	}
	return map[string]any{"volume-summary": map[string]int{"total_count": count, "total_size": size}}, nil
}

package simulator

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// One volume: create, show, update, metadata, as cinder/api/v3/volumes.py,
// volume_metadata.py and cinder/volume/flows/api/create_volume.py have them.

func (s *cinder) registerVolumes(t routeTable) {
	s.on(t, "POST /volumes", 0, http.StatusAccepted, s.createVolume)
	s.on(t, "GET /volumes", 0, http.StatusOK, s.listVolumes)
	s.on(t, "GET /volumes/detail", 0, http.StatusOK, s.listVolumes)
	s.on(t, "GET /volumes/summary", 12, http.StatusOK, s.summarizeVolumes)
	s.on(t, "GET /volumes/{id}", 0, http.StatusOK, s.oneVolume(func(r *request, v *cinderVolume) (any, error) {
		return map[string]any{"volume": s.volumeDetail(r, v)}, nil
	}))
	s.on(t, "PUT /volumes/{id}", 0, http.StatusOK, s.oneVolume(s.updateVolume))
	s.on(t, "DELETE /volumes/{id}", 0, http.StatusAccepted, s.oneVolume(s.deleteVolume))
	s.on(t, "GET /volumes/{id}/metadata", 0, http.StatusOK, s.oneVolume(func(_ *request, v *cinderVolume) (any, error) {
		return map[string]any{"metadata": v.Metadata}, nil
	}))
	s.on(t, "POST /volumes/{id}/metadata", 0, http.StatusOK, s.oneVolume(s.writeVolumeMetadata))
	s.on(t, "PUT /volumes/{id}/metadata", 0, http.StatusOK, s.oneVolume(s.writeVolumeMetadata))
	s.on(t, "GET /volumes/{id}/metadata/{key}", 0, http.StatusOK, s.oneVolume(s.showVolumeMetadata))
	s.on(t, "PUT /volumes/{id}/metadata/{key}", 0, http.StatusOK, s.oneVolume(s.setVolumeMetadata))
	s.on(t, "DELETE /volumes/{id}/metadata/{key}", 0, http.StatusOK, s.oneVolume(s.deleteVolumeMetadata))
}

// oneVolume finds the volume in the path.
func (s *cinder) oneVolume(run func(r *request, v *cinderVolume) (any, error)) cinderOperation {
	return func(r *request) (any, error) {
		v, err := s.volume(r, r.Vars["id"])
		if err != nil {
			return nil, err
		}
		return run(r, v)
	}
}

// volumeBody is what POST /volumes knows (cinder/api/schemas/volumes.py).
type volumeBody struct {
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	Size        json.RawMessage `json:"size"`
	Type        *string         `json:"volume_type"`
	Zone        *string         `json:"availability_zone"`
	Metadata    cinderMetadata  `json:"metadata"`
	Image       *string         `json:"imageRef"`
	ImageID     *string         `json:"image_id"`
	Snapshot    *string         `json:"snapshot_id"`
	Source      *string         `json:"source_volid"`
	Backup      *string         `json:"backup_id"`
	Group       *string         `json:"group_id"`
	Multiattach json.RawMessage `json:"multiattach"`
}

// volumeKeys are the properties of a volume, with the microversion that brought
// each. What else a body has is not heard before 3.53, and refused since.
var volumeKeys = map[string]int{
	"name": 0, "description": 0, "display_name": 0, "display_description": 0, "size": 0, "volume_type": 0, "availability_zone": 0,
	"metadata": 0, "imageRef": 0, "image_id": 0, "snapshot_id": 0, "source_volid": 0, "consistencygroup_id": 0, "multiattach": 0,
	"source_replica": 0, "status": 0, "user_id": 0, "project_id": 0, "attach_status": 0, "group_id": 13, "backup_id": 47,
}

// settle forgets what the microversion does not know, and refuses ids that are none.
func (b *volumeBody) settle(r *request) error {
	if !r.since(volumeKeys["group_id"]) {
		b.Group = nil
	}
	if !r.since(volumeKeys["backup_id"]) {
		b.Backup = nil
	}
	for _, id := range []*string{b.Snapshot, b.Source, b.Backup, b.Group} {
		if given(id) != "" && !uuidText.MatchString(*id) {
			return badCinderField("volume", "'"+*id+"' is not a 'uuid'")
		}
	}
	return nil
}

// cinderMetadata is keys and values, each a text of at most 255 characters.
type cinderMetadata map[string]string

func (m cinderMetadata) check() error {
	for key, value := range m {
		if key == "" || len(key) > 255 || len(value) > 255 {
			return badCinderField("metadata", "'"+key+"' or its value is too long or too short")
		}
	}
	return nil
}

// errCinderKey marks the refusal of a key that nobody knows.
var errCinderKey = errors.New("unknown key")

// checkCinderKeys refuses a body without its object or with keys that nobody knows.
func checkCinderKeys(r *request, object string, known map[string]int) error {
	var outer, sent map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &outer); err != nil {
		return errCinderBody
	}
	if err := r.decode(object, &sent); err != nil || sent == nil {
		return cinderErrorf(http.StatusBadRequest, "'", object, "' is a required property")
	}
	for _, key := range slices.Sorted(maps.Keys(sent)) {
		if since, found := known[key]; !found || !r.since(since) {
			return errors.Join(badCinderField(object, "Additional properties are not allowed ('"+key+"' was unexpected)"), errCinderKey)
		}
	}
	return nil
}

func given(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// cinderSize reads a size, a number or its text; 0 is none.
func cinderSize(raw json.RawMessage) (size int, err error) {
	text := string(raw)
	if text == "" || text == "null" || text == `""` {
		return 0, nil
	}
	if text[0] == '"' {
		if json.Unmarshal(raw, &text) != nil {
			return 0, badCinderField("size", text+" is not valid")
		}
	}
	size, failed := strconv.Atoi(text)
	if failed != nil || size <= 0 {
		return 0, badCinderInput("Invalid volume size provided for create request: ", text,
			" (size argument must be an integer (or string representation of an integer) and greater than zero).")
	}
	return size, nil
}

func (s *cinder) createVolume(r *request) (any, error) {
	if err := checkCinderKeys(r, "volume", volumeKeys); err != nil && (r.since(53) || !errors.Is(err, errCinderKey)) {
		return nil, err
	}
	var wanted volumeBody
	if err := r.decode("volume", &wanted); err != nil {
		return nil, badCinderField("volume", "a value has the wrong type")
	}
	if err := wanted.settle(r); err != nil {
		return nil, err
	}
	hints, err := readHints(r)
	if err != nil {
		return nil, err
	}
	v, err := s.wantedVolume(r, &wanted)
	if err != nil {
		return nil, err
	}
	if err := s.checkVolumeQuota(v.ProjectID, v.size); err != nil {
		return nil, err
	}
	if err := s.devices.create(v); err != nil {
		return nil, err
	}
	v.Description = given(wanted.Description)
	s.volumes.add(v)
	s.build(v, hints, r.RequestID)
	return map[string]any{"volume": s.volumeDetail(r, v)}, nil
}

// wantedVolume checks what is asked for and makes the volume, which nobody sees yet.
func (s *cinder) wantedVolume(r *request, wanted *volumeBody) (*cinderVolume, error) {
	size, err := cinderSize(wanted.Size)
	if err != nil {
		return nil, err
	}
	if err := wanted.Metadata.check(); err != nil {
		return nil, err
	}
	if len(given(wanted.Name)) > 255 || len(given(wanted.Description)) > 255 {
		return nil, badCinderField("name", "is too long")
	}
	v := &cinderVolume{cinderBase: s.newBase(r.Token.ProjectID, r.Token.UserID, cinderCreating), size: size, zone: given(wanted.Zone)}
	v.Name = given(wanted.Name)
	maps.Copy(v.Metadata, wanted.Metadata)
	if name := given(wanted.Type); name != "" {
		if v.kind = s.typeNamed(r, name); v.kind == nil {
			return nil, cinderErrorf(http.StatusNotFound, "Volume type with name ", name, " could not be found.")
		}
	}
	for _, take := range []func(*request, *volumeBody, *cinderVolume) error{s.fromSource, s.fromGroup, s.inZone} {
		if err := take(r, wanted, v); err != nil {
			return nil, err
		}
	}
	if v.kind == nil {
		v.kind = s.types[0]
	}
	v.multiattach, v.encrypted = v.kind.multiattach(), v.kind.Encrypted
	return v, nil
}

// inZone: the zone is the source's unless one is named, and must be the same
// (cloned_volume_same_az).
func (s *cinder) inZone(_ *request, wanted *volumeBody, v *cinderVolume) error {
	zones := s.cloud.options.VolumeZones
	asked := given(wanted.Zone)
	switch {
	case asked != "" && !slices.Contains(zones, asked):
		return cinderErrorf(http.StatusBadRequest, "Availability zone '", asked, "' is invalid.")
	case v.zone == "":
		v.zone = zones[0]
	case asked != "" && v.zone != asked:
		what := "source volume"
		if v.snapshotID != "" {
			what = "snapshot"
		}
		return badCinderInput("Volume must be in the same availability zone as the ", what)
	}
	return nil
}

func (s *cinder) updateVolume(r *request, v *cinderVolume) (any, error) {
	known := map[string]int{"name": 0, "description": 0, "display_name": 0, "display_description": 0, "metadata": 0}
	if err := checkCinderKeys(r, "volume", known); err != nil {
		return nil, err
	}
	var wanted volumeBody
	if err := r.decode("volume", &wanted); err != nil {
		return nil, badCinderField("volume", "a value has the wrong type")
	}
	if err := wanted.Metadata.check(); err != nil {
		return nil, err
	}
	if wanted.Name != nil {
		v.Name = *wanted.Name
	}
	if wanted.Description != nil {
		v.Description = *wanted.Description
	}
	if wanted.Metadata != nil {
		v.Metadata = maps.Clone(wanted.Metadata)
	}
	v.Updated = s.now()
	return map[string]any{"volume": s.volumeDetail(r, v)}, nil
}

// writeVolumeMetadata adds to the metadata (POST) or replaces it (PUT).
func (s *cinder) writeVolumeMetadata(r *request, v *cinderVolume) (any, error) {
	metadata, err := newMetadata(r, v.Metadata)
	if err != nil {
		return nil, err
	}
	if slices.Contains([]string{"maintenance", "uploading"}, v.Status) {
		return nil, invalidVolume("Updating volume metadata is not allowed for volumes in ", v.Status, " status.")
	}
	v.Metadata, v.Updated = metadata, s.now()
	return map[string]any{"metadata": v.Metadata}, nil
}

// newMetadata is what POST, which adds, and PUT, which replaces, make of metadata.
func newMetadata(r *request, old map[string]string) (map[string]string, error) {
	var sent cinderMetadata
	if err := r.decode("metadata", &sent); err != nil || sent == nil {
		return nil, badCinderField("metadata", "it is a required object of texts")
	}
	if err := sent.check(); err != nil {
		return nil, err
	}
	metadata := map[string]string{}
	if r.Method == http.MethodPost {
		maps.Copy(metadata, old)
	}
	maps.Copy(metadata, sent)
	return metadata, nil
}

func (s *cinder) showVolumeMetadata(r *request, v *cinderVolume) (any, error) {
	value, found := v.Metadata[r.Vars["key"]]
	if !found {
		return nil, noMetadataKey(r, v)
	}
	return map[string]any{"meta": map[string]string{r.Vars["key"]: value}}, nil
}

func noMetadataKey(r *request, v *cinderVolume) error {
	return cinderErrorf(http.StatusNotFound, "Volume ", v.ID, " has no metadata with key ", r.Vars["key"], ".")
}

func (s *cinder) setVolumeMetadata(r *request, v *cinderVolume) (any, error) {
	var sent cinderMetadata
	value := ""
	err := r.decode("meta", &sent)
	if err == nil && len(sent) == 1 {
		value, err = sent[r.Vars["key"]], sent.check()
	}
	if _, found := sent[r.Vars["key"]]; err != nil || !found || len(sent) != 1 {
		return nil, cinderErrorf(http.StatusBadRequest, "Request body and URI mismatch")
	}
	v.Metadata[r.Vars["key"]], v.Updated = value, s.now()
	return map[string]any{"meta": sent}, nil
}

func (s *cinder) deleteVolumeMetadata(r *request, v *cinderVolume) (any, error) {
	if _, found := v.Metadata[r.Vars["key"]]; !found {
		return nil, noMetadataKey(r, v)
	}
	delete(v.Metadata, r.Vars["key"])
	v.Updated = s.now()
	return accepted(nil)
}

package simulator

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// Volumes looked at and changed by hand: none of this counts as a call.

// VolumeTypeSpec is a volume type to add.
type VolumeTypeSpec struct {
	Name, Description string
	// Multiattach lets volumes of it be attached to several servers.
	Multiattach, Encrypted bool
	// ExtraSpecs beside multiattach; projects see few of them.
	ExtraSpecs map[string]string
	// Nowhere: no backend holds volumes of it, so that they end in error.
	Nowhere bool
	// Projects may use it; none means that everyone may.
	Projects []string
}

// AddVolumeType adds a volume type and gives its id.
func (c *Cloud) AddVolumeType(spec VolumeTypeSpec) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &cinderType{
		ID: newID(), Name: spec.Name, Description: spec.Description, Encrypted: spec.Encrypted,
		Public: len(spec.Projects) == 0, projects: slices.Clone(spec.Projects), specs: map[string]string{},
	}
	maps.Copy(k.specs, spec.ExtraSpecs)
	if spec.Multiattach {
		k.specs["multiattach"] = "<is> True"
	}
	if spec.Nowhere {
		k.specs["volume_backend_name"] = "nowhere"
	}
	c.cinder.types = append(c.cinder.types, k)
	return k.ID
}

// VolumeSpec is a volume to add.
type VolumeSpec struct {
	Name, Description string
	// ID is a UUID; a new one if empty.
	ID string
	// SizeGiB is at least 1, which is the default.
	SizeGiB int
	// Type and Zone are the default ones if empty, Status is "available".
	Type, Zone, Status string
	Metadata           map[string]string
	// ProjectID is the owner's; default the plain member's.
	ProjectID string
	Bootable  bool
}

// AddVolume adds a volume that is there already, and gives its id. It panics
// when there is no such type or zone: a test or a demo has asked for what is not there.
func (c *Cloud) AddVolume(spec VolumeSpec) string {
	return seed(c, "add volume "+spec.Name, func(*neutron) (string, error) { return c.cinder.seed(spec) })
}

func (s *cinder) seed(spec VolumeSpec) (string, error) {
	projectID := spec.ProjectID
	if projectID == "" {
		projectID = s.cloud.projectID()
	}
	v := &cinderVolume{
		cinderBase: s.newBase(projectID, s.cloud.keystone.member.user.ID, cinderAvailable),
		size:       max(spec.SizeGiB, 1), kind: s.types[0], zone: s.cloud.options.VolumeZones[0], bootable: spec.Bootable,
	}
	v.Name, v.Description = spec.Name, spec.Description
	maps.Copy(v.Metadata, spec.Metadata)
	if spec.ID != "" {
		v.ID = spec.ID
	}
	if spec.Status != "" {
		v.Status = spec.Status
	}
	if spec.Zone != "" {
		v.zone = spec.Zone
	}
	if spec.Type != "" {
		at := slices.IndexFunc(s.types, func(k *cinderType) bool { return k.Name == spec.Type || k.ID == spec.Type })
		if at < 0 {
			return "", errors.New("no such volume type")
		}
		v.kind = s.types[at]
	}
	v.multiattach, v.encrypted = v.kind.multiattach(), v.kind.Encrypted
	if v.host = s.schedule(v, cinderHints{}); v.host == "" {
		return "", errors.New("no such zone")
	}
	if s.volumes.byID[v.ID] != nil {
		return "", errors.New("there is a volume " + v.ID)
	}
	if err := s.devices.create(v); err != nil {
		return "", err
	}
	s.volumes.add(v)
	return v.ID, nil
}

// SetVolumeStatus puts a volume into a status, whatever it was doing, e.g.
// "error_attaching" or "maintenance". Its attachments stay as they are. It panics
// when there is no such volume.
func (c *Cloud) SetVolumeStatus(id, status string) {
	c.changeVolume("set status of volume "+id, id, func(v *cinderVolume) {
		c.cinder.forgetWork(v)
		for _, a := range c.cinder.attachmentsOf(v) {
			c.cinder.forgetWork(a)
		}
		c.cinder.become(v, status)
	})
}

// SetVolumeMigration says that a volume is being moved, e.g. "migrating"; "" ends it.
func (c *Cloud) SetVolumeMigration(id, status string) {
	c.changeVolume("set migration of volume "+id, id, func(v *cinderVolume) { v.migration = status })
}

// RemoveVolume takes a volume away at once, as if it had never been, with its
// snapshots and attachments; servers do not have it any more.
func (c *Cloud) RemoveVolume(id string) {
	c.changeVolume("remove volume "+id, id, func(v *cinderVolume) {
		for _, s := range c.nova.servers {
			if held := s.volumeOf(id); held != nil {
				s.dropVolume(held)
			}
		}
		for _, n := range c.cinder.snapshotsOf(v) {
			c.cinder.dropSnapshot(n)
		}
		c.cinder.dropVolume(v)
	})
}

func (c *Cloud) changeVolume(what, id string, change func(v *cinderVolume)) {
	seed(c, what, func(*neutron) (struct{}, error) {
		v := c.cinder.volumes.byID[id]
		if v == nil {
			return struct{}{}, errors.New("no such volume")
		}
		change(v)
		return struct{}{}, nil
	})
}

// VolumeState is a volume as it is now.
type VolumeState struct {
	ID, Name, Description, ProjectID string
	Status, Type, Zone, Host         string
	SizeGiB                          int
	SnapshotID, SourceID, BackupID   string
	GroupID                          string
	Multiattach, Encrypted, Bootable bool
	Metadata                         map[string]string
	Attachments                      []AttachmentState
	Created, Updated                 time.Time
}

// AttachmentState is one of Cinder's attachments. Nova tells whether a server
// knows it: an orphan has none.
type AttachmentState struct {
	ID, VolumeID, ServerID string
	// Status is "reserved", "attaching" or "attached".
	Status, Device, Host string
	Nova                 bool
}

// Volumes are all volumes of all projects, oldest first.
func (c *Cloud) Volumes() []VolumeState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cinder.settle()
	all := make([]VolumeState, 0, len(c.cinder.volumes.rows))
	for _, v := range c.cinder.volumes.rows {
		all = append(all, c.cinder.state(v))
	}
	return all
}

// Volume is a volume as it is now; the zero value if there is none.
func (c *Cloud) Volume(id string) VolumeState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cinder.settle()
	if v := c.cinder.volumes.byID[id]; v != nil {
		return c.cinder.state(v)
	}
	return VolumeState{}
}

func (s *cinder) state(v *cinderVolume) VolumeState {
	state := VolumeState{
		ID: v.ID, Name: v.Name, Description: v.Description, ProjectID: v.ProjectID, Status: v.Status, Type: v.kind.Name,
		Zone: v.zone, Host: v.host, SizeGiB: v.size, SnapshotID: v.snapshotID, SourceID: v.sourceID, BackupID: v.backupID,
		GroupID: v.groupID, Multiattach: v.multiattach, Encrypted: v.encrypted, Bootable: v.bootable,
		Metadata: maps.Clone(v.Metadata), Created: v.Created, Updated: v.Updated,
	}
	for _, a := range s.attachmentsOf(v) {
		state.Attachments = append(state.Attachments, s.attachmentState(a))
	}
	return state
}

func (s *cinder) attachmentState(a *cinderAttachment) AttachmentState {
	return AttachmentState{
		ID: a.ID, VolumeID: a.volume.ID, ServerID: a.serverID, Status: a.Status, Device: a.device, Host: a.host,
		Nova: s.cloud.nova.uses(a),
	}
}

// Attachments are all of Cinder's attachments, oldest first.
func (c *Cloud) Attachments() []AttachmentState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cinder.settle()
	all := make([]AttachmentState, 0, len(c.cinder.attachments.rows))
	for _, a := range c.cinder.attachments.rows {
		all = append(all, c.cinder.attachmentState(a))
	}
	return all
}

// AttachVolumeByHand attaches a volume to a server at once, as somebody else
// would. It panics when that cannot be.
func (c *Cloud) AttachVolumeByHand(serverID, volumeID string) {
	seed(c, "attach volume "+volumeID, func(*neutron) (struct{}, error) {
		s, v := c.nova.byID[serverID], c.cinder.volumes.byID[volumeID]
		if s == nil || v == nil {
			return struct{}{}, errors.New("no such server or volume")
		}
		a, err := c.cinder.reserve(v, serverID, &token{UserID: v.UserID})
		if err != nil {
			return struct{}{}, err
		}
		made := &serverVolume{volume: v, attachment: a, id: newID(), device: c.nova.device(s)}
		if err := c.cinder.devices.attach(v.ID, v.size); err != nil {
			return struct{}{}, err
		}
		s.volumes = append(s.volumes, made)
		c.cinder.connect(a, map[string]any{"host": s.Host, "mountpoint": made.device})
		c.cinder.complete(a)
		return struct{}{}, nil
	})
}

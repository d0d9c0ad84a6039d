package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Volumes of servers, as nova/api/openstack/compute/volume_attachments.py,
// nova/compute/api.py (attach_volume, detach_volume) and what nova/compute/manager.py
// does in the end have them.

// serverVolume is a block device mapping.
type serverVolume struct {
	volume              *cinderVolume
	attachment          *cinderAttachment
	id, device, tag     string
	deleteOnTermination bool
}

// volumeRules are what a cloud may have set otherwise.
type volumeRules struct {
	// limit is how many volumes a server takes; 0 is without limit.
	limit int
	// orphans: a server that is deleted leaves its attachments behind.
	orphans bool
	// ownZone is cross_az_attach off.
	ownZone bool
}

// swapStates are the vm states in which volumes come and go. A server that is
// suspended, rescued, in error or being built refuses both.
var swapStates = []string{"active", "paused", "stopped", "resized", "soft-delete", "shelved", offloaded}

// swapStates are those of the request's microversion: 2.20 brought the shelved ones.
func (r *request) swapStates() []string {
	if !r.since(20) {
		return swapStates[:len(swapStates)-2]
	}
	return swapStates
}
func (n *nova) registerVolumes(t routeTable) {
	const path = "/servers/{id}/os-volume_attachments"
	t["GET "+path] = n.one(n.listVolumes)
	t["POST "+path] = n.one(n.attachVolume)
	t["GET "+path+"/{volume}"] = n.one(n.showVolume)
	t["PUT "+path+"/{volume}"] = n.one(n.updateVolume)
	t["DELETE "+path+"/{volume}"] = n.one(n.detachVolume)
}

// view is a volume of a server by microversion: since 2.89 it has no id of its
// own but names Cinder's attachment.
func (v *serverVolume) view(r *request, s *server) map[string]any {
	view := map[string]any{"volumeId": v.volume.ID, "serverId": s.ID}
	if v.device != "" { // a server without a host has not given one
		view["device"] = v.device
	}
	if !r.since(89) {
		view["id"] = v.volume.ID
	} else {
		view["attachment_id"], view["bdm_uuid"] = v.attachment.ID, v.id
	}
	if r.since(70) {
		view["tag"] = nullable(v.tag)
	}
	if r.since(79) {
		view["delete_on_termination"] = v.deleteOnTermination
	}
	return view
}

func (n *nova) listVolumes(r *request, s *server) response {
	views := []any{}
	for _, v := range s.volumes {
		views = append(views, v.view(r, s))
	}
	return novaOK("volumeAttachments", views)
}

// volumeOf finds a server's volume.
func (s *server) volumeOf(id string) *serverVolume {
	at := slices.IndexFunc(s.volumes, func(v *serverVolume) bool { return v.volume.ID == id })
	if at < 0 {
		return nil
	}
	return s.volumes[at]
}

func notAttached(r *request, s *server) response {
	return novaError(http.StatusNotFound, "Instance "+s.ID+" is not attached to volume "+r.Vars["volume"])
}

func (n *nova) showVolume(r *request, s *server) response {
	v := s.volumeOf(r.Vars["volume"])
	if v == nil {
		return notAttached(r, s)
	}
	return novaOK("volumeAttachment", v.view(r, s))
}

// updateVolume changes what a mapping says since 2.85; another volume, before and
// after, is swapped by Cinder alone.
func (n *nova) updateVolume(r *request, s *server) response {
	var wanted struct {
		VolumeID string `json:"volumeId"`
		Delete   *bool  `json:"delete_on_termination"`
	}
	if err := r.decode("volumeAttachment", &wanted); err != nil || wanted.VolumeID == "" {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute volumeAttachment. 'volumeId' is a required property")
	}
	v := s.volumeOf(r.Vars["volume"])
	switch {
	case !r.since(85) || wanted.VolumeID != r.Vars["volume"]:
		if !r.Token.Admin {
			return novaError(http.StatusForbidden, "Policy doesn't allow os_compute_api:os-volumes-attachments:swap to be performed.")
		}
		return novaError(http.StatusConflict, "volume "+r.Vars["volume"]+" is not migrating; this API should only be called by Cinder")
	case v == nil:
		return notAttached(r, s)
	}
	if wanted.Delete != nil {
		v.deleteOnTermination = *wanted.Delete
	}
	return response{Status: http.StatusAccepted}
}

// refuseState is a server that is locked, busy or in a state that does not allow it.
func (s *server) refuseState(action string, allowed []string) *response {
	inside := states[s.status()]
	message := ""
	switch {
	case s.Locked:
		message = "Instance " + s.ID + " is locked"
	case !slices.Contains(allowed, inside.vm):
		message = "Cannot '" + action + "' instance " + s.ID + " while it is in vm_state " + inside.vm
	case inside.task != nil:
		message = fmt.Sprintf("Cannot '%s' instance %s while it is in task_state %v", action, s.ID, inside.task)
	default:
		return nil
	}
	refused := novaError(http.StatusConflict, message)
	return &refused
}

type attachBody struct {
	VolumeID string          `json:"volumeId"`
	Device   *string         `json:"device"`
	Tag      string          `json:"tag"`
	Delete   json.RawMessage `json:"delete_on_termination"`
}

// attachKeys are the properties that POST knows, with the microversion of each.
var attachKeys = map[string]int{"volumeId": 1, "device": 1, "tag": 49, "delete_on_termination": 79}

func (n *nova) attachVolume(r *request, s *server) response {
	var wanted attachBody
	var keys map[string]json.RawMessage
	if r.decode("volumeAttachment", &keys) != nil || r.decode("volumeAttachment", &wanted) != nil || !uuidText.MatchString(wanted.VolumeID) {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute volumeAttachment. 'volumeId' is a required property")
	}
	for key := range keys {
		if since, known := attachKeys[key]; !known || !r.since(since) {
			return novaError(http.StatusBadRequest, "Invalid input for field/attribute volumeAttachment. "+
				"Additional properties are not allowed ('"+key+"' was unexpected)")
		}
	}
	v, refused := n.attachable(r, s, wanted.VolumeID)
	if refused != nil {
		return *refused
	}
	a, err := n.cloud.cinder.reserve(v, s.ID, r.Token)
	if err != nil {
		return novaError(http.StatusBadRequest, "Invalid input received: "+err.Error()+" (HTTP 400) (Request-ID: "+r.RequestID+")")
	}
	made := &serverVolume{
		volume: v, attachment: a, id: newID(), tag: wanted.Tag, device: n.device(s), deleteOnTermination: string(wanted.Delete) == "true",
	}
	s.volumes = append(s.volumes, made)
	if s.offloaded() { // nothing is connected, and all the same it is in use
		made.device = ""
		n.cloud.cinder.complete(a)
	} else {
		n.connect(s, made)
	}
	body := made.view(r, s)
	body["id"], body["device"] = v.ID, nullable(made.device)
	delete(body, "attachment_id")
	delete(body, "bdm_uuid")
	return novaOK("volumeAttachment", body)
}

// attachable finds the volume, and says why it cannot be attached.
func (n *nova) attachable(r *request, s *server, id string) (*cinderVolume, *response) {
	if refused := s.refuseState("attach_volume", r.swapStates()); refused != nil {
		return nil, refused
	}
	v, err := n.cloud.cinder.volume(r, id)
	if err != nil {
		missing := novaError(http.StatusNotFound, err.Error())
		return nil, &missing
	}
	return v, n.refuseVolume(r, s, v)
}

// refuseVolume says why a server cannot have a volume.
func (n *nova) refuseVolume(r *request, s *server, v *cinderVolume) *response {
	id, rules := v.ID, n.volumeRules
	inUse := slices.ContainsFunc(n.servers, func(other *server) bool { return other.volumeOf(id) != nil })
	switch {
	case s.volumeOf(id) != nil, inUse && !v.multiattach:
		return refuse("Invalid volume: volume " + id + " already attached")
	case rules.ownZone && v.zone != s.Zone:
		return refuse("Invalid volume: Instance " + s.ID + " and volume " + id + " are not in the same availability_zone. Instance is in " +
			s.Zone + ". Volume is in " + v.zone)
	case v.multiattach && !r.since(60):
		return refuse("Multiattach volumes are only supported starting with compute API version 2.60.")
	case v.multiattach && s.offloaded():
		return refuse("Attaching multiattach volumes is not supported for shelved-offloaded instances.")
	case rules.limit > 0 && len(s.volumes) >= rules.limit:
		refused := novaError(http.StatusForbidden, "The maximum allowed number of disk devices ("+strconv.Itoa(rules.limit+1)+
			") to attach to a single instance has been exceeded.")
		return &refused
	}
	return nil
}

// device is the next free device name; the root disk is /dev/vda.
func (n *nova) device(s *server) string {
	for i := 1; ; i++ {
		name := "/dev/vd"
		if i >= 26 {
			name += string(rune('a' + i/26 - 1))
		}
		name += string(rune('a' + i%26))
		if !slices.ContainsFunc(s.volumes, func(v *serverVolume) bool { return v.device == name }) {
			return name
		}
	}
}

// connect is what the compute host does: the connection, then the guest's device.
func (n *nova) connect(s *server, v *serverVolume) {
	c := n.cloud.cinder
	c.later(v.attachment, c.pace.Attach/2, func() {
		c.connect(v.attachment, map[string]any{"host": s.Host, "mountpoint": v.device})
		c.later(v.attachment, c.pace.Attach-c.pace.Attach/2, func() {
			reason, failed := c.fails(AttachVolume)
			if !failed {
				failed = c.devices.attach(v.volume.ID, v.volume.size) != nil
			}
			if failed {
				s.dropVolume(v)
				c.release(v.attachment)
				c.tell(s.ProjectID, "VOLUME", v.volume.ID, eventAttachFailed, reason, "")
				return
			}
			c.complete(v.attachment)
		})
	})
}

func (s *server) dropVolume(v *serverVolume) {
	s.volumes = slices.DeleteFunc(s.volumes, func(other *serverVolume) bool { return other == v })
}

func (n *nova) detachVolume(r *request, s *server) response {
	c := n.cloud.cinder
	if _, err := c.volume(r, r.Vars["volume"]); err != nil {
		return novaError(http.StatusNotFound, err.Error())
	}
	v := s.volumeOf(r.Vars["volume"])
	if v == nil {
		return notAttached(r, s)
	}
	if refused := s.refuseState("detach_volume", r.swapStates()); refused != nil {
		return *refused
	}
	if s.offloaded() { // Nova's API does it itself
		s.dropVolume(v)
		n.disconnect(v)
		return response{Status: http.StatusAccepted}
	}
	if err := c.beginDetaching(v.volume); err != nil {
		return novaError(http.StatusBadRequest, "Invalid input received: "+err.Error()+" (HTTP 400) (Request-ID: "+r.RequestID+")")
	}
	c.later(v.attachment, c.pace.Detach, func() {
		if _, failed := c.fails(DetachVolume); failed {
			c.become(v.volume, cinderInUse)
			return
		}
		n.disconnect(v)
		c.later(v.attachment, c.pace.Forget, func() { s.dropVolume(v) })
	})
	return response{Status: http.StatusAccepted}
}

// disconnect takes the device away and then Cinder's attachment.
func (n *nova) disconnect(v *serverVolume) {
	n.unplug(v)
	n.cloud.cinder.release(v.attachment)
}

// unplug takes a volume's device from a server that has it by now.
func (n *nova) unplug(v *serverVolume) {
	if v.attachment.Status == cinderAttached {
		n.cloud.cinder.devices.detach(v.volume.ID)
	}
}

// releaseVolumes is what becomes of the volumes of a server that is deleted.
func (n *nova) releaseVolumes(s *server) {
	c := n.cloud.cinder
	for _, v := range slices.Clone(s.volumes) {
		s.dropVolume(v)
		c.forgetWork(v.attachment)
		if n.volumeRules.orphans {
			n.unplug(v)
			continue
		}
		n.disconnect(v)
		if v.deleteOnTermination {
			_ = c.beginDelete(v.volume, false, false) // Nova goes on when Cinder refuses
		}
	}
}

// uses tells whether Nova knows an attachment.
func (n *nova) uses(a *cinderAttachment) bool {
	s := n.byID[a.serverID]
	if s == nil {
		return false
	}
	v := s.volumeOf(a.volume.ID)
	return v != nil && v.attachment == a
}

// volumesAttached is os-extended-volumes:volumes_attached.
func (s *server) volumesAttached(r *request) []any {
	views := []any{}
	for _, v := range s.volumes {
		view := map[string]any{"id": v.volume.ID}
		if r.since(3) {
			view["delete_on_termination"] = v.deleteOnTermination
		}
		views = append(views, view)
	}
	return views
}

// SetAttachLimit is how many volumes a server takes: one more is refused with
// 403, as Nova's TooManyDiskDevices. 0 is without limit, the default.
func (c *Cloud) SetAttachLimit(volumes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nova.volumeRules.limit = volumes
}

// SetAttachmentOrphans lets servers that are deleted from now on leave Cinder's
// attachments behind, and their volumes in-use, as a compute host that is gone does.
func (c *Cloud) SetAttachmentOrphans(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nova.volumeRules.orphans = on
}

// SetCrossZoneAttach is Nova's cross_az_attach, on by default: off, a server
// takes only volumes of its own availability zone.
func (c *Cloud) SetCrossZoneAttach(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nova.volumeRules.ownZone = !on
}

// SetHostStatus says what Nova tells of a server's compute host: "UP", "DOWN",
// "UNKNOWN" or "MAINTENANCE". Members see it when everyone may, which a policy
// of the cloud decides; admins always do (microversion 2.16).
func (c *Cloud) SetHostStatus(serverID, status string, everyone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.nova.byID[serverID]; s != nil {
		s.hostStatus = strings.ToUpper(status)
		c.nova.hostStatusForAll = everyone
	}
}

// Package verdict is the one table that every RPC of the CSI driver's controller
// goes through: what was seen of a volume, of its attachment and of the servers
// decides whether to act, to wait, to clear something away, or to refuse.
//
// The table is data and the decision is pure and total: a status that is not
// known has a row too. docs/reference/volume-states.md is made from it.
package verdict

import (
	"slices"

	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/block"
)

// Question is what an RPC asks of one object that it has looked at.
type Question string

// The questions, in the order of the documentation.
const (
	CreateVolume         Question = "CreateVolume: the volume of that name"
	SourceVolume         Question = "CreateVolume: the volume to clone"
	SourceSnapshot       Question = "CreateVolume: the snapshot or backup to restore"
	DeleteVolume         Question = "DeleteVolume: the volume"
	Publish              Question = "ControllerPublishVolume: the volume"
	Unpublish            Question = "ControllerUnpublishVolume: the volume"
	Expand               Question = "ControllerExpandVolume: the volume"
	Modify               Question = "ControllerModifyVolume: the volume"
	CreateSnapshot       Question = "CreateSnapshot: the snapshot or backup of that name"
	SnapshotVolume       Question = "CreateSnapshot: the volume"
	DeleteSnapshot       Question = "DeleteSnapshot: the snapshot or backup"
	CreateGroupSnapshot  Question = "CreateVolumeGroupSnapshot: the group snapshot of that name"
	DeleteGroupSnapshot  Question = "DeleteVolumeGroupSnapshot: the group snapshot"
	GroupSnapshotVolumes Question = "CreateVolumeGroupSnapshot: each volume"
)

// Questions are all of them, in the order of the documentation.
func Questions() []Question {
	return []Question{
		CreateVolume, SourceVolume, SourceSnapshot, DeleteVolume, Publish, Unpublish, Expand, Modify,
		CreateSnapshot, SnapshotVolume, DeleteSnapshot, CreateGroupSnapshot, GroupSnapshotVolumes, DeleteGroupSnapshot,
	}
}

// Attachment is where a volume is, as seen from the server that the RPC names.
type Attachment string

// The attachments that decisions are made upon.
const (
	// Nowhere: Cinder tells of no attachment.
	Nowhere Attachment = "nowhere"
	// Here: Cinder tells an attachment to the server.
	Here Attachment = "here"
	// Elsewhere: to another server only, and the volume is for one server at a time.
	Elsewhere Attachment = "elsewhere"
	// Shared: to other servers only, and the volume is for several at a time.
	Shared Attachment = "shared elsewhere"
	// Pending: Nova lists the volume at the server, Cinder tells of no attachment to it.
	Pending Attachment = "with Nova only"
	// Stale: Cinder tells an attachment to the server of which Nova knows nothing.
	Stale Attachment = "with Cinder only"
)

// Attachments are all of them.
func Attachments() []Attachment {
	return []Attachment{Nowhere, Here, Elsewhere, Shared, Pending, Stale}
}

// Server is how a server is doing. Nova is asked only where it matters.
type Server string

// The states of servers that decisions are made upon.
const (
	// Unasked: Nova was not asked.
	Unasked Server = ""
	// Able: Nova attaches and detaches.
	Able Server = "able"
	// Building: it is being built.
	Building Server = "building"
	// Offloaded: it is shelved, and no hypervisor has it. Nova attaches and detaches
	// at once, and keeps its volumes reserved, of which Cinder does not tell for whom.
	Offloaded Server = "shelved"
	// Stuck: in ERROR or another state in which Nova neither attaches nor detaches.
	Stuck Server = "stuck"
	// Down: its hypervisor does not answer.
	Down Server = "hypervisor down"
	// Gone: Nova answers 404.
	Gone Server = "gone"
)

// Servers are all of them.
func Servers() []Server { return []Server{Unasked, Able, Building, Offloaded, Stuck, Down, Gone} }

// Classify says how a server is doing (nova/compute/api.py, attach_volume and
// detach_volume, check_instance_state).
func Classify(s block.Server) Server {
	switch s.Status {
	case block.ServerGone, block.ServerDeleted:
		return Gone
	case block.ServerBuild:
		return Building
	case block.ServerShelvedOffloaded:
		return Offloaded
	case block.ServerError, block.ServerSuspended, block.ServerRescue:
		return Stuck
	default:
		if s.HostStatus == "DOWN" {
			return Down
		}
		return Able
	}
}

// Facts are what was seen. The zero value of a field means not asked.
type Facts struct {
	// Status is that of the volume, snapshot, backup or group snapshot.
	Status string
	// Attachment matters to Publish, Unpublish, DeleteVolume and Expand.
	Attachment Attachment
	// Server is the one that the RPC names; Holder another one that has the volume.
	Server, Holder Server
}

// Do is what to do.
type Do string

// What an RPC does about what it saw.
const (
	// Done: it is as it should be.
	Done Do = "done"
	// Act: make the call that the RPC is for.
	Act Do = "act"
	// Wait: it is changing by itself; look again when it has.
	Wait Do = "wait"
	// Clear: something failed or forgotten is in the way. Remove it, then look again.
	Clear Do = "clear"
	// Refuse: answer Code and Because.
	Refuse Do = "refuse"
)

// Verdict is the answer.
type Verdict struct {
	Do Do
	// Code is that of the answer where Do is Refuse, else codes.OK.
	Code codes.Code
	// Because says why in one sentence that can stand in an event.
	Because string
}

// Row is one rule. A nil list stands for anything.
type Row struct {
	Question   Question
	Status     []string
	Attachment []Attachment
	Server     []Server
	Holder     []Server
	Verdict
}

func (r *Row) matches(q Question, f Facts) bool {
	return r.Question == q &&
		(r.Status == nil || slices.Contains(r.Status, f.Status)) &&
		(r.Attachment == nil || slices.Contains(r.Attachment, f.Attachment)) &&
		(r.Server == nil || slices.Contains(r.Server, f.Server)) &&
		(r.Holder == nil || slices.Contains(r.Holder, f.Holder))
}

// Decide gives the verdict of the first row that matches.
func Decide(q Question, f Facts) Verdict {
	for i := range table {
		if table[i].matches(q, f) {
			return table[i].Verdict
		}
	}
	// Every question ends with a row for anything; a test holds that.
	return Verdict{Do: Refuse, Code: codes.Aborted, Because: "nobody has decided what this state calls for"}
}

// Rows are the rules of a question, in the order in which they are tried.
func Rows(q Question) []Row {
	var rows []Row
	for _, r := range table {
		if r.Question == q {
			rows = append(rows, r)
		}
	}
	return rows
}

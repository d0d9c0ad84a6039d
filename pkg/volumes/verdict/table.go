package verdict

import (
	"slices"

	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/block"
)

// table holds the rules. Within a question the first match counts.
var table = slices.Concat(createRows, sourceRows, deleteRows, publishRows, unpublishRows, expandRows, modifyRows, snapshotRows, groupRows)

func act(because string) Verdict  { return Verdict{Do: Act, Because: because} }
func wait(because string) Verdict { return Verdict{Do: Wait, Because: because} }
func done(because string) Verdict { return Verdict{Do: Done, Because: because} }
func remove(because string) Verdict {
	return Verdict{Do: Clear, Because: because}
}

func refuse(code codes.Code, because string) Verdict {
	return Verdict{Do: Refuse, Code: code, Because: because}
}

// in lists statuses of volumes.
func in(statuses ...block.Status) []string {
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = string(s)
	}
	return names
}

// of lists statuses of snapshots, backups and group snapshots.
func of(statuses ...block.SnapshotStatus) []string {
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = string(s)
	}
	return names
}

// Statuses that end by themselves within seconds or minutes.
var passing = in(block.StatusCreating, block.StatusReserved, block.StatusAttaching, block.StatusDetaching, block.StatusExtending)

// Statuses in which somebody else works on the volume, for as long as the volume
// is big.
var worked = in(block.StatusMaintenance, block.StatusBackingUp, block.StatusRestoringBackup, block.StatusDownloading,
	block.StatusUploading, block.StatusRetyping, block.StatusManaging, block.StatusAwaitingTransfer)

// unknown is the last row of every question on volumes: Cinder got a status that
// is not known here. Nothing is done, and nothing is taken for final.
func unknown(q Question) Row {
	return Row{Question: q, Verdict: refuse(codes.Aborted, "the status is not one that can be acted upon; it is looked at again")}
}

var createRows = []Row{
	{Question: CreateVolume, Status: in(block.StatusGone), Verdict: act("no volume has the name: create it")},
	{Question: CreateVolume, Status: in(block.StatusCreating, block.StatusDownloading, block.StatusRestoringBackup, block.StatusManaging),
		Verdict: wait("the volume is being made")},
	{Question: CreateVolume, Status: in(block.StatusError, block.StatusErrorRestoring, block.StatusErrorManaging),
		Verdict: remove("Cinder could not make the volume: delete it and say why")},
	{Question: CreateVolume, Status: in(block.StatusDeleting), Verdict: wait("a volume of the name is being deleted; another one can be made then")},
	{Question: CreateVolume, Status: in(block.StatusErrorDeleting),
		Verdict: refuse(codes.Aborted, "a volume of the name could not be deleted by Cinder; the operator of the cloud has to delete it")},
	{Question: CreateVolume, Status: in(block.StatusAwaitingTransfer), Verdict: refuse(codes.Aborted, "the volume is about to be given to another project")},
	{Question: CreateVolume, Status: in(block.StatusAvailable, block.StatusReserved, block.StatusAttaching, block.StatusDetaching, block.StatusInUse,
		block.StatusMaintenance, block.StatusBackingUp, block.StatusUploading, block.StatusRetyping, block.StatusExtending,
		block.StatusErrorExtending, block.StatusErrorBackingUp, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: done("the volume was made")},
	unknown(CreateVolume),
}

var sourceRows = []Row{
	{Question: SourceVolume, Status: in(block.StatusAvailable, block.StatusInUse), Verdict: act("the volume can be cloned")},
	{Question: SourceVolume, Status: in(block.StatusGone, block.StatusDeleting), Verdict: refuse(codes.NotFound, "the volume to clone does not exist")},
	{Question: SourceVolume, Status: passing, Verdict: wait("the volume to clone is changing")},
	{Question: SourceVolume, Status: worked, Verdict: refuse(codes.Aborted, "the volume to clone is being worked on; it is cloned after that")},
	{Question: SourceVolume, Status: in(block.StatusError, block.StatusErrorDeleting, block.StatusErrorExtending, block.StatusErrorRestoring,
		block.StatusErrorBackingUp, block.StatusErrorManaging, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: refuse(codes.InvalidArgument, "the volume to clone is in an error status, which Cinder does not clone from")},
	unknown(SourceVolume),

	{Question: SourceSnapshot, Status: of(block.SnapshotAvailable), Verdict: act("it can be restored")},
	{Question: SourceSnapshot, Status: of(block.SnapshotGone, block.SnapshotDeleting), Verdict: refuse(codes.NotFound, "the snapshot to restore does not exist")},
	{Question: SourceSnapshot, Status: of(block.SnapshotCreating), Verdict: wait("the snapshot to restore is being made")},
	{Question: SourceSnapshot, Status: of(block.SnapshotBackingUp, block.SnapshotRestoring), Verdict: wait("the snapshot to restore is being read by somebody else")},
	{Question: SourceSnapshot, Status: of(block.SnapshotError, block.SnapshotErrorDeleting),
		Verdict: refuse(codes.InvalidArgument, "the snapshot to restore is in an error status: it has no data to rely on")},
	unknown(SourceSnapshot),
}

var deleteRows = []Row{
	{Question: DeleteVolume, Status: in(block.StatusGone), Verdict: done("there is no such volume")},
	{Question: DeleteVolume, Status: in(block.StatusDeleting), Verdict: wait("Cinder is deleting it")},
	{Question: DeleteVolume, Attachment: []Attachment{Here, Elsewhere, Shared, Stale}, Holder: []Server{Gone},
		Verdict: remove("the server that it is attached to is gone: remove the attachment that was left")},
	{Question: DeleteVolume, Status: in(block.StatusDetaching), Verdict: wait("it is being detached")},
	{Question: DeleteVolume, Attachment: []Attachment{Here, Elsewhere, Shared, Stale},
		Verdict: refuse(codes.FailedPrecondition, "the volume is attached to a server; it is deleted once it is detached")},
	{Question: DeleteVolume, Status: in(block.StatusAvailable, block.StatusError, block.StatusErrorRestoring, block.StatusErrorExtending, block.StatusErrorManaging),
		Verdict: act("Cinder deletes volumes in this status")},
	{Question: DeleteVolume, Status: in(block.StatusErrorDeleting),
		Verdict: refuse(codes.FailedPrecondition, "Cinder could not delete the volume, and lets only the operator of the cloud try again (reset its state)")},
	{Question: DeleteVolume, Status: in(block.StatusCreating, block.StatusExtending), Verdict: wait("Cinder deletes it only when it is ready")},
	{Question: DeleteVolume, Status: in(block.StatusReserved, block.StatusAttaching, block.StatusInUse, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: refuse(codes.FailedPrecondition, "the volume is attached, or is being attached, to what Cinder does not tell; it is deleted once it is detached")},
	{Question: DeleteVolume, Status: worked, Verdict: refuse(codes.FailedPrecondition, "somebody works on the volume (backup, upload, retype, transfer); it is deleted after that")},
	{Question: DeleteVolume, Status: in(block.StatusErrorBackingUp),
		Verdict: refuse(codes.FailedPrecondition, "a backup of the volume failed, and only the operator of the cloud can reset its state")},
	unknown(DeleteVolume),
}

var expandRows = []Row{
	{Question: Expand, Status: in(block.StatusAvailable, block.StatusInUse), Verdict: act("Cinder extends volumes in this status")},
	{Question: Expand, Status: in(block.StatusGone, block.StatusDeleting), Verdict: refuse(codes.NotFound, "there is no such volume")},
	{Question: Expand, Status: passing, Verdict: wait("the volume is changing")},
	{Question: Expand, Status: worked, Verdict: refuse(codes.Aborted, "somebody works on the volume; it grows after that")},
	{Question: Expand, Status: in(block.StatusErrorExtending), Attachment: []Attachment{Nowhere},
		Verdict: remove("an earlier extension failed and left the data as it was: ask Cinder to call the volume available again")},
	{Question: Expand, Status: in(block.StatusErrorExtending),
		Verdict: refuse(codes.FailedPrecondition, "an earlier extension failed; the data is as it was, and the operator of the cloud has to reset the volume's state to in-use")},
	{Question: Expand, Status: in(block.StatusError, block.StatusErrorDeleting, block.StatusErrorRestoring, block.StatusErrorBackingUp,
		block.StatusErrorManaging, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: refuse(codes.FailedPrecondition, "the volume is in an error status, in which Cinder does not extend it")},
	unknown(Expand),
}

var modifyRows = []Row{
	{Question: Modify, Status: in(block.StatusAvailable, block.StatusInUse), Verdict: act("Cinder retypes volumes in this status")},
	{Question: Modify, Status: in(block.StatusGone, block.StatusDeleting), Verdict: refuse(codes.NotFound, "there is no such volume")},
	{Question: Modify, Status: in(block.StatusRetyping), Verdict: wait("it is being given another type")},
	{Question: Modify, Status: passing, Verdict: wait("the volume is changing")},
	{Question: Modify, Status: worked, Verdict: refuse(codes.Aborted, "somebody works on the volume; it is modified after that")},
	{Question: Modify, Status: in(block.StatusError, block.StatusErrorDeleting, block.StatusErrorExtending, block.StatusErrorRestoring,
		block.StatusErrorBackingUp, block.StatusErrorManaging, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: refuse(codes.FailedPrecondition, "the volume is in an error status, in which Cinder does not retype it")},
	unknown(Modify),
}

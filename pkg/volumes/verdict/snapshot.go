package verdict

import (
	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/block"
)

var snapshotRows = []Row{
	{Question: CreateSnapshot, Status: of(block.SnapshotGone), Verdict: act("no snapshot has the name: take it")},
	{Question: CreateSnapshot, Status: of(block.SnapshotError), Verdict: remove("Cinder could not take it: delete what is left and say why")},
	{Question: CreateSnapshot, Status: of(block.SnapshotErrorDeleting),
		Verdict: refuse(codes.Aborted, "a snapshot of the name could not be deleted by Cinder; the operator of the cloud has to delete it")},
	{Question: CreateSnapshot, Status: of(block.SnapshotDeleting), Verdict: wait("a snapshot of the name is being deleted; another one can be taken then")},
	{Question: CreateSnapshot, Status: of(block.SnapshotAvailable, block.SnapshotBackingUp, block.SnapshotRestoring), Verdict: done("it was taken and can be used")},
	{Question: CreateSnapshot, Status: of(block.SnapshotCreating), Verdict: done("it is being taken; it is not ready to use yet")},
	unknown(CreateSnapshot),

	{Question: SnapshotVolume, Status: in(block.StatusAvailable, block.StatusInUse), Verdict: act("Cinder takes snapshots in this status")},
	{Question: SnapshotVolume, Status: in(block.StatusGone, block.StatusDeleting), Verdict: refuse(codes.NotFound, "the volume does not exist")},
	{Question: SnapshotVolume, Status: passing, Verdict: wait("the volume is changing")},
	{Question: SnapshotVolume, Status: worked, Verdict: refuse(codes.Aborted, "somebody works on the volume; a snapshot is taken after that")},
	{Question: SnapshotVolume, Status: in(block.StatusError, block.StatusErrorDeleting, block.StatusErrorExtending, block.StatusErrorRestoring,
		block.StatusErrorBackingUp, block.StatusErrorManaging, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: refuse(codes.FailedPrecondition, "the volume is in an error status, in which Cinder takes no snapshot")},
	unknown(SnapshotVolume),

	{Question: DeleteSnapshot, Status: of(block.SnapshotGone), Verdict: done("there is no such snapshot")},
	{Question: DeleteSnapshot, Status: of(block.SnapshotDeleting), Verdict: wait("Cinder is deleting it")},
	{Question: DeleteSnapshot, Status: of(block.SnapshotAvailable, block.SnapshotError), Verdict: act("Cinder deletes snapshots in this status")},
	{Question: DeleteSnapshot, Status: of(block.SnapshotCreating), Verdict: wait("Cinder deletes it only when it is ready")},
	{Question: DeleteSnapshot, Status: of(block.SnapshotBackingUp, block.SnapshotRestoring),
		Verdict: refuse(codes.FailedPrecondition, "it is being read for a backup or a restore; it is deleted after that")},
	{Question: DeleteSnapshot, Status: of(block.SnapshotErrorDeleting),
		Verdict: refuse(codes.FailedPrecondition, "Cinder could not delete it, and lets only the operator of the cloud try again (reset its state)")},
	unknown(DeleteSnapshot),
}

var groupRows = []Row{
	{Question: CreateGroupSnapshot, Status: of(block.SnapshotGone), Verdict: act("no group snapshot has the name: take it")},
	{Question: CreateGroupSnapshot, Status: of(block.SnapshotError), Verdict: remove("Cinder could not take it: delete what is left and say why")},
	{Question: CreateGroupSnapshot, Status: of(block.SnapshotErrorDeleting),
		Verdict: refuse(codes.Aborted, "a group snapshot of the name could not be deleted by Cinder; the operator of the cloud has to delete it")},
	{Question: CreateGroupSnapshot, Status: of(block.SnapshotDeleting), Verdict: wait("a group snapshot of the name is being deleted; another one can be taken then")},
	{Question: CreateGroupSnapshot, Status: of(block.SnapshotAvailable), Verdict: done("it was taken and can be used")},
	{Question: CreateGroupSnapshot, Status: of(block.SnapshotCreating), Verdict: wait("it is being taken; its snapshots are told when they can be used")},
	unknown(CreateGroupSnapshot),

	{Question: GroupSnapshotVolumes, Status: in(block.StatusAvailable, block.StatusInUse), Verdict: act("Cinder takes snapshots in this status")},
	{Question: GroupSnapshotVolumes, Status: in(block.StatusGone, block.StatusDeleting), Verdict: refuse(codes.NotFound, "a volume does not exist")},
	{Question: GroupSnapshotVolumes, Status: passing, Verdict: wait("a volume is changing")},
	{Question: GroupSnapshotVolumes, Status: worked, Verdict: refuse(codes.Aborted, "somebody works on a volume; the snapshot is taken after that")},
	{Question: GroupSnapshotVolumes, Status: in(block.StatusError, block.StatusErrorDeleting, block.StatusErrorExtending, block.StatusErrorRestoring,
		block.StatusErrorBackingUp, block.StatusErrorManaging, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: refuse(codes.FailedPrecondition, "a volume is in an error status, in which Cinder takes no snapshot")},
	unknown(GroupSnapshotVolumes),

	{Question: DeleteGroupSnapshot, Status: of(block.SnapshotGone), Verdict: done("there is no such group snapshot")},
	{Question: DeleteGroupSnapshot, Status: of(block.SnapshotDeleting), Verdict: wait("Cinder is deleting it")},
	{Question: DeleteGroupSnapshot, Status: of(block.SnapshotAvailable, block.SnapshotError), Verdict: act("Cinder deletes group snapshots in this status")},
	{Question: DeleteGroupSnapshot, Status: of(block.SnapshotCreating), Verdict: wait("Cinder deletes it only when it is ready")},
	{Question: DeleteGroupSnapshot, Status: of(block.SnapshotErrorDeleting),
		Verdict: refuse(codes.FailedPrecondition, "Cinder could not delete it, and lets only the operator of the cloud try again (reset its state)")},
	unknown(DeleteGroupSnapshot),
}

package verdict

import (
	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/block"
)

// Statuses in which a volume that is attached can be used on its server. Cinder
// tells only of attachments that work (cinder/api/v2/views/volumes.py,
// _get_attachments): one that failed is another server's.
var usable = in(block.StatusInUse, block.StatusAttaching, block.StatusReserved, block.StatusExtending, block.StatusRetyping,
	block.StatusUploading, block.StatusBackingUp, block.StatusMaintenance, block.StatusErrorExtending, block.StatusErrorBackingUp, block.StatusErrorAttaching)

var publishRows = []Row{
	{Question: Publish, Status: in(block.StatusGone, block.StatusDeleting), Verdict: refuse(codes.NotFound, "there is no such volume")},
	{Question: Publish, Server: []Server{Gone}, Verdict: refuse(codes.NotFound, "Nova has no server of this id: the node is gone")},
	{Question: Publish, Status: usable, Attachment: []Attachment{Here}, Verdict: done("it is attached to the server")},
	{Question: Publish, Status: in(block.StatusDetaching), Verdict: wait("it is being detached; it is attached after that")},
	{Question: Publish, Status: in(block.StatusErrorAttaching), Attachment: []Attachment{Pending, Stale},
		Verdict: remove("an earlier attachment to the server failed: remove what it left")},
	{Question: Publish, Attachment: []Attachment{Elsewhere}, Holder: []Server{Gone},
		Verdict: remove("the server that it is attached to is gone: remove the attachment that was left")},
	{Question: Publish, Attachment: []Attachment{Elsewhere}, Holder: []Server{Down},
		Verdict: refuse(codes.FailedPrecondition, "the volume is attached to a server whose hypervisor does not answer; Nova detaches it when the hypervisor is back or the server is deleted")},
	{Question: Publish, Attachment: []Attachment{Elsewhere}, Holder: []Server{Stuck},
		Verdict: refuse(codes.FailedPrecondition, "the volume is attached to a server in a state in which Nova detaches nothing; resetting or deleting that server frees it")},
	{Question: Publish, Status: in(block.StatusReserved, block.StatusAttaching), Verdict: wait("it is being attached; to what shows then")},
	{Question: Publish, Attachment: []Attachment{Elsewhere},
		Verdict: refuse(codes.FailedPrecondition, "the volume is attached to another server, and its type allows one at a time")},
	{Question: Publish, Status: in(block.StatusAvailable, block.StatusInUse), Attachment: []Attachment{Nowhere, Shared}, Server: []Server{Building},
		Verdict: refuse(codes.Aborted, "the server is being built; the volume is attached after that")},
	{Question: Publish, Status: in(block.StatusAvailable, block.StatusInUse), Attachment: []Attachment{Nowhere, Shared}, Server: []Server{Stuck},
		Verdict: refuse(codes.FailedPrecondition, "the server is in a state in which Nova attaches nothing")},
	{Question: Publish, Status: in(block.StatusAvailable, block.StatusInUse), Attachment: []Attachment{Nowhere, Shared}, Server: []Server{Down},
		Verdict: refuse(codes.Aborted, "the hypervisor of the server does not answer")},
	{Question: Publish, Status: in(block.StatusAvailable), Attachment: []Attachment{Nowhere}, Verdict: act("the volume is free")},
	{Question: Publish, Status: in(block.StatusInUse), Attachment: []Attachment{Shared}, Verdict: act("the volume may be on several servers")},
	{Question: Publish, Status: in(block.StatusAvailable, block.StatusInUse), Attachment: []Attachment{Here, Shared, Pending, Stale},
		Verdict: wait("Cinder and Nova do not agree yet on where the volume is")},
	{Question: Publish, Status: in(block.StatusInUse),
		Verdict: refuse(codes.FailedPrecondition, "the volume is in use, and Cinder does not tell by whom")},
	{Question: Publish, Status: in(block.StatusCreating, block.StatusExtending), Verdict: wait("it is attached when it is ready")},
	{Question: Publish, Status: worked, Verdict: refuse(codes.Aborted, "somebody works on the volume (backup, upload, retype, transfer); it is attached after that")},
	{Question: Publish, Status: in(block.StatusErrorExtending),
		Verdict: refuse(codes.FailedPrecondition, "an earlier extension failed; the data is as it was, and the operator of the cloud has to reset the volume's state to available")},
	{Question: Publish, Status: in(block.StatusError, block.StatusErrorDeleting, block.StatusErrorRestoring, block.StatusErrorBackingUp,
		block.StatusErrorManaging, block.StatusErrorAttaching, block.StatusErrorDetaching),
		Verdict: refuse(codes.FailedPrecondition, "the volume is in an error status, in which it cannot be attached; the operator of the cloud can say why and reset it")},
	unknown(Publish),
}

var unpublishRows = []Row{
	{Question: Unpublish, Status: in(block.StatusGone), Verdict: done("there is no such volume")},
	{Question: Unpublish, Attachment: []Attachment{Stale},
		Verdict: remove("Nova knows of no such attachment, or of no such server: remove what Cinder has of it")},
	{Question: Unpublish, Attachment: []Attachment{Nowhere, Elsewhere, Shared}, Verdict: done("it is not attached to the server")},
	{Question: Unpublish, Server: []Server{Gone}, Attachment: []Attachment{Pending}, Verdict: done("the server is gone, and Cinder knows of no attachment")},
	{Question: Unpublish, Status: in(block.StatusErrorAttaching, block.StatusErrorDetaching), Attachment: []Attachment{Pending},
		Verdict: act("an attachment that failed is with Nova still: detach it")},
	{Question: Unpublish, Server: []Server{Offloaded}, Attachment: []Attachment{Pending},
		Verdict: act("the server was shelved, and its volumes are kept for it: Nova gives them free")},
	{Question: Unpublish, Attachment: []Attachment{Pending}, Verdict: wait("it is being attached to the server, or is about to be detached")},
	{Question: Unpublish, Server: []Server{Gone}, Attachment: []Attachment{Here},
		Verdict: remove("the server is gone: remove the attachment that was left")},
	{Question: Unpublish, Server: []Server{Stuck}, Attachment: []Attachment{Here},
		Verdict: refuse(codes.FailedPrecondition, "the server is in a state in which Nova detaches nothing; resetting or deleting it frees the volume")},
	{Question: Unpublish, Server: []Server{Building}, Attachment: []Attachment{Here}, Verdict: refuse(codes.Aborted, "the server is being built; the volume is detached after that")},
	{Question: Unpublish, Server: []Server{Down}, Attachment: []Attachment{Here},
		Verdict: refuse(codes.Unavailable, "the hypervisor of the server does not answer; Nova detaches the volume when the hypervisor is back or the server is deleted")},
	{Question: Unpublish, Status: in(block.StatusDetaching), Attachment: []Attachment{Here}, Verdict: wait("it is being detached")},
	{Question: Unpublish, Status: in(block.StatusReserved, block.StatusAttaching), Attachment: []Attachment{Here},
		Verdict: wait("it is being attached to another server; Cinder does one after the other")},
	{Question: Unpublish, Status: in(block.StatusMaintenance, block.StatusRetyping, block.StatusExtending), Attachment: []Attachment{Here},
		Verdict: wait("Cinder works on it; it can be detached after that")},
	{Question: Unpublish, Status: in(block.StatusBackingUp, block.StatusUploading), Attachment: []Attachment{Here},
		Verdict: refuse(codes.Aborted, "it is being read for a backup or an image; it can be detached after that")},
	{Question: Unpublish, Verdict: act("it is attached to the server; Nova refuses where it cannot detach it")},
}

package controller

import (
	"context"

	"k8s.io/klog/v2"

	"underlay/internal/signal"
	"underlay/pkg/volumes/block"
)

var (
	eventOrphan = signal.Event{
		Reason: "VolumeAttachmentOrphaned", Type: "Warning", Object: "PersistentVolumeClaim",
		Meaning: "The volume was still attached, for Cinder, to a server that Nova does not know any more. The attachment is removed, and the volume can be used elsewhere.",
		Advice:  "Nothing. If it happens often, ask the operator of the cloud why servers are deleted without detaching their volumes.",
	}
	eventHeld = signal.Event{
		Reason: "VolumeHeld", Type: "Warning", Object: "PersistentVolumeClaim",
		Meaning: "The volume cannot be detached: its server is in a state in which Nova detaches nothing, or the hypervisor does not answer. The message names the server.",
		Advice:  "Delete the server, or have the operator of the cloud reset or evacuate it: the volume follows within a minute. Until then nobody else may write to it.",
	}
	eventLeft = signal.Event{
		Reason: "VolumeNotDeleted", Type: "Warning", Object: "PersistentVolumeClaim",
		Meaning: "Cinder could not delete the volume and keeps it as error_deleting. It is still paid for.",
		Advice:  "Ask the operator of the cloud to reset the volume's state; the next attempt then deletes it.",
	}
	eventNotGrown = signal.Event{
		Reason: "VolumeNotExtended", Type: "Warning", Object: "PersistentVolumeClaim",
		Meaning: "Cinder could not extend the volume and keeps it as error_extending. The data and the old size are as they were.",
		Advice:  "Ask the operator of the cloud to reset the volume's state; the next attempt then extends it.",
	}
	eventDuplicate = signal.Event{
		Reason: "VolumeDuplicateRemoved", Type: "Normal", Object: "PersistentVolumeClaim",
		Meaning: "A request to make the volume was carried out twice by the cloud, for example because an answer was lost. The empty second volume is deleted.",
		Advice:  "Nothing.",
	}
)

// Events are all events of the controller service.
func Events() []signal.Event {
	return []signal.Event{eventOrphan, eventHeld, eventLeft, eventNotGrown, eventDuplicate}
}

// Metadata of volumes by which the external-provisioner says whose they are
// (--extra-create-metadata).
const (
	claimName      = "csi.storage.k8s.io/pvc/name"
	claimNamespace = "csi.storage.k8s.io/pvc/namespace"
)

// announce tells the owner of a volume, if it is known, and the log.
func (s *Service) announce(ctx context.Context, v block.Volume, event signal.Event, message string) {
	claim := Claim{Namespace: v.Metadata[claimNamespace], Name: v.Metadata[claimName]}
	klog.FromContext(ctx).Info(message, "event", event.Reason, "volume", v.ID, "claim", klog.KRef(claim.Namespace, claim.Name))
	if s.options.Announcer != nil && claim.Name != "" && claim.Namespace != "" {
		s.options.Announcer.Announce(ctx, claim, event, message)
	}
}

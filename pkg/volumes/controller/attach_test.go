package controller_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
)

// posts counts the requests to attach.
func (w *world) posts() int { return w.cloud.Count("POST /servers/*/os-volume_attachments") }

func TestTheNodeIsToldWhatTheVolumeIs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 2).GetVolumeId()
		told := must(w, p.ControllerPublishVolume, publish(v, w.nodes[0])).GetPublishContext()
		if !strings.HasPrefix(told[block.PublishDevice], "/dev/") || told[block.PublishSize] != "2147483648" || told[block.PublishEncrypted] != "" {
			t.Errorf("told %v", told)
		}
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "secret", Encrypted: true})
		r := wish("pvc-2", 1)
		r.Parameters["type"] = "secret"
		v = must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		if told = must(w, p.ControllerPublishVolume, publish(v, w.nodes[0])).GetPublishContext(); told[block.PublishEncrypted] != "true" {
			t.Errorf("of an encrypted volume told %v", told)
		}
	})
}

func TestAVolumeThatIsBeingAttachedIsNotAskedForAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		w.cloud.SetVolumePace(simulator.VolumePace{Attach: 30 * time.Second})
		for attempt := range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := p.ControllerPublishVolume(ctx, publish(v, w.nodes[0]))
			cancel()
			if status.Code(err) != codes.DeadlineExceeded {
				t.Fatalf("attempt %d: got %v, want DeadlineExceeded", attempt, err)
			}
		}
		p.attach(v, w.nodes[0])
		if got := w.posts(); got != 1 {
			t.Errorf("asked for %d times, want once", got)
		}
	})
}

func TestAnAttachmentThatFailsIsAskedForAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		w.cloud.FailNextVolumeWork(simulator.AttachVolume, "")
		refused(w, p.ControllerPublishVolume, publish(v, w.nodes[0]), codes.Aborted, "gave up")
		p.attach(v, w.nodes[0])
		w.want(v, "in-use")
	})
}

// failAttaching leaves a volume as an attachment to the first node leaves it that
// failed and of which Nova knows nothing any more.
func failAttaching(w *world, p *process) string {
	v := p.create("pvc-1", 1).GetVolumeId()
	w.cloud.SetVolumePace(simulator.VolumePace{Attach: time.Hour})
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
	_, err := p.ControllerPublishVolume(ctx, publish(v, w.nodes[0]))
	cancel()
	if status.Code(err) != codes.DeadlineExceeded {
		w.t.Fatalf("got %v, want DeadlineExceeded", err)
	}
	w.cloud.SetAttachmentOrphans(true)
	w.cloud.DeleteServer(w.nodes[0])
	w.cloud.SetVolumeStatus(v, "error_attaching")
	w.cloud.SetVolumePace(simulator.VolumePace{})
	return v
}

func TestAnAttachmentThatFailedIsClearedAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		v := failAttaching(w, p)
		l := &life{w: w, p: p, told: map[string]string{}}
		l.attach(v, w.nodes[1])
		l.detach(v, w.nodes[1])
	})
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		p.delete(failAttaching(w, p))
		if left := w.left(); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	})
}

// TestAnAttachmentThatWorksIsNotClearedAway: of several, the one that failed is
// another server's.
func TestAnAttachmentThatWorksIsNotClearedAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		r := wish("pvc-1", 1)
		r.Parameters["type"], r.VolumeCapabilities = "shared", []*csi.VolumeCapability{raw(several)}
		v := must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		request := publish(v, w.nodes[0])
		request.VolumeCapability = raw(several)
		must(w, p.ControllerPublishVolume, request)
		w.cloud.SetVolumeStatus(v, "error_attaching")
		must(w, p.ControllerPublishVolume, request)
		if deleted := w.cloud.Count("DELETE /v3/*/attachments/*") + w.cloud.Count("DELETE /v3/attachments/*"); deleted > 0 {
			t.Errorf("%d attachments were to be deleted", deleted)
		}
		if got := w.cloud.Volume(v).Attachments; len(got) != 1 {
			t.Errorf("there are the attachments %+v", got)
		}
	})
}

func TestAVolumeOnAnotherNodeIsRefusedByName(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		refused(w, p.ControllerPublishVolume, publish(v, w.nodes[1]), codes.FailedPrecondition, w.nodes[0])
		if got := w.posts(); got != 1 {
			t.Errorf("asked Nova %d times, want once", got)
		}
	})
}

func TestASharedTypeStillKeepsReadWriteOnceOnOneNode(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		r := wish("pvc-1", 1)
		r.Parameters["type"] = "shared"
		v := must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		p.attach(v, w.nodes[0])
		refused(w, p.ControllerPublishVolume, publish(v, w.nodes[1]), codes.FailedPrecondition, w.nodes[0])
	})
}

func TestTwoNodesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 3)
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		r := wish("pvc-1", 1)
		r.Parameters["type"] = "shared"
		r.VolumeCapabilities = []*csi.VolumeCapability{raw(several)}
		v := must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		l := func() *life { return &life{w: w, p: p, told: map[string]string{}} }
		each(len(w.nodes), func(i int) {
			request := publish(v, w.nodes[i])
			request.VolumeCapability = raw(several)
			ask(l(), "attach", func(p *process) func(context.Context, *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
				return p.ControllerPublishVolume
			}, request)
		})
		if got := len(w.cloud.Volume(v).Attachments); got != 3 {
			t.Fatalf("attached to %d nodes, want 3", got)
		}
		// Two leave at once: neither takes the other's going for its own.
		each(2, func(i int) {
			ask(l(), "detach", func(p *process) func(context.Context, *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
				return p.ControllerUnpublishVolume
			}, unpublish(v, w.nodes[i]))
			for _, a := range w.cloud.Volume(v).Attachments {
				if a.ServerID == w.nodes[i] {
					t.Errorf("told that node %d has it no more, and it has", i)
				}
			}
		})
		left := w.cloud.Volume(v).Attachments
		if len(left) != 1 || left[0].ServerID != w.nodes[2] {
			t.Errorf("left are %+v, want the third node alone", left)
		}
		listed := must(w, p.ControllerGetVolume, &csi.ControllerGetVolumeRequest{VolumeId: v}).GetStatus().GetPublishedNodeIds()
		if len(listed) != 1 || listed[0] != w.nodes[2] {
			t.Errorf("published on %v", listed)
		}
	})
}

func TestNoNodeMeansAllNodes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		w.cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		v := w.cloud.AddVolume(simulator.VolumeSpec{Name: "pvc-1", Type: "shared"})
		for _, node := range w.nodes {
			w.cloud.AttachVolumeByHand(node, v)
		}
		p.detach(v, "")
		w.want(v, "available")
		p.detach(v, "")
	})
}

func TestANodeWithoutRoomIsExhausted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.SetAttachLimit(1)
		p.attach(p.create("pvc-1", 1).GetVolumeId(), w.nodes[0])
		refused(w, p.ControllerPublishVolume, publish(p.create("pvc-2", 1).GetVolumeId(), w.nodes[0]), codes.ResourceExhausted)
	})
}

func TestAttachingWhatDoesNotExist(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		nothing := "4f1c6d4e-0000-4000-8000-000000000000"
		v := p.create("pvc-1", 1).GetVolumeId()
		refused(w, p.ControllerPublishVolume, publish(nothing, w.nodes[0]), codes.NotFound)
		refused(w, p.ControllerPublishVolume, publish(v, nothing), codes.NotFound, "node is gone")
		p.detach(nothing, w.nodes[0])
		p.detach(v, nothing)
		refused(w, p.ControllerPublishVolume, publish("", w.nodes[0]), codes.InvalidArgument)
		refused(w, p.ControllerUnpublishVolume, unpublish("", w.nodes[0]), codes.InvalidArgument)
	})
}

func TestAServerInErrorIsSaid(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		v, other := p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		w.cloud.SetServerStatus(w.nodes[0], "ERROR")
		refused(w, p.ControllerPublishVolume, publish(other, w.nodes[0]), codes.FailedPrecondition, "stuck")
		refused(w, p.ControllerUnpublishVolume, unpublish(v, w.nodes[0]), codes.FailedPrecondition, w.nodes[0], "deleting")
		if !p.heard("VolumeHeld") {
			t.Error("the owner of the volume heard nothing")
		}
		refused(w, p.ControllerPublishVolume, publish(v, w.nodes[1]), codes.FailedPrecondition, w.nodes[0], "detaches nothing")

		// The operator deletes the server, and Nova leaves the attachment behind.
		w.cloud.SetAttachmentOrphans(true)
		w.cloud.DeleteServer(w.nodes[0])
		w.want(v, "in-use")
		p.detach(v, w.nodes[0])
		w.want(v, "available")
		p.attach(v, w.nodes[1])
	})
}

// TestAServerThatHoldsOnIsSaid: in these states Nova detaches nothing, and the next
// request does when the server is back.
func TestAServerThatHoldsOnIsSaid(t *testing.T) {
	for _, state := range []string{"SUSPENDED", "RESCUE"} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, 1)
			p := w.start()
			v, other := p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId()
			p.attach(v, w.nodes[0])
			w.cloud.SetServerStatus(w.nodes[0], state)
			refused(w, p.ControllerPublishVolume, publish(other, w.nodes[0]), codes.FailedPrecondition, "stuck")
			refused(w, p.ControllerUnpublishVolume, unpublish(v, w.nodes[0]), codes.FailedPrecondition, "detaches nothing")
			w.cloud.SetServerStatus(w.nodes[0], "ACTIVE")
			p.detach(v, w.nodes[0])
			w.want(v, "available")
		})
	}
}

// TestAShelvedNodeGivesItsVolumes: Cinder has them reserved and does not say for
// whom, and without a DELETE they stay so.
func TestAShelvedNodeGivesItsVolumes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		one, two := p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId()
		p.attach(one, w.nodes[0])
		p.attach(two, w.nodes[0])
		w.cloud.SetServerStatus(w.nodes[0], "SHELVED_OFFLOADED")
		w.want(one, "reserved")
		p.detach(one, w.nodes[0])
		w.want(one, "available")
		p.attach(one, w.nodes[1])
		must(w, p.ControllerUnpublishVolume, unpublish(two, "")) // from wherever it is
		w.want(two, "available")
		p.delete(two)
	})
}

func TestAServerThatIsGoneLeavesNoAttachment(t *testing.T) {
	for name, next := range map[string]func(w *world, p *process, v string){
		"unpublished":        func(w *world, p *process, v string) { p.detach(v, w.nodes[0]); w.want(v, "available") },
		"unpublished of all": func(w *world, p *process, v string) { p.detach(v, ""); w.want(v, "available") },
		"published elsewhere": func(w *world, p *process, v string) {
			p.attach(v, w.nodes[1])
			if got := w.cloud.Volume(v).Attachments; len(got) != 1 || got[0].ServerID != w.nodes[1] {
				w.t.Errorf("attached to %+v", got)
			}
		},
		"deleted": func(w *world, p *process, v string) { p.delete(v); w.want(v, "gone") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 2)
				p := w.start()
				v := p.create("pvc-1", 1).GetVolumeId()
				p.attach(v, w.nodes[0])
				w.cloud.SetAttachmentOrphans(true)
				w.cloud.DeleteServer(w.nodes[0])
				w.want(v, "in-use")
				next(w, p, v)
				if !p.heard("VolumeAttachmentOrphaned") {
					t.Error("the owner of the volume heard nothing")
				}
			})
		})
	}
}

func TestAHypervisorThatIsDownIsSaid(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		w.cloud.SetHostStatus(w.nodes[0], "DOWN", true)
		w.cloud.SetVolumePace(simulator.VolumePace{Detach: time.Hour}) // as a host that is down has it
		began := time.Now()
		refused(w, p.ControllerUnpublishVolume, unpublish(v, w.nodes[0]), codes.Unavailable, "hypervisor", w.nodes[0])
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("said after %v, and the attacher waits 15 s", took)
		}
		if !p.heard("VolumeHeld") {
			t.Error("the owner of the volume heard nothing")
		}
	})
}

func TestADetachmentThatFailsIsAskedForAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		w.cloud.FailNextVolumeWork(simulator.DetachVolume, "")
		refused(w, p.ControllerUnpublishVolume, unpublish(v, w.nodes[0]), codes.Aborted, "gave up")
		p.detach(v, w.nodes[0])
		w.want(v, "available")
	})
}

func TestAVolumeIsFreeOnlyWhenNovaHasForgottenItToo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		w.cloud.SetVolumePace(simulator.VolumePace{Attach: time.Second, Detach: time.Second, Forget: 5 * time.Second})
		p.detach(v, w.nodes[0])
		p.attach(v, w.nodes[0]) // Nova refuses it while it has the volume
	})
}

func TestDetachingWaitsForAnAttachmentThatIsBeginning(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		w.cloud.SetVolumePace(simulator.VolumePace{Attach: 20 * time.Second, Detach: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := p.ControllerPublishVolume(ctx, publish(v, w.nodes[0]))
		cancel()
		if status.Code(err) != codes.DeadlineExceeded {
			t.Fatalf("got %v, want DeadlineExceeded", err)
		}
		p.detach(v, w.nodes[0])
		time.Sleep(time.Minute)
		w.want(v, "available")
	})
}

func TestAVolumeThatIsRemovedByHandIsDetached(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		w.cloud.RemoveVolume(v)
		p.detach(v, w.nodes[0])
		p.delete(v)
	})
}

func TestAnAttachedVolumeIsNotDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		refused(w, p.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: v}, codes.FailedPrecondition, w.nodes[0])
		w.want(v, "in-use")
		p.detach(v, w.nodes[0])
		p.delete(v)
	})
}

func TestAVolumeThatCannotBeDeletedIsSaid(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		w.cloud.FailNextVolumeWork(simulator.DeleteVolume, "the backend is away")
		for range 2 { // the second time it is error_deleting already
			refused(w, p.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: v}, codes.FailedPrecondition, "error_deleting", "operator")
		}
		if !p.heard("VolumeNotDeleted") {
			t.Error("the owner of the volume heard nothing")
		}
		w.cloud.SetVolumeStatus(v, "available") // the operator has reset it
		p.delete(v)
		w.want(v, "gone")
	})
}

func TestAVolumeWithSnapshotsIsNotDeletedAndTheyAreNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		s := p.snapshot("snapshot-of-mine", v, nil).GetSnapshotId()
		p.ready(s)
		refused(w, p.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: v}, codes.FailedPrecondition, "snapshot-of-mine", s)
		must(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: s})
		p.delete(v)
	})
}

// TestAnAttachmentThatHasBegunIsDetachedEverywhereToo: a volume does not tell yet
// where it is being attached.
func TestAnAttachmentThatHasBegunIsDetachedEverywhereToo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		w.cloud.SetVolumePace(simulator.VolumePace{Attach: 5 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.ControllerPublishVolume(ctx, publish(v, w.nodes[0])); status.Code(err) != codes.DeadlineExceeded {
			t.Fatalf("got %v, want an attachment that is under way", err)
		}
		must(w, p.ControllerUnpublishVolume, unpublish(v, ""))
		time.Sleep(10 * time.Second)
		w.want(v, "available")
	})
}

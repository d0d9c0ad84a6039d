package controller_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/simulator"
)

// TestAnAttachmentThatNovaForgetsIsNotWaitedFor: a server is being deleted. Cinder has
// its volume free, Nova lists it still and attaches nothing, and external-attacher,
// which sees it free, asks for it again. Who waits for Nova to attach it keeps the
// attacher from detaching, and the volume from other servers.
func TestAnAttachmentThatNovaForgetsIsNotWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		p.attach(v, w.nodes[0])
		w.cloud.SetVolumePace(simulator.VolumePace{Forget: time.Hour})
		if err := p.client.Detach(t.Context(), w.nodes[0], v); err != nil {
			t.Fatal(err)
		}
		w.want(v, "available")
		time.AfterFunc(time.Second, func() { w.cloud.DeleteServer(w.nodes[0]) })
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		began := time.Now()
		_, err := p.ControllerPublishVolume(ctx, publish(v, w.nodes[0]))
		if took := time.Since(began); status.Code(err) != codes.NotFound || took > 15*time.Second {
			t.Errorf("after %s: %v, want NotFound within seconds", took, err)
		}
	})
}

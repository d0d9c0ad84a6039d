package controller_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"underlay/pkg/simulator"
)

// refusals are the ways in which a cloud says no without having done anything.
var refusals = []int{400, 401, 403, 404, 409, 413, 429, 503}

// insist asks as a sidecar does until the answer is success or final.
func insist[A any](w *world, call func(ctx context.Context) (A, error)) error {
	var err error
	for range 40 {
		if _, err = within(w, time.Minute, call); err == nil || !restful(status.Code(err)) {
			return err
		}
		time.Sleep(time.Second)
	}
	return fmt.Errorf("no answer after 40 attempts: %w", err)
}

// TestAFinalAnswerLeavesNothing lets every call of making and of attaching a
// volume be refused once, in every way: where the sidecar is told that it is over,
// it is.
func TestAFinalAnswerLeavesNothing(t *testing.T) {
	for _, code := range refusals {
		finals := 0
		for nth := 1; nth <= 14; nth++ {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 1)
				quick(w)
				p := w.start()
				w.cloud.AddFault(simulator.Fault{Match: "*", Nth: nth, Kind: simulator.FailBefore, Status: code})
				err := insist(w, func(ctx context.Context) (any, error) { return p.CreateVolume(ctx, wish("pvc-1", 1)) })
				made := w.named("pvc-1")
				if err != nil {
					finals++
					if len(made) > 0 || strings.Contains(err.Error(), "no answer after") {
						t.Errorf("%d at call %d (%s): told %v, and there is %+v", code, nth, struck(w), err, made)
					}
					return
				}
				if len(made) != 1 {
					t.Fatalf("%d at call %d (%s): %d volumes", code, nth, struck(w), len(made))
				}
				v := made[0].ID
				err = insist(w, func(ctx context.Context) (any, error) { return p.ControllerPublishVolume(ctx, publish(v, w.nodes[0])) })
				time.Sleep(time.Minute)
				if attached := len(w.cloud.Volume(v).Attachments) > 0; attached == (err != nil) {
					t.Errorf("%d at call %d (%s): told %v, and attached is %v", code, nth, struck(w), err, attached)
				}
			})
		}
		if finals > 2 {
			t.Errorf("%d: %d of the calls end the making of a volume, want no more than its POST and what that reads first", code, finals)
		}
	}
}

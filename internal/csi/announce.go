package csi

import (
	"context"

	v1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"

	"underlay/internal/signal"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/cluster"
	"underlay/pkg/volumes/controller"
)

// claimReader is controller.Claims.
type claimReader struct{ reader *cluster.Reader }

// Annotations keeps the contract of controller.Claims.
func (c claimReader) Annotations(ctx context.Context, claim controller.Claim) (map[string]string, error) {
	annotations, _, err := c.reader.Claim(ctx, claim.Namespace, claim.Name)
	return annotations, err
}

// announcer is controller.Announcer: it records events on claims, each thing once
// an hour, without holding anybody up.
type announcer struct {
	voice *signal.Voice
	turns chan struct{}
}

// atOnce bounds the events that are on their way.
const atOnce = 4

func newAnnouncer(reader *cluster.Reader) *announcer {
	a := &announcer{turns: make(chan struct{}, atOnce)}
	a.voice = signal.NewVoice(recorder{reader, a.turns})
	return a
}

// Announce keeps the contract of controller.Announcer.
func (a *announcer) Announce(_ context.Context, claim controller.Claim, e signal.Event, message string) {
	a.voice.Say(&v1.PartialObjectMetadata{ObjectMeta: v1.ObjectMeta{Namespace: claim.Namespace, Name: claim.Name}}, e, "", message)
}

// recorder is signal.Recorder over the API.
type recorder struct {
	reader *cluster.Reader
	turns  chan struct{}
}

// Event records it, or says in the log why not.
func (r recorder) Event(object runtime.Object, kind, reason, message string) {
	claim, ok := object.(v1.Object)
	if !ok {
		return
	}
	select {
	case r.turns <- struct{}{}:
	default:
		klog.Background().Info("An event is lost: the API server is slow", "reason", reason, "claim", klog.KObj(claim))
		return
	}
	go func() {
		defer func() { <-r.turns }()
		ctx := context.Background() // the call that had something to say may be over
		if err := r.record(ctx, claim, kind, reason, message); err != nil {
			klog.FromContext(ctx).Info("An event is lost", "reason", reason, "claim", klog.KObj(claim), "err", err)
		}
	}()
}

func (r recorder) record(ctx context.Context, claim v1.Object, kind, reason, message string) error {
	_, uid, err := r.reader.Claim(ctx, claim.GetNamespace(), claim.GetName())
	if err != nil {
		return err
	}
	return r.reader.Event(ctx, cluster.Object{
		APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.GetNamespace(), Name: claim.GetName(), UID: uid,
	}, block.DriverName, kind, reason, message)
}

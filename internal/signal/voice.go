package signal

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Recorder is what recording events needs of client-go's record.EventRecorder.
type Recorder interface {
	Event(object runtime.Object, eventtype, reason, message string)
}

// Object is what an event is on: a Node, a Service.
type Object interface {
	runtime.Object
	metav1.Object
}

// repeatAfter is when an unchanged thing is said again: events live for an hour.
const repeatAfter = time.Hour

// Voice says each thing once, not at every reconcile. It is safe for concurrent use.
type Voice struct {
	events Recorder

	mu   sync.Mutex
	said map[utterance]time.Time
}

// utterance is one thing that was said; object tells namesakes apart.
type utterance struct{ reason, object, topic string }

// NewVoice makes a Voice over a recorder; nil says nothing.
func NewVoice(events Recorder) *Voice {
	return &Voice{events: events, said: map[utterance]time.Time{}}
}

// Say records an event on the object unless it did so for this topic within the
// hour. The message may differ in what matters to nobody, as request ids do.
func (v *Voice) Say(object Object, e Event, topic, message string) {
	key := object.GetNamespace() + "/" + object.GetName() + "/" + string(object.GetUID())
	if v.events == nil || !v.isNew(utterance{e.Reason, key, topic}) {
		return
	}
	v.events.Event(object, e.Type, e.Reason, message)
}

func (v *Voice) isNew(what utterance) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	for old, at := range v.said {
		if now.Sub(at) >= repeatAfter {
			delete(v.said, old)
		}
	}
	if _, ok := v.said[what]; ok {
		return false
	}
	v.said[what] = now
	return true
}

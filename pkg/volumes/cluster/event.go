package cluster

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Object is what an event is on.
type Object struct {
	// APIVersion and Kind, e.g. "v1" and "PersistentVolumeClaim".
	APIVersion, Kind string
	// Namespace is "" for a Node or a PersistentVolume.
	Namespace, Name, UID string
}

// longestMessage is the limit of the API (validateEvent in
// k8s.io/kubernetes/pkg/apis/core/validation/events.go).
const longestMessage = 1024

type reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	UID        string `json:"uid,omitempty"`
}

type event struct {
	APIVersion     string            `json:"apiVersion"`
	Kind           string            `json:"kind"`
	Metadata       map[string]string `json:"metadata"`
	InvolvedObject reference         `json:"involvedObject"`
	Type           string            `json:"type"`
	Reason         string            `json:"reason"`
	Message        string            `json:"message"`
	Source         map[string]string `json:"source"`
	FirstTimestamp time.Time         `json:"firstTimestamp"`
	LastTimestamp  time.Time         `json:"lastTimestamp"`
	Count          int               `json:"count"`
}

// Event records an event on an object: kind is Normal or Warning. An event on
// what has no namespace is in the namespace "default", where kubectl looks.
func (r *Reader) Event(ctx context.Context, on Object, component, kind, reason, message string) error {
	namespace := on.Namespace
	if namespace == "" {
		namespace = "default"
	}
	now := time.Now().UTC()
	at := now.Truncate(time.Second)
	e := event{
		APIVersion: "v1", Kind: "Event",
		Metadata:       map[string]string{"namespace": namespace, "name": on.Name + "." + strconv.FormatInt(now.UnixNano(), 16)},
		InvolvedObject: reference(on),
		Type:           kind, Reason: reason, Message: cut(message),
		Source:         map[string]string{"component": component},
		FirstTimestamp: at, LastTimestamp: at, Count: 1,
	}
	if err := r.do(ctx, http.MethodPost, "/api/v1/namespaces/"+url.PathEscape(namespace)+"/events", e, nil); err != nil {
		return fmt.Errorf("record event %s on %s %s: %w", reason, on.Kind, on.Name, err)
	}
	return nil
}

// cut shortens a message to what the API takes, at the border of a letter.
func cut(message string) string {
	if len(message) <= longestMessage {
		return message
	}
	const more = "…"
	end := longestMessage - len(more)
	for end > 0 && message[end]&0xc0 == 0x80 {
		end--
	}
	return message[:end] + more
}

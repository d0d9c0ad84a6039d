package signal_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"underlay/internal/signal"
)

// notes keeps what was recorded.
type notes []string

func (n *notes) Event(_ runtime.Object, kind, reason, message string) {
	*n = append(*n, kind+" "+reason+" "+message)
}

func TestAThingIsSaidOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard notes
		voice := signal.NewVoice(&heard)
		node := func(uid string) *v1.Node {
			return &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", UID: types.UID(uid)}}
		}
		limit := signal.Event{Type: "Warning", Reason: "Limit"}
		voice.Say(node("a"), limit, "router 1", "no room [req-1]")
		voice.Say(node("a"), limit, "router 1", "no room [req-2]")
		voice.Say(node("a"), limit, "router 2", "no room there")
		voice.Say(node("b"), limit, "router 1", "no room for a namesake")
		time.Sleep(59 * time.Minute)
		voice.Say(node("a"), limit, "router 1", "too early")
		time.Sleep(time.Minute)
		voice.Say(node("a"), limit, "router 1", "still no room")
		want := []string{
			"Warning Limit no room [req-1]", "Warning Limit no room there",
			"Warning Limit no room for a namesake", "Warning Limit still no room",
		}
		if !slices.Equal(heard, want) {
			t.Errorf("got %q, want %q", heard, want)
		}
		signal.NewVoice(nil).Say(node("a"), limit, "", "to nobody")
	})
}

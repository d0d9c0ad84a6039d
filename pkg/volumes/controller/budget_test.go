package controller_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"underlay/pkg/simulator"
)

// budget checks the calls since the last reset.
func (w *world) budget(what string, most, mostPolls int) {
	w.t.Helper()
	rest, polls := w.calls()
	if len(rest) > most || len(polls) > mostPolls {
		w.t.Errorf("%s: got %d calls and %d reads of volumes, want at most %d and %d:\n%s\n%s",
			what, len(rest), len(polls), most, mostPolls, strings.Join(rest, "\n"), strings.Join(polls, "\n"))
	}
}

// The reads of the volume are the first look and the polls: a wait of 3 s has 4.
func TestBudgets(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		p.create("warm", 1) // tokens and versions
		step := func(what string, most, mostPolls int, do func()) {
			w.cloud.ResetCalls()
			do()
			w.budget(what, most, mostPolls)
		}
		var volume string
		step("create: look, POST, look again", 1, 2+5, func() { volume = p.create("pvc-1", 1).GetVolumeId() })
		step("create again", 0, 1, func() { p.create("pvc-1", 1) })
		step("attach: look and POST", 1, 1+5, func() { p.attach(volume, w.nodes[0]) })
		step("attach again: look", 0, 1, func() { p.attach(volume, w.nodes[0]) })
		step("expand: look and POST", 1, 1+5, func() {
			must(w, p.ControllerExpandVolume, &csi.ControllerExpandVolumeRequest{VolumeId: volume, CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gib}})
		})
		step("detach: look, DELETE, and Nova's word", 2, 1+5, func() { p.detach(volume, w.nodes[0]) })
		step("detach again: look, and Nova's word", 1, 1, func() { p.detach(volume, w.nodes[0]) })
		step("delete: look and DELETE", 1, 1+5, func() { p.delete(volume) })
		step("delete again: look", 0, 1, func() { p.delete(volume) })
	})
}

// each runs something for all numbers at once.
func each(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

func TestFiftyAttachesShareTheirPolls(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const n = 50
		w := newWorld(t, n)
		p := w.start()
		volumes := make([]string, n)
		each(n, func(i int) { volumes[i] = p.create(fmt.Sprintf("pvc-%d", i), 1).GetVolumeId() })
		w.cloud.ResetCalls()
		began := time.Now()
		each(n, func(i int) { p.attach(volumes[i], w.nodes[i]) })
		took := time.Since(began)
		rest, polls := w.calls()
		lists := slices.DeleteFunc(slices.Clone(polls), func(call string) bool { return !strings.Contains(call, "/volumes/detail") })
		if len(rest) != n {
			t.Errorf("got %d calls that are no reads of volumes, want %d", len(rest), n)
		}
		if most := 12; len(lists) > most || len(polls)-len(lists) > n+5 {
			t.Errorf("got %d lists and %d reads of one volume, want at most %d and %d (the first looks)", len(lists), len(polls)-len(lists), most, n+5)
		}
		if took > 20*time.Second {
			t.Errorf("50 attaches of 3 s took %v", took)
		}
	})
}

func TestAThousandVolumesAreListedAPageAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		for i := range 1000 {
			w.cloud.AddVolume(simulator.VolumeSpec{Name: fmt.Sprintf("v-%04d", i), Metadata: map[string]string{"note": strings.Repeat("x", 200)}})
		}
		p := w.start()
		seen := map[string]bool{}
		most := uint64(0)
		token := ""
		for pages := 1; ; pages++ {
			answer := must(w, p.ListVolumes, &csi.ListVolumesRequest{MaxEntries: 100, StartingToken: token})
			if len(answer.GetEntries()) > 100 {
				t.Fatalf("a page has %d entries", len(answer.GetEntries()))
			}
			for _, e := range answer.GetEntries() {
				seen[e.GetVolume().GetVolumeId()] = true
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			if pages == 2 {
				most = m.HeapAlloc + 4<<20
			}
			if pages > 2 && m.HeapAlloc > most {
				t.Errorf("at page %d the heap has %d MiB, which is 4 MiB more than at page 2", pages, m.HeapAlloc>>20)
			}
			if token = answer.GetNextToken(); token == "" {
				break
			}
		}
		if len(seen) != 1000 {
			t.Errorf("listed %d volumes, want 1000", len(seen))
		}
	})
}

func TestRequestsAtTheSameTimeAreOneAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		results := make([]error, 5)
		each(5, func(i int) { _, results[i] = once(w, p.CreateVolume, wish("pvc-1", 1)) })
		good := 0
		for _, err := range results {
			if err == nil {
				good++
			} else if code(err) != "Aborted" {
				t.Errorf("got %v, want Aborted", err)
			}
		}
		if got := len(w.named("pvc-1")); good != 1 || got != 1 {
			t.Errorf("%d of 5 requests succeeded and %d volumes were made, want 1 and 1", good, got)
		}
	})
}

func TestTwoProcessesAtTheSameTimeMakeOneVolume(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		ids := make([]string, 4)
		each(len(ids), func(i int) {
			l := &life{w: w, p: w.start(), told: map[string]string{}}
			ids[i] = ask(l, "create", func(p *process) func(context.Context, *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
				return p.CreateVolume
			}, wish("pvc-1", 1)).GetVolume().GetVolumeId()
		})
		if got := w.named("pvc-1"); len(got) != 1 {
			t.Errorf("there are %d volumes, want 1: %+v", len(got), got)
		}
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("told %v, want one id", ids)
				break
			}
		}
	})
}

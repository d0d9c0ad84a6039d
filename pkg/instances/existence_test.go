package instances_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"underlay/pkg/instances"
	"underlay/pkg/simulator"
)

const (
	getServer  = "GET /servers/{id}"
	getServers = "GET /servers/detail"
	getPorts   = "GET /v2.0/ports"
)

var (
	alive  = answer{exists: true}
	off    = answer{exists: true, shutdown: true}
	broken = answer{exists: true, failed: true}
	gone   = answer{}
)

func TestServerDeletedIsGoneAfterTwo404s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1", ready(v1.ConditionUnknown))
		if got := w.ask(node); got != alive {
			t.Fatalf("while it runs: %+v, want %+v", got, alive)
		}
		w.cloud.DeleteServer(s.ID)
		if got := w.ask(node); got != alive {
			t.Errorf("right after: %+v; what was just seen is still believed", got)
		}
		time.Sleep(period)
		if got := w.ask(node); got != alive {
			t.Errorf("at the first 404: %+v, want %+v", got, alive)
		}
		time.Sleep(3 * time.Second)
		if got := w.ask(node); got != alive {
			t.Errorf("at a second 404 too soon: %+v, want %+v", got, alive)
		}
		time.Sleep(3 * time.Second)
		if got := w.ask(node); got != gone {
			t.Errorf("at a 404 a period later: %+v, want %+v", got, gone)
		}
		if w.logged("Server is gone") != 1 {
			t.Errorf("log = %v, want one line that says so", w.log)
		}
	})
}

// TestLongMonitorPeriod: two 404s are a period apart, however long it is.
func TestLongMonitorPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *instances.Options) { o.MonitorPeriod = time.Minute })
		s, node := w.joined("n1", ready(v1.ConditionUnknown))
		w.cloud.DeleteServer(s.ID)
		for n := range 4 {
			if got := w.ask(node); got != alive {
				t.Errorf("%d s after the first 404: %+v, want %+v", n*10, got, alive)
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Minute)
		if got := w.ask(node); got != gone {
			t.Errorf("more than a period after the first 404: %+v, want %+v", got, gone)
		}
	})
}

func TestExistenceAndShutdownShareOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1", ready(v1.ConditionFalse))
		w.ask(node)
		for _, tt := range []struct {
			status string
			want   answer
		}{{"ACTIVE", alive}, {"SHUTOFF", off}, {"PAUSED", alive}, {"SUSPENDED", alive}, {"SHELVED_OFFLOADED", off}, {"SOFT_DELETED", off}, {"ERROR", alive}} {
			time.Sleep(period)
			w.cloud.SetServerStatus(s.ID, tt.status)
			w.cloud.ResetCalls()
			if got := w.ask(node); got != tt.want {
				t.Errorf("%s: %+v, want %+v", tt.status, got, tt.want)
			}
			if got := w.cloud.Count("*"); got != 1 {
				t.Errorf("%s: %d calls, want 1: %v", tt.status, got, w.cloud.Calls())
			}
		}
	})
}

// A node that was described a moment ago, and is not ready yet, needs no call of its own.
func TestAListJustReadProvesExistence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		_, node := w.joined("n1", ready(v1.ConditionFalse))
		if _, err := w.inst.InstanceMetadata(w.ctx, node); err != nil {
			t.Fatal(err)
		}
		w.cloud.ResetCalls()
		time.Sleep(3 * time.Second)
		if got := w.ask(node); got != alive {
			t.Errorf("got %+v, want %+v", got, alive)
		}
		if got := w.cloud.Count("*"); got != 0 {
			t.Errorf("got %d calls, want none: %v", got, w.cloud.Calls())
		}
		time.Sleep(3 * time.Second)
		w.ask(node)
		if got := w.cloud.Count("GET /servers/{id}"); got != 1 {
			t.Errorf("got %d GETs once the list is old, want 1", got)
		}
	})
}

// Nodes are not mass-deleted on a transient 404 from Nova.
func TestDefect20Transient404RemovesNoNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 3 {
			w.joined(fmt.Sprint("n", n), ready(v1.ConditionUnknown))
		}
		w.cloud.AddFault(simulator.Fault{Match: getServer, Nth: 4, Times: 3, Kind: simulator.FailBefore, Status: http.StatusNotFound})
		if got := w.passes(10); got != nil {
			t.Errorf("reported gone: %v, want none", got)
		}
		if w.cloud.Count(getServer) < 6 {
			t.Errorf("only %d GETs, so the fault did not strike", w.cloud.Count(getServer))
		}
	})
}

// TestScattered404s: 404s that are far apart, or with another answer in between,
// never add up, not even where lists hide the server too.
func TestScattered404s(t *testing.T) {
	for _, between := range []struct {
		name  string
		check func(w *world, node *v1.Node)
	}{
		{"the server", func(w *world, node *v1.Node) {
			time.Sleep(period)
			w.cloud.SetCellDown(false)
			if got := w.ask(node); got != alive {
				w.Errorf("when it is seen: %+v, want %+v", got, alive)
			}
			w.cloud.SetCellDown(true)
			time.Sleep(period)
		}},
		{"ten minutes", func(w *world, _ *v1.Node) { time.Sleep(10 * time.Minute) }},
		{"an error", func(w *world, node *v1.Node) {
			time.Sleep(period)
			w.cloud.AddFault(simulator.Fault{Match: getServer, Kind: simulator.FailBefore, Status: http.StatusServiceUnavailable})
			if got := w.ask(node); got != broken {
				w.Errorf("at an error: %+v, want %+v", got, broken)
			}
			w.cloud.ClearFaults()
			time.Sleep(period)
		}},
	} {
		t.Run(between.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldOn(t, hiding, nil)
				s, node := w.joined("n1", ready(v1.ConditionUnknown))
				w.cloud.SetCellDownAnswer(http.StatusNotFound)
				w.cloud.SetCellDown(true, s.ID)
				for range 4 {
					if got := w.ask(node); got != alive {
						t.Errorf("at a lone 404: %+v, want %+v", got, alive)
					}
					between.check(w, node)
				}
			})
		})
	}
}

// TestListContradicts404: a broken GET that says 404 for ever is not believed
// while the list shows the server.
func TestListContradicts404(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.joined("n1", ready(v1.ConditionUnknown))
		w.cloud.AddFault(simulator.Fault{Match: getServer, Kind: simulator.FailBefore, Status: http.StatusNotFound})
		if got := w.passes(6); got != nil {
			t.Errorf("reported gone: %v, want none", got)
		}
	})
}

// TestErrorsNeverMeanGone: every other answer leaves the question open, also
// when the server really is gone.
func TestErrorsNeverMeanGone(t *testing.T) {
	for _, status := range []int{400, 401, 403, 409, 429, 500, 502, 503, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s, node := w.joined("n1", ready(v1.ConditionUnknown))
				w.ask(node)
				w.cloud.DeleteServer(s.ID)
				w.cloud.AddFault(simulator.Fault{Match: getServer, Kind: simulator.FailBefore, Status: status})
				for range 4 {
					time.Sleep(period)
					if got := w.ask(node); got != broken {
						t.Errorf("%+v, want %+v", got, broken)
					}
				}
				w.cloud.ClearFaults()
				time.Sleep(time.Minute)
				if got := w.passes(3); len(got) != 1 {
					t.Errorf("when the cloud is well again: gone = %v, want n1", got)
				}
			})
		})
	}
}

// TestUnreadableProject: 404 for a server is not believed when the project
// itself cannot be read.
func TestUnreadableProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1", ready(v1.ConditionUnknown))
		w.ask(node)
		w.cloud.DeleteServer(s.ID)
		w.cloud.AddFault(simulator.Fault{Match: "GET /servers", Kind: simulator.FailBefore, Status: http.StatusForbidden})
		w.cloud.AddFault(simulator.Fault{Match: getServers, Kind: simulator.FailBefore, Status: http.StatusForbidden})
		w.cloud.AddFault(simulator.Fault{Match: "GET /limits", Kind: simulator.FailBefore, Status: http.StatusForbidden})
		for range 4 {
			time.Sleep(period)
			if got := w.ask(node); got != broken {
				t.Errorf("%+v, want %+v", got, broken)
			}
		}
	})
}

// TestCellDown: the servers of a cell that Nova cannot reach exist, whatever
// this Nova answers for them.
func TestCellDown(t *testing.T) {
	for _, microversion := range []string{"2.68", "2.100"} {
		for _, status := range []int{0, 500, 503, 404} {
			t.Run(fmt.Sprint(microversion, " answer ", status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorldOn(t, simulator.Options{MaxMicroversion: microversion}, nil)
					for n := range 12 {
						w.joined(fmt.Sprint("n", n), ready(v1.ConditionUnknown))
					}
					w.cloud.SetCellDown(true)
					w.cloud.SetCellDownAnswer(status)
					if got := w.passes(6); got != nil {
						t.Errorf("reported gone: %v, want none", got)
					}
					for _, node := range w.list() {
						if got := w.ask(node); got.shutdown {
							t.Errorf("%s is said to be shut down", node.Name)
						}
					}
				})
			})
		}
	}
}

// TestHalfVanish: 50 of 100 servers vanish at once. Their Nodes turn NotReady
// one after another, and not one of them is removed.
func TestHalfVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var lost []*v1.Node
		var specs []simulator.Server
		for n := range 100 {
			s, node := w.joined(fmt.Sprintf("n%02d", n))
			if n%2 == 0 {
				lost, specs = append(lost, node), append(specs, s)
			}
		}
		for _, s := range specs {
			w.cloud.DeleteServer(s.ID)
		}
		var reported []string
		for _, node := range lost {
			ready(v1.ConditionUnknown)(node)
			reported = append(reported, w.passes(1)...)
		}
		reported = append(reported, w.passes(5)...)
		if reported != nil {
			t.Fatalf("reported gone: %v, want none", reported)
		}
		if got := w.count("NodeDeletionHeld"); got != len(lost) {
			t.Errorf("%d events NodeDeletionHeld, want one for each of %d nodes", got, len(lost))
		}
		w.cloud.ResetCalls()
		w.passes(1)
		if got := w.cloud.Count("*"); got > 2 {
			t.Errorf("a pass over %d held nodes makes %d calls, want at most 2: %v", len(lost), got, w.cloud.Calls())
		}

		// The operator deletes most of them by hand: the rest is few enough.
		for _, node := range lost[:35] {
			w.forget(node)
		}
		if got := w.passes(4); len(got) != 15 {
			t.Errorf("%d removed after that, want the remaining 15: %v", len(got), got)
		}
	})
}

// TestHeldNodesRecover: the servers were only hidden, and come back.
func TestHeldNodesRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOn(t, hiding, nil)
		for n := range 8 {
			w.joined(fmt.Sprint("n", n), ready(v1.ConditionUnknown))
		}
		w.cloud.SetCellDown(true)
		w.cloud.SetCellDownAnswer(http.StatusNotFound)
		if got := w.passes(4); got != nil {
			t.Fatalf("reported gone: %v, want none", got)
		}
		if got := w.count("NodeDeletionHeld"); got != 8 {
			t.Errorf("%d events NodeDeletionHeld, want 8: %v", got, w.events)
		}
		w.cloud.SetCellDown(false)
		if got := w.passes(3); got != nil {
			t.Errorf("reported gone after they came back: %v", got)
		}
		for _, node := range w.list()[:2] {
			id := node.Spec.ProviderID[len("openstack:///"):]
			w.cloud.DeleteServer(id)
		}
		if got := w.passes(3); len(got) != 2 {
			t.Errorf("removed %v, want the two that are really gone", got)
		}
	})
}

func TestBrakeOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *instances.Options) { o.BrakePercent = 0 })
		for n := range 20 {
			s, _ := w.joined(fmt.Sprint("n", n), ready(v1.ConditionUnknown))
			w.cloud.DeleteServer(s.ID)
		}
		if got := w.passes(3); len(got) != 20 {
			t.Errorf("%d removed, want all 20", len(got))
		}
	})
}

// TestManyNodesShutDown: one list serves many Nodes that are not Ready.
func TestManyNodesShutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 50 {
			s, _ := w.joined(fmt.Sprint("n", n), ready(v1.ConditionUnknown))
			w.cloud.SetServerStatus(s.ID, "SHUTOFF")
		}
		w.passes(1)
		w.cloud.ResetCalls()
		for _, node := range w.list() {
			if got := w.ask(node); got != off {
				t.Errorf("%s: %+v, want %+v", node.Name, got, off)
			}
		}
		if got := w.cloud.Count("*"); got > 1 {
			t.Errorf("%d calls for 50 nodes, want 1: %v", got, w.cloud.Calls())
		}
	})
}

// Many Nodes that have become Ready since the framework began to ask about them
// are asked for by one list, but for the first few.
func TestManyQuestionsAtOnceBecomeOneList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 50 {
			w.joined(fmt.Sprint("n", n))
		}
		w.cloud.ResetCalls()
		for _, node := range w.list() {
			if got := w.ask(node); got != alive {
				t.Errorf("%s: %+v, want %+v", node.Name, got, alive)
			}
		}
		if got := w.cloud.Count(getServer); got > 10 {
			t.Errorf("%d servers were asked for one by one, want at most 10", got)
		}
		if got := w.cloud.Count(getServers); got != 1 {
			t.Errorf("%d lists, want 1", got)
		}
	})
}

func TestForeignNodesAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *instances.Options) { o.RegionalProviderID = true })
		s := w.server("ours")
		elsewhere := func(n *v1.Node) { n.Labels = map[string]string{v1.LabelTopologyRegion: "RegionTwo"} }
		foreign := []*v1.Node{
			w.node("aws", providerID("aws:///eu-west-1a/i-0123456789abcdef0")),
			w.node("k3s", providerID("k3s://k3s")),
			w.node("region", providerID("openstack://RegionTwo/"+s.ID)),
			w.node("label", providerID("openstack:///"+s.ID), elsewhere),
			w.node("broken", providerID("openstack:///ours")),
		}
		w.cloud.ResetCalls()
		for range 5 {
			for _, node := range foreign {
				if got := w.ask(node); got != alive {
					t.Errorf("%s: %+v, want %+v", node.Name, got, alive)
				}
				got, err := w.inst.InstanceMetadata(w.ctx, node)
				if err != nil || got == nil {
					t.Fatalf("%s: metadata %v, %v; want some without an error", node.Name, got, err)
				}
				if got.ProviderID != node.Spec.ProviderID || len(got.NodeAddresses) > 0 {
					t.Errorf("%s: metadata %+v, want only the provider ID", node.Name, got)
				}
				waiting := node.DeepCopy()
				tainted(waiting)
				if got, err := w.inst.InstanceMetadata(w.ctx, waiting); got != nil || err != nil {
					t.Errorf("%s, uninitialized: metadata %v, %v; want nil, so that its own provider initializes it", node.Name, got, err)
				}
			}
			time.Sleep(period)
		}
		if got := w.cloud.Count("*"); got != 0 {
			t.Errorf("%d calls, want none: %v", got, w.cloud.Calls())
		}
		if got := w.logged("left alone"); got != len(foreign) || len(w.log) != got {
			t.Errorf("log = %v, want one line a node", w.log)
		}
		if w.events != nil {
			t.Errorf("events = %v, want none", w.events)
		}
	})
}

// TestDefect19RemovedNodeWithoutProviderID is defect 19 of the reference peer: a node
// without a provider ID is never removed (its issues 2999 and 3114).
func TestDefect19RemovedNodeWithoutProviderID(t *testing.T) {
	same := func(id string) string { return id }
	another := func(string) string { return "4c4c4544-0042-4810-8034-b4c04f564e31" }
	reporting := ready(v1.ConditionFalse)
	tests := []struct {
		name    string
		changes []func(*v1.Node)
		noUUID  bool
		sibling func(serverID string) (systemUUID string) // of another node, if any
		restart bool                                      // while the server is deleted, so that no match is remembered
		want    bool                                      // removed
	}{
		{name: "matched by name before", noUUID: true, want: true},
		{name: "matched by system UUID before", want: true},
		{name: "matched before, its kubelet alive", changes: []func(*v1.Node){reporting}, want: true},
		{name: "never initialized, its kubelet silent", restart: true, changes: []func(*v1.Node){tainted}, want: true},
		{name: "never initialized, its kubelet alive", restart: true, changes: []func(*v1.Node){tainted, reporting}},
		{name: "never initialized, system UUIDs mean nothing here", restart: true, changes: []func(*v1.Node){tainted}, sibling: another},
		{name: "initialized, nothing known of system UUIDs", restart: true},
		{name: "initialized, another node confirms system UUIDs", restart: true, sibling: same, want: true},
		{name: "initialized, without a system UUID", restart: true, sibling: same, noUUID: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.server("n1")
				node := w.node("n1", append([]func(*v1.Node){ready(v1.ConditionUnknown)}, tt.changes...)...)
				if !tt.noUUID {
					systemUUID(s.ID)(node)
				}
				if tt.sibling != nil {
					other, otherNode := w.joined("other")
					systemUUID(tt.sibling(other.ID))(otherNode)
				}
				if got := w.passes(2); got != nil {
					t.Fatalf("removed while its server exists: %v", got)
				}
				w.cloud.DeleteServer(s.ID)
				if tt.restart {
					w.restart(nil)
				}
				if got := len(w.passes(20)) == 1; got != tt.want {
					t.Errorf("removed = %v, want %v; log %v", got, tt.want, w.log)
				}
			})
		})
	}
}

// TestNodeWithoutProviderIDWhoseServerWasReplaced: the machine was built again
// under its name; the Node stays.
func TestNodeWithoutProviderIDWhoseServerWasReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.server("n1")
		node := w.node("n1", ready(v1.ConditionUnknown))
		if got := w.ask(node); got != alive {
			t.Fatalf("%+v, want %+v", got, alive)
		}
		w.cloud.DeleteServer(s.ID)
		w.server("n1")
		if got := w.passes(20); got != nil {
			t.Errorf("removed: %v", got)
		}
	})
}

// TestNodesOfOneNameDoNotStorm: several servers of one name are one event, no
// error, and no removal.
func TestNodesOfOneNameDoNotStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ids := []string{w.server("twin").ID, w.server("twin").ID}
		slices.Sort(ids)
		node := w.node("twin", ready(v1.ConditionUnknown))
		if got := w.passes(5); got != nil {
			t.Errorf("removed: %v", got)
		}
		for range 3 {
			if got, err := w.inst.InstanceMetadata(w.ctx, node); err == nil {
				t.Errorf("metadata = %+v, want an error", got)
			}
		}
		want := []string{"NodeServerAmbiguous twin: 2 servers have this node's name: " + ids[0] + ", " + ids[1] + ". None is chosen."}
		if diff := cmp.Diff(want, w.events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// TestDeletedNodesAreForgotten: memory does not grow with the Nodes of the past.
func TestDeletedNodesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.joined("stays")
		for n := range 2 {
			w.server(fmt.Sprint("unlabelled", n))
			w.node(fmt.Sprint("unlabelled", n), ready(v1.ConditionUnknown))
			s, _ := w.joined(fmt.Sprint("lost", n), ready(v1.ConditionUnknown))
			w.cloud.DeleteServer(s.ID)
			w.node(fmt.Sprint("foreign", n), providerID("k3s://n"), ready(v1.ConditionUnknown))
		}
		w.passes(1)
		if got := w.inst.Remembered(); got == 0 {
			t.Fatal("nothing is remembered, so nothing could be forgotten")
		}
		for _, node := range w.list()[1:] {
			w.forget(node)
		}
		time.Sleep(time.Minute)
		w.ask(w.list()[0])
		time.Sleep(time.Minute)
		w.describe(w.list()[0])
		if got := w.inst.Remembered(); got != 0 {
			t.Errorf("%d things are still remembered, want none", got)
		}
	})
}

// TestSoftDeletedIsNotGone: it may be restored; lists hide it, GET does not.
func TestSoftDeletedIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s, node := w.joined("n1", ready(v1.ConditionUnknown))
		w.cloud.SetServerStatus(s.ID, "SOFT_DELETED")
		if got := w.passes(5); got != nil {
			t.Errorf("removed: %v", got)
		}
		if got := w.ask(node); got != off {
			t.Errorf("%+v, want %+v", got, off)
		}
	})
}

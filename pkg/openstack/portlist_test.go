package openstack

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"underlay/pkg/routes"
)

func TestPortListNeverGoesBack(t *testing.T) {
	at := func(revision int, status string) neutronPort {
		return neutronPort{ID: "p1", Revision: revision, Status: status}
	}
	list := newPortList([]neutronPort{{ID: "p0"}, at(5, "ACTIVE"), at(4, "DOWN")})
	if len(list.table().forRoutes) != 2 || list.table().forRoutes[1].Revision != 5 {
		t.Errorf("got %+v, want a port that two pages have once", list.table().forRoutes)
	}
	if older := list.with(at(4, "DOWN")); older.table().forRoutes[1].Revision != 5 || !older.table().forInstances[1].Active {
		t.Errorf("got %+v, want the later revision kept", older)
	}
	if newer := list.with(at(6, "DOWN")); newer.table().forRoutes[1].Revision != 6 || newer.table().forInstances[1].Active {
		t.Errorf("got %+v, want the later revision", newer)
	}
	if unknown := list.with(neutronPort{ID: "p2", Revision: 1}); len(unknown.table().forRoutes) != 2 {
		t.Errorf("got %+v, want a port that the list has not seen left to the next reading", unknown)
	}
}

// In whatever order answers come, the list ends with the latest of each port, and
// no list that was given out changes.
func TestPortListLearnsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []neutronPort
		for n := range 5 {
			all = append(all, neutronPort{ID: fmt.Sprint("p", n)})
		}
		list := newPortList(all)
		want := map[string]int{}
		for _, answer := range rapid.SliceOf(rapid.Custom(func(t *rapid.T) neutronPort {
			return neutronPort{ID: fmt.Sprint("p", rapid.IntRange(0, 4).Draw(t, "port")), Revision: rapid.IntRange(1, 20).Draw(t, "revision")}
		})).Draw(t, "answers") {
			before := append([]routes.Port(nil), list.table().forRoutes...)
			next := list.with(answer)
			if diff := cmp.Diff(before, list.table().forRoutes); diff != "" {
				t.Fatalf("a list that was given out changed:\n%s", diff)
			}
			list = next
			want[answer.ID] = max(want[answer.ID], answer.Revision)
		}
		for _, port := range list.table().forRoutes {
			if port.Revision != want[port.ID] {
				t.Fatalf("%s: got revision %d, want %d", port.ID, port.Revision, want[port.ID])
			}
		}
	})
}

// A write costs a note and not a copy: a thousand writes between two readings
// make one new list, and older lists stay as they were.
func TestPortListCopiesOnlyForReaders(t *testing.T) {
	list := newPortList([]neutronPort{{ID: "p0"}, {ID: "p1"}})
	first := list.table()
	allocated := testing.AllocsPerRun(1000, func() { list = list.with(neutronPort{ID: "p1", Revision: list.at.learned.Revision + 1}) })
	if allocated > 1 {
		t.Errorf("got %v allocations a write, want 1", allocated)
	}
	next := list.table()
	if next.forRoutes[1].Revision < 1000 || next.forBalancers[1].Revision != next.forRoutes[1].Revision || first.forRoutes[1].Revision != 0 {
		t.Errorf("got %+v after %+v, want what was learned last", next.forRoutes, first.forRoutes)
	}
	if list.table() != next || list.at.before != nil {
		t.Error("the list is copied again for the next reader, or keeps what came before")
	}
	if empty := (portList{}).with(neutronPort{ID: "p0"}).table(); len(empty.forRoutes) != 0 {
		t.Errorf("got %+v of a list that was never read", empty.forRoutes)
	}
}

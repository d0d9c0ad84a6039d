package instances_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// Two clusters in one project name their nodes alike. A new node is not taken for
// the other cluster's server because its own is too new for the shared list.
func TestANewNodeIsNotAnotherClustersNamesake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		_, first := w.joined("node-1")
		theirs := w.server("node-3")
		w.describe(first) // the shared list has theirs now
		time.Sleep(10 * time.Second)

		ours := w.server("node-3")
		node := w.node("node-3", systemUUID(ours.ID), tainted)
		if exists := w.ask(node); !exists.exists {
			t.Errorf("got %+v before it is initialised", exists)
		}
		if got, want := w.describe(node).ProviderID, "openstack:///"+ours.ID; got != want {
			t.Errorf("got %s, want %s; theirs is %s", got, want, theirs.ID)
		}
	})
}

// Where no server has the system UUID, as with some bare metal, the name counts.
func TestANameCountsWhereNoServerHasTheSystemUUID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.server("metal-1")
		node := w.node("metal-1", systemUUID("4c4c4544-0043-3010-8052-b4c04f564433"), tainted)
		if got, want := w.describe(node).ProviderID, "openstack:///"+s.ID; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

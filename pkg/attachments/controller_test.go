package attachments_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"underlay/pkg/simulator"
)

// in runs a test in a bubble of virtual time.
func in(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
}

// TestTheVolumesOfADeletedServerAreFree: from the server's end to the last call,
// and what it costs.
func TestTheVolumesOfADeletedServerAreFree(t *testing.T) {
	in(t, func(w *world) {
		s, other := w.joined("n1"), w.joined("n2")
		w.attach("a1", "n1", s.ID)
		w.attach("a2", "n1", s.ID)
		w.attach("b1", "n2", other.ID)
		w.pod("ended", "n1", v1.PodSucceeded)
		w.pod("p1", "n1", v1.PodRunning)
		w.cloud.DeleteServer(s.ID)
		w.cloud.ResetCalls()
		w.deleteNode("n1")
		time.Sleep(50 * time.Second)
		w.wantLeft("while a pod needs the volume there", "a1", "a2", "b1")
		if got := w.cloud.Count("*"); got > 0 {
			t.Errorf("got %d calls to the cloud before the pod was gone, want none", got)
		}
		w.deletePod("p1")
		time.Sleep(soon)
		w.wantLeft("after its pods", "b1")
		time.Sleep(late)

		if gets, lists := w.cloud.Count(getServer), w.cloud.Count(getList); gets != 1 || lists != 1 {
			t.Errorf("got %d reads of the server and %d lists, want 1 and 1", gets, lists)
		}
		if lists, deletes := w.count("list", "volumeattachments"), w.count("delete", "volumeattachments"); lists != 1 || deletes != 2 {
			t.Errorf("got %d lists of attachments and %d deletes, want 1 and 2", lists, deletes)
		}
		if got := w.logged("Deleted the attachment of a volume to a server that is gone"); got != 2 {
			t.Errorf("got %d lines for 2 attachments", got)
		}
		want := "Normal VolumeAttachmentDeleted n1: Server " + s.ID + " is gone: deleted VolumeAttachment a1, so that PersistentVolume pv-a1 can be attached elsewhere."
		if len(w.events) != 2 || !slices.Contains(w.events, want) {
			t.Errorf("events: got %q, want two, one of them %q", w.events, want)
		}
	})
}

// TestANodeWithoutVolumesCostsOneList: most nodes that go have none.
func TestANodeWithoutVolumesCostsOneList(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.pod("p1", "n1", v1.PodRunning)
		w.cloud.DeleteServer(s.ID)
		w.cloud.ResetCalls()
		w.deleteNode("n1")
		time.Sleep(late)
		if cloud, lists, pods := w.cloud.Count("*"), w.count("list", "volumeattachments"), w.count("list", "pods"); cloud != 0 || lists != 1 || pods != 0 {
			t.Errorf("got %d calls to the cloud, %d lists of attachments and %d of pods, want 0, 1 and 0", cloud, lists, pods)
		}
	})
}

// TestWhatIsNotProvenIsUntouched: each case has one attachment to what would be
// the lost server, but for one thing.
func TestWhatIsNotProvenIsUntouched(t *testing.T) {
	const nobody = "11111111-2222-4333-8444-555555555555"
	is := func(change func(a *storagev1.VolumeAttachment)) func(*world, string) {
		return func(w *world, server string) {
			w.attach("a", "n1", server, change)
			w.cloud.DeleteServer(server)
		}
	}
	for name, arrange := range map[string]func(w *world, server string){
		"the server lives": func(w *world, server string) { w.attach("a", "n1", server) },
		"it is shut off": func(w *world, server string) {
			w.attach("a", "n1", server)
			w.cloud.SetServerStatus(server, "SHUTOFF")
		},
		"it may be restored": func(w *world, server string) {
			w.attach("a", "n1", server)
			w.cloud.SetServerStatus(server, "SOFT_DELETED")
		},
		"another driver's":   is(func(a *storagev1.VolumeAttachment) { a.Spec.Attacher = "manila.csi.openstack.org" }),
		"another node's":     is(func(a *storagev1.VolumeAttachment) { a.Spec.NodeName = "n2" }),
		"another server's":   is(func(a *storagev1.VolumeAttachment) { a.Annotations[nodeIDKey] = nobody }),
		"nobody knows whose": is(func(a *storagev1.VolumeAttachment) { a.Annotations = nil }),
		"being deleted": is(func(a *storagev1.VolumeAttachment) {
			now := metav1.Now()
			a.DeletionTimestamp = &now
		}),
		"its pod does not end": func(w *world, server string) {
			w.attach("a", "n1", server)
			w.pod("p", "n1", v1.PodRunning)
			w.cloud.DeleteServer(server)
		},
		"too many are missing at once": func(w *world, server string) {
			for i := range 4 {
				w.node(fmt.Sprintf("lost-%d", i), "openstack:///"+strings.Replace(nobody, "1", fmt.Sprint(2+i), 1))
			}
			w.attach("a", "n1", server)
			w.cloud.DeleteServer(server)
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				server := w.joined("n1").ID
				arrange(w, server)
				w.deleteNode("n1")
				time.Sleep(late)
				w.wantLeft("ten minutes later", "a")
				if got := w.count("delete", "volumeattachments"); got > 0 {
					t.Errorf("got %d deletes, want none", got)
				}
			})
		})
	}
}

// TestNodesOfOthersAreNotLookedAt: not even a call.
func TestNodesOfOthersAreNotLookedAt(t *testing.T) {
	const server = "11111111-2222-4333-8444-555555555555"
	for name, id := range map[string]string{
		"another region": "openstack://RegionTwo/" + server, "another provider": "aws:///eu-1/i-" + server, "no provider ID": "", "malformed": "openstack:///" + server[1:],
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				w.node("n1", id)
				w.attach("a", "n1", server)
				w.cloud.ResetCalls()
				w.api.ClearActions()
				w.deleteNode("n1")
				time.Sleep(late)
				w.wantLeft("ten minutes later", "a")
				if got := w.cloud.Count("*"); got > 0 {
					t.Errorf("got %d calls to the cloud, want none", got)
				}
				if got := w.count("list", "volumeattachments") + w.count("list", "pods"); got > 0 {
					t.Errorf("got %d lists, want none", got)
				}
			})
		})
	}
}

// TestACloudInTroubleIsAskedAgain: until it answers nothing is deleted, and then all is.
func TestACloudInTroubleIsAskedAgain(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{
		"fails":                       {Match: getServer, Status: http.StatusInternalServerError},
		"denies":                      {Match: getServer, Status: http.StatusForbidden},
		"knows no token":              {Match: getServer, Status: http.StatusUnauthorized},
		"404 of a proxy":              {Match: getServer, Status: http.StatusNotFound, Type: "noBackend"},
		"hangs":                       {Match: getServer, Kind: simulator.Hang},
		"drops":                       {Match: getServer, Kind: simulator.DropBefore},
		"does not list":               {Match: getList, Status: http.StatusServiceUnavailable},
		"lists nothing of a proxy's":  {Match: getList, Status: http.StatusNotFound, Type: "noBackend"},
		"has no project to be asked":  {Match: "* /v3/auth/tokens", Status: http.StatusUnauthorized},
		"has no service to be asked ": {Match: "*", Status: http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				s := w.joined("n1")
				w.attach("a", "n1", s.ID)
				w.cloud.DeleteServer(s.ID)
				w.cloud.AddFault(fault)
				w.deleteNode("n1")
				time.Sleep(90 * time.Second)
				w.wantLeft("while the cloud is in trouble", "a")
				w.cloud.ClearFaults()
				time.Sleep(2 * time.Minute)
				w.wantLeft("after it")
			})
		})
	}
}

// TestTheServerMayGoAfterItsNode, as when both are deleted by hand.
func TestTheServerMayGoAfterItsNode(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.attach("a", "n1", s.ID)
		w.deleteNode("n1")
		time.Sleep(8 * time.Second)
		w.wantLeft("while the server is being deleted", "a")
		w.cloud.DeleteServer(s.ID)
		time.Sleep(20 * time.Second)
		w.wantLeft("after it")
	})
}

// TestItEndsAfterSixMinutes, when Kubernetes has done it, and has cost little.
func TestItEndsAfterSixMinutes(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.attach("a", "n1", s.ID)
		w.cloud.ResetCalls()
		w.deleteNode("n1")
		time.Sleep(late)
		if got := w.cloud.Count(getServer); got < 2 || got > 8 {
			t.Errorf("got %d reads of a server that lives, want 2 to 8", got)
		}
		if got := w.logged("left to Kubernetes"); got != 1 {
			t.Errorf("got %d lines that say so, want 1", got)
		}
		w.cloud.DeleteServer(s.ID)
		time.Sleep(late)
		w.wantLeft("at its end", "a")
	})
}

// TestANodeThatIsBackKeepsItsVolumes, whichever server it is on.
func TestANodeThatIsBackKeepsItsVolumes(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.attach("a", "n1", s.ID)
		w.pod("p", "n1", v1.PodRunning)
		w.cloud.DeleteServer(s.ID)
		w.deleteNode("n1")
		time.Sleep(20 * time.Second)
		w.joined("n1")
		w.deletePod("p")
		time.Sleep(late)
		w.wantLeft("ten minutes later", "a")
		if got := w.logged("A node of this name is there again"); got != 1 {
			t.Errorf("got %d lines that say so, want 1", got)
		}
	})
}

// TestWithoutRightsItSaysSoOnce, naming the rules, and goes on with nothing.
func TestWithoutRightsItSaysSoOnce(t *testing.T) {
	for verb, resource := range map[string]string{"list": "volumeattachments", "delete": "volumeattachments", "list ": "pods"} {
		t.Run(verb+resource, func(t *testing.T) {
			in(t, func(w *world) {
				w.api.PrependReactor(strings.TrimSpace(verb), resource, func(action clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewForbidden(action.GetResource().GroupResource(), "", errors.New("no rule"))
				})
				for _, name := range []string{"n1", "n2"} {
					s := w.joined(name)
					w.attach("a-"+name, name, s.ID)
					w.cloud.DeleteServer(s.ID)
					w.deleteNode(name)
					time.Sleep(late)
				}
				w.wantLeft("without rights", "a-n1", "a-n2")
				if got := w.logged("list and delete volumeattachments of storage.k8s.io, and list pods"); got != 1 {
					t.Errorf("got %d lines that name the rules, want 1", got)
				}
				if got := w.count(strings.TrimSpace(verb), resource); got != 2 {
					t.Errorf("asked %d times for what is denied, want once a node", got)
				}
			})
		})
	}
}

// TestManyNodesShareTheLists: of Kubernetes and of Nova.
func TestManyNodesShareTheLists(t *testing.T) {
	in(t, func(w *world) {
		const nodes = 30
		for n := range nodes {
			name := fmt.Sprintf("n%d", n)
			s := w.joined(name)
			w.attach("a-"+name, name, s.ID)
			w.cloud.DeleteServer(s.ID)
		}
		w.cloud.ResetCalls()
		for n := range nodes {
			w.deleteNode(fmt.Sprintf("n%d", n))
		}
		time.Sleep(soon)
		w.wantLeft("after all")
		if gets, lists := w.cloud.Count(getServer), w.cloud.Count(getList); gets != nodes || lists > 2 {
			t.Errorf("got %d reads and %d lists of servers, want %d and at most 2", gets, lists, nodes)
		}
		if got := w.count("list", "volumeattachments"); got > 2 {
			t.Errorf("got %d lists of attachments, want at most 2", got)
		}
	})
}

// TestAChangedAttachmentIsListedAgain, since it may be another server's by now.
func TestAChangedAttachmentIsListedAgain(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.attach("a", "n1", s.ID)
		w.attach("b", "n1", s.ID)
		w.attach("c", "n1", s.ID)
		w.pod("p", "n1", v1.PodRunning)
		w.cloud.DeleteServer(s.ID)
		w.deleteNode("n1")
		time.Sleep(time.Second)
		w.change("a", func(a *storagev1.VolumeAttachment) { a.Status.Attached = false })
		w.change("b", func(a *storagev1.VolumeAttachment) { a.Annotations[nodeIDKey] = "another" })
		w.deletePod("p")
		time.Sleep(time.Minute)
		w.wantLeft("at the end", "b")
		if got := w.count("list", "volumeattachments"); got != 2 {
			t.Errorf("got %d lists of attachments, want 2", got)
		}
	})
}

// TestAllPagesAreRead: one page alone is in memory.
func TestAllPagesAreRead(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.attach("a", "n1", s.ID)
		w.attach("b", "n1", s.ID)
		w.api.PrependReactor("list", "volumeattachments", func(action clienttesting.Action) (bool, runtime.Object, error) {
			options := action.(clienttesting.ListActionImpl).GetListOptions()
			if options.Limit == 0 {
				t.Error("it lists without a limit")
			}
			all, err := w.api.Tracker().List(action.GetResource(), storagev1.SchemeGroupVersion.WithKind("VolumeAttachment"), "")
			if err != nil {
				return true, nil, err
			}
			list := all.(*storagev1.VolumeAttachmentList)
			if options.Continue == "" {
				list.Items, list.Continue = list.Items[:1], "more"
			} else {
				list.Items = list.Items[1:]
			}
			return true, list, nil
		})
		w.cloud.DeleteServer(s.ID)
		w.deleteNode("n1")
		time.Sleep(soon)
		w.wantLeft("after both pages")
	})
}

// TestAMissedDeletionCounts: one that the watch did not bring, but a later list.
func TestAMissedDeletionCounts(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.deleteNode("n1") // nothing is attached yet
		time.Sleep(soon)
		w.attach("a", "n1", s.ID)
		w.cloud.DeleteServer(s.ID)
		w.controller.NodeHandler().OnDelete(cache.DeletedFinalStateUnknown{Key: "n1", Obj: &v1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Spec: v1.NodeSpec{ProviderID: "openstack:///" + s.ID},
		}})
		w.controller.NodeHandler().OnDelete(cache.DeletedFinalStateUnknown{Key: "n2"})
		time.Sleep(soon)
		w.wantLeft("after it")
	})
}

// TestKilledAfterEachCall: what is done is right, the rest is left to Kubernetes,
// and a successor that remembers nothing harms nothing.
func TestKilledAfterEachCall(t *testing.T) {
	for last, want := range [][]string{
		{"a", "b", "other"}, // after the list of attachments
		{"a", "b", "other"}, // after that of pods
		{"b", "other"},      // after a deletion
		{"other"},           // after both
	} {
		t.Run(fmt.Sprint(last), func(t *testing.T) {
			in(t, func(w *world) {
				s, other := w.joined("n1"), w.joined("n2")
				w.attach("a", "n1", s.ID)
				w.attach("b", "n1", s.ID)
				w.attach("other", "n2", other.ID)
				w.cloud.DeleteServer(s.ID)
				var calls atomic.Int64
				w.api.PrependReactor("*", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
					if action.GetVerb() == "watch" || action.GetResource().Resource == "nodes" {
						return false, nil, nil
					}
					switch call := int(calls.Add(1)); {
					case call > last+1:
						return true, nil, context.Canceled
					case call == last+1:
						w.stop()
					}
					return false, nil, nil
				})
				w.deleteNode("n1")
				time.Sleep(time.Minute)
				w.end()
				w.start()
				time.Sleep(late)
				w.wantLeft("killed", want...)
			})
		})
	}
}

// TestKilledWhileNovaHangs: it ends at once, and deletes nothing.
func TestKilledWhileNovaHangs(t *testing.T) {
	in(t, func(w *world) {
		s := w.joined("n1")
		w.attach("a", "n1", s.ID)
		w.cloud.DeleteServer(s.ID)
		w.cloud.AddFault(simulator.Fault{Match: getServer, Kind: simulator.Hang})
		w.deleteNode("n1")
		time.Sleep(time.Second)
		began := time.Now()
		w.end()
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s to end", took)
		}
		w.wantLeft("after it", "a")
	})
}

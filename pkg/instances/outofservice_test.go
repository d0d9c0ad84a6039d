package instances_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"underlay/pkg/instances"
	"underlay/pkg/simulator"
)

// disks is a world whose Nodes can be put out of service.
type disks struct {
	*world
	// refuse is the API server's answer, nil when it obeys; writes counts what it was asked.
	refuse error
	writes int
}

func newDisks(t *testing.T) *disks {
	t.Helper()
	d := &disks{world: newWorld(t, nil)}
	d.again()
	return d
}

// again is another process, which remembers nothing.
func (d *disks) again() { d.restart(func(o *instances.Options) { o.Taints = d }) }

// SetTaints writes them into the Node.
func (d *disks) SetTaints(_ context.Context, node *v1.Node, taints []v1.Taint) error {
	d.writes++
	if d.refuse == nil {
		node.Spec.Taints = taints
	}
	return d.refuse
}

// lost is a Node with volumes, not ready, whose server was deleted just now.
func (d *disks) lost(volumes int, changes ...func(*v1.Node)) (simulator.Server, *v1.Node) {
	s, node := d.joined("n1", append([]func(*v1.Node){ready(v1.ConditionUnknown), holds(volumes)}, changes...)...)
	d.cloud.DeleteServer(s.ID)
	return s, node
}

func holds(volumes int) func(*v1.Node) {
	return func(n *v1.Node) {
		n.Status.VolumesAttached = nil
		for v := range volumes {
			n.Status.VolumesAttached = append(n.Status.VolumesAttached, v1.AttachedVolume{Name: v1.UniqueVolumeName(fmt.Sprintf("kubernetes.io/csi/cinder.csi.openstack.org^%d", v))})
		}
	}
}

// byHand is the taint as a person sets it.
func byHand(at *metav1.Time) func(*v1.Node) {
	return func(n *v1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: v1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: v1.TaintEffectNoExecute, TimeAdded: at})
	}
}

// outOfService is the value of the Node's taint, "" without one.
func outOfService(node *v1.Node) string {
	for _, taint := range node.Spec.Taints {
		if taint.Key == v1.TaintNodeOutOfService && taint.Effect == v1.TaintEffectNoExecute {
			return taint.Value
		}
	}
	return ""
}

// TestVolumesLeaveBeforeTheNode: the Node of a deleted server is put out of service,
// and goes once nothing is attached to it.
func TestVolumesLeaveBeforeTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisks(t)
		_, node := d.lost(2, tainted)
		if got := d.passes(1); got != nil || outOfService(node) != "" {
			t.Fatalf("after one 404: removed %v, taints %v; one is no proof", got, node.Spec.Taints)
		}
		if got := d.passes(1); got != nil || outOfService(node) != instances.OutOfServiceValue || len(node.Spec.Taints) != 2 {
			t.Fatalf("after two: removed %v, taints %v; want it there, out of service, and its other taint kept", got, node.Spec.Taints)
		}
		d.cloud.ResetCalls()
		if got := d.passes(4); got != nil {
			t.Fatalf("removed %v with volumes attached", got)
		}
		if got := d.cloud.Count("*"); got != 0 || d.writes != 1 || d.count("NodeOutOfService") != 1 {
			t.Errorf("%d calls of the cloud, %d writes, %d events; want none, one, one", got, d.writes, d.count("NodeOutOfService"))
		}
		holds(0)(node)
		if got := d.passes(1); !slices.Equal(got, []string{"n1"}) {
			t.Errorf("removed %v without volumes, want n1", got)
		}
		if got := d.cloud.Count(getServer); got != 1 {
			t.Errorf("%d looks for the server before the end, want one: %v", got, d.cloud.Calls())
		}
	})
}

// TestANodeIsKeptForItsVolumesTwoMinutes: who should detach them may be gone too.
func TestANodeIsKeptForItsVolumesTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisks(t)
		_, node := d.lost(1)
		if got := d.passes(2); got != nil || outOfService(node) == "" {
			t.Fatalf("removed %v, taints %v; want it out of service", got, node.Spec.Taints)
		}
		if got := d.passes(23); got != nil {
			t.Errorf("removed %v before two minutes were over", got)
		}
		if got := d.passes(2); !slices.Equal(got, []string{"n1"}) {
			t.Errorf("removed %v after two minutes, want n1", got)
		}
		if d.writes != 1 || d.logged("goes although volumes are attached") != 1 {
			t.Errorf("%d writes, log %v; want one write and a line that says so", d.writes, d.log)
		}
	})
}

// TestOutOfServiceIsKeptByTheNodeItself: another process goes on where the last
// one ended, and proves anew what it does not know.
func TestOutOfServiceIsKeptByTheNodeItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisks(t)
		_, node := d.lost(1)
		d.passes(2)
		d.again()
		d.cloud.ResetCalls()
		if got := d.passes(3); got != nil || d.cloud.Count("*") != 0 || d.writes != 1 {
			t.Fatalf("removed %v, %d calls, %d writes; want it kept without a call", got, d.cloud.Count("*"), d.writes)
		}
		holds(0)(node)
		if got := d.passes(1); got != nil {
			t.Errorf("removed %v after one 404", got)
		}
		if got := d.passes(1); !slices.Equal(got, []string{"n1"}) {
			t.Errorf("removed %v after two, want n1", got)
		}
	})
}

// TestNodeThatCannotBePutOutOfService: without the right it goes as ever; after
// any other answer it is tried again.
func TestNodeThatCannotBePutOutOfService(t *testing.T) {
	nodes := schema.GroupResource{Resource: "nodes"}
	for name, tt := range map[string]struct {
		refuse error
		want   answer
	}{
		"forbidden":   {apierrors.NewForbidden(nodes, "n1", errors.New("not allowed")), gone},
		"conflict":    {apierrors.NewConflict(nodes, "n1", errors.New("it has changed")), broken},
		"unavailable": {apierrors.NewServiceUnavailable("later"), broken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisks(t)
				_, node := d.lost(1)
				d.refuse = tt.refuse
				d.passes(1)
				if got := d.ask(node); got != tt.want {
					t.Fatalf("%+v, want %+v", got, tt.want)
				}
				time.Sleep(period)
				d.refuse = nil
				if got := d.ask(node); tt.want == broken && (got != alive || outOfService(node) == "") {
					t.Errorf("a period later: %+v, taints %v; want it out of service", got, node.Spec.Taints)
				}
			})
		})
	}
}

// TestWhoIsNeverPutOutOfService: only a server that is proven to be gone makes a
// Node lose its pods and volumes.
func TestWhoIsNeverPutOutOfService(t *testing.T) {
	for name, happen := range map[string]func(d *disks, s simulator.Server, node *v1.Node){
		"runs":         func(*disks, simulator.Server, *v1.Node) {},
		"shut down":    func(d *disks, s simulator.Server, _ *v1.Node) { d.cloud.SetServerStatus(s.ID, "SHUTOFF") },
		"soft deleted": func(d *disks, s simulator.Server, _ *v1.Node) { d.cloud.SetServerStatus(s.ID, "SOFT_DELETED") },
		"in error":     func(d *disks, s simulator.Server, _ *v1.Node) { d.cloud.SetServerStatus(s.ID, "ERROR") },
		"not ours": func(_ *disks, s simulator.Server, node *v1.Node) {
			node.Spec.ProviderID = "openstack://RegionTwo/" + s.ID
		},
		"one of many": func(d *disks, s simulator.Server, _ *v1.Node) {
			d.cloud.DeleteServer(s.ID)
			for n := range 5 {
				other, _ := d.joined(fmt.Sprintf("other-%d", n), holds(1))
				d.cloud.DeleteServer(other.ID)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisks(t)
				s, node := d.joined("n1", ready(v1.ConditionUnknown), holds(1))
				happen(d, s, node)
				if got := d.passes(6); got != nil || d.writes != 0 {
					t.Errorf("removed %v, %d writes, taints %v; want nothing", got, d.writes, node.Spec.Taints)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDisks(t)
		d.lost(0)
		if got := d.passes(2); !slices.Equal(got, []string{"n1"}) || d.writes != 0 {
			t.Errorf("without volumes: removed %v, %d writes; want n1 at once, and none", got, d.writes)
		}
	})
}

// TestOutOfServiceByHand: the taint of a person counts like ours for as long, and
// is never written.
func TestOutOfServiceByHand(t *testing.T) {
	for name, tt := range map[string]struct {
		added *metav1.Time
		want  []string
	}{
		"a moment ago":         {&metav1.Time{Time: time.Now()}, nil},
		"without its time":     {nil, []string{"n1"}},
		"by a clock far ahead": {&metav1.Time{Time: time.Now().AddDate(200, 0, 0)}, []string{"n1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.added != nil && name == "a moment ago" {
					tt.added = &metav1.Time{Time: time.Now()} // by this clock
				}
				d := newDisks(t)
				_, node := d.lost(1, byHand(tt.added))
				if got := d.passes(3); !slices.Equal(got, tt.want) || d.writes != 0 || outOfService(node) != "nodeshutdown" {
					t.Errorf("removed %v, %d writes, taints %v; want %v and nothing written", got, d.writes, node.Spec.Taints, tt.want)
				}
			})
		})
	}
}

// TestBackInService: Nova had forgotten a server for a while. When it has it again, or
// the kubelet reports, the taint is taken off; that of a person stays.
func TestBackInService(t *testing.T) {
	for name, recover := range map[string]func(d *disks, node *v1.Node){
		"Nova has the server": func(d *disks, _ *v1.Node) {
			if got := d.passes(26); got != nil {
				d.Errorf("removed %v", got)
			}
		},
		"the kubelet reports": func(d *disks, node *v1.Node) {
			ready(v1.ConditionTrue)(node)
			ctx, cancel := context.WithCancel(d.ctx)
			defer cancel()
			go d.inst.Run(ctx)
			time.Sleep(2 * period)
			synctest.Wait() // what it wrote may be read now
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisks(t)
				now := metav1.Now()
				_, node := d.joined("n1", ready(v1.ConditionUnknown), holds(1), tainted, func(n *v1.Node) {
					byHand(&now)(n)
					n.Spec.Taints[1].Value = instances.OutOfServiceValue
				})
				_, other := d.joined("n2", holds(1), byHand(nil))
				recover(d, node)
				if outOfService(node) != "" || len(node.Spec.Taints) != 1 || d.count("NodeBackInService") != 1 || d.writes != 1 {
					t.Errorf("taints %v, events %v, %d writes; want it in service again, said once", node.Spec.Taints, d.events, d.writes)
				}
				if outOfService(other) == "" {
					t.Error("the taint of a person was taken off")
				}
			})
		})
	}
}

package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// A chart writes annotations without a value; kubernetes/cloud-provider-openstack
// takes them for none. Each does here what it does when it is not there, but where
// the empty text has a meaning: no certificate, zone, class, flavor or selector.
func TestAnEmptyAnnotationIsNone(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(web(), n)
	_, plain, _ := resolve(t, in, cloud(n))
	for _, a := range spec.Annotations {
		if !a.Peer || a.Written || a.Name == spec.LoadBalancerID {
			continue
		}
		in := input(web(), n)
		in.Service.Annotations[a.Key()] = ""
		w, err := spec.Read(in)
		if err != nil {
			t.Errorf("%s: %v", a.Key(), err)
			continue
		}
		d, _, err := w.Resolve(cloud(n))
		if diff := cmp.Diff(plain, d, cmp.AllowUnexported(tree.Desired{})); diff != "" || err != nil {
			t.Errorf("%s: %v (-without +empty):\n%s", a.Key(), err, diff)
		}
	}
}

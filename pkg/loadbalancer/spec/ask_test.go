package spec_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/loadbalancer/spec"
)

func TestExcludedByLabel(t *testing.T) {
	const label = v1.LabelNodeExcludeBalancers
	for _, tc := range []struct {
		labels map[string]string
		want   bool
	}{
		{nil, false},
		{map[string]string{label: ""}, true},
		{map[string]string{label: "true"}, true},
		{map[string]string{label: "yes"}, true},
		{map[string]string{label: "false"}, false},
	} {
		node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Labels: tc.labels}}
		if got := spec.Excluded(node); got != tc.want {
			t.Errorf("%v: got %v, want %v", tc.labels, got, tc.want)
		}
	}
}

package instances_test

import (
	"testing"
	"testing/synctest"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

// elsewhere is a client whose credentials are good, for another project.
func (w *world) elsewhere() *openstack.Client {
	w.Helper()
	w.cloud.AddUser(simulator.UserSpec{Name: "stranger", Password: "in-a-strange-land", ProjectName: "elsewhere"})
	client, err := openstack.New(config.Global{
		AuthURL: simulator.IdentityURL(simulator.Endpoint), Region: "RegionOne",
		Username: "stranger", Password: "in-a-strange-land", TenantName: "elsewhere", DomainName: "Default",
	}, openstack.Options{Transport: w.cloud.Transport(), MaxAttempts: 1, RequestsPerSecond: 1e6, Burst: 1e6})
	if err != nil {
		w.Fatal(err)
	}
	return client
}

// Credentials of another project show none of the servers, and that project can be
// read well. A cluster too small for the brake loses no node, as long as one reports.
func TestAnotherProjectRemovesNoNodeOfASmallCluster(t *testing.T) {
	for _, others := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.joined("silent", ready(v1.ConditionUnknown))
			var reporting []*v1.Node
			for _, name := range []string{"n1", "n2"}[:others] {
				_, node := w.joined(name)
				reporting = append(reporting, node)
			}
			client := w.elsewhere()
			w.restart(func(o *instances.Options) { o.Cloud = client })
			if got := w.passes(5); got != nil {
				t.Fatalf("with %d others: reported gone: %v, want none", len(reporting), got)
			}
			if got := w.count("NodeDeletionHeld"); got != 1 {
				t.Errorf("%d events NodeDeletionHeld, want 1: %v", got, w.events)
			}
			for _, node := range reporting { // all are silent: it may be so
				ready(v1.ConditionUnknown)(node)
			}
			if got := w.passes(5); len(got) != len(reporting)+1 {
				t.Errorf("all silent: removed %v, want all", got)
			}
		})
	}
}

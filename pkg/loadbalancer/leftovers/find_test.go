package leftovers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/leftovers"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

var (
	blue  = owner.Cluster{Name: "blue", UID: "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"}
	green = owner.Cluster{Name: "green", UID: "7d1f3c52-9a4e-4a43-8a43-f0c4f2b0a222"}
	twin  = owner.Cluster{Name: "blue", UID: "11111111-9a4e-4a43-8a43-f0c4f2b0a222"} // of the same name
	peer  = owner.Cluster{Name: "blue"}                                              // has no identity
)

// made is what a cluster makes for a Service. With tags false, the API is older
// than tags.
func made(p *leftovers.Project, c owner.Cluster, name string, tags bool) {
	n := len(p.Balancers)
	s := owner.Service{Namespace: "shop", Name: name, UID: fmt.Sprintf("5d8c5c1e-8f1e-4a39-9a56-%012d", n)}
	b := tree.Balancer{ID: fmt.Sprintf("lb%d", n), Name: c.BalancerName(s), VIP: tree.VIP{PortID: fmt.Sprintf("vip%d", n)}}
	b.Description = "Kubernetes external service " + s.String() + " from cluster " + c.Name
	address, group := owner.FloatingIPPrefix+s.String()+" from cluster "+c.Name, "Security Group for "+s.String()+" Service LoadBalancer in cluster "+c.Name
	if tags {
		b.Tags = []string{c.BalancerName(s)}
	}
	if c.UID != "" {
		b.Description, address, group = c.BalancerDescription(s), c.FloatingIPDescription(s), c.SecurityGroupDescription(s)
		if tags {
			b.Tags = append(b.Tags, c.Tag())
		}
	}
	p.Balancers = append(p.Balancers, b)
	p.FloatingIPs = append(p.FloatingIPs, tree.FloatingIP{ID: fmt.Sprintf("fip%d", n), Address: fmt.Sprintf("203.0.113.%d", n), PortID: b.VIP.PortID, Description: address})
	p.Groups = append(p.Groups, tree.SecurityGroup{ID: fmt.Sprintf("sg%d", n), Name: owner.SecurityGroupName(s), Description: group})
	p.Ports = append(p.Ports, tree.Port{ID: fmt.Sprintf("node%d", n), SecurityGroupIDs: []string{"default", fmt.Sprintf("sg%d", n)}})
}

// touched are the ids that the steps write.
func touched(f leftovers.Found) []string {
	var ids []string
	for _, jobs := range [][]leftovers.Job{f.Balancers, f.Addresses, f.Ports, f.Groups} {
		for _, job := range jobs {
			for _, s := range job.Steps {
				ids = append(ids, idOf(s))
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func idOf(s step.Step) string {
	switch s := s.(type) {
	case plan.DeleteLoadBalancer:
		return s.ID
	case plan.UpdateLoadBalancer:
		return s.ID
	case plan.DeleteFloatingIP:
		return s.ID
	case plan.DeleteSecurityGroup:
		return s.ID
	case plan.SetPortGroups:
		return s.PortID
	case plan.DeleteListener:
		return s.ID
	case plan.DeletePool:
		return s.ID
	default:
		return fmt.Sprintf("%T", s)
	}
}

// Whatever clusters share a project: what is found is all of one, and nothing of
// another, with tags or without, and by identity or by name.
func TestOnlyWhatIsTheClustersIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p leftovers.Project
		clusters := rapid.SliceOfN(rapid.SampledFrom([]owner.Cluster{blue, green, twin, peer}), 0, 12).Draw(t, "clusters")
		for i, c := range clusters {
			made(&p, c, fmt.Sprintf("web%d", i), rapid.Bool().Draw(t, "tags"))
		}
		want := func(is func(owner.Cluster) bool) []string {
			ids := []string{}
			for i, c := range clusters {
				if is(c) {
					ids = append(ids, fmt.Sprintf("lb%d", i), fmt.Sprintf("fip%d", i), fmt.Sprintf("sg%d", i), fmt.Sprintf("node%d", i))
				}
			}
			slices.Sort(ids)
			return ids
		}
		for _, tc := range []struct {
			whose leftovers.Whose
			is    func(owner.Cluster) bool
		}{
			{leftovers.Whose{UID: blue.UID}, func(c owner.Cluster) bool { return c == blue }},
			{leftovers.Whose{Name: "blue"}, func(c owner.Cluster) bool { return c == peer }},
			{leftovers.Whose{UID: blue.UID, Name: "blue"}, func(c owner.Cluster) bool { return c == blue || c == peer }},
			{leftovers.Whose{UID: "0b6e8b0e", Name: "blu"}, func(owner.Cluster) bool { return false }},
		} {
			if diff := cmp.Diff(want(tc.is), append([]string{}, touched(leftovers.Find(p, tc.whose))...)); diff != "" {
				t.Fatalf("%+v (-want +got):\n%s", tc.whose, diff)
			}
		}
	})
}

// A floating IP that somebody has put on something else is in use; one that
// leads nowhere goes.
func TestAddressesInUseStay(t *testing.T) {
	var p leftovers.Project
	made(&p, blue, "web", true)
	made(&p, blue, "mail", true)
	p.Balancers = nil
	p.FloatingIPs[0].PortID, p.FloatingIPs[1].PortID = "", "bastion"
	p.Ports = append(p.Ports, tree.Port{ID: "bastion", DeviceOwner: "compute:nova"})
	f := leftovers.Find(p, leftovers.Whose{UID: blue.UID})
	if diff := cmp.Diff([]string{"fip0", "node0", "node1", "sg0", "sg1"}, touched(f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.Kept) != 1 || !strings.Contains(f.Kept[0].Why, "compute:nova") {
		t.Errorf("got %v, want the address that is in use, and by what", f.Kept)
	}
}

// What a user made, and only let a Service use, stays; so does what two clusters
// claim and no name tells apart.
func TestLoadBalancersOfOthersStay(t *testing.T) {
	var p leftovers.Project
	made(&p, blue, "web", true)
	made(&p, blue, "mail", true)
	p.Balancers[0].Name, p.Balancers[0].Description = "by-hand", "the shop's"
	p.Balancers[1].Tags = append(p.Balancers[1].Tags, twin.Tag())
	f := leftovers.Find(p, leftovers.Whose{UID: blue.UID})
	for _, job := range f.Balancers {
		for _, s := range job.Steps {
			if update, ok := s.(plan.UpdateLoadBalancer); !ok || slices.Contains(update.Tags, blue.Tag()) {
				t.Errorf("got step %v", s)
			}
		}
	}
	if len(f.Balancers) != 2 || len(f.Kept) < 2 {
		t.Errorf("got %d jobs, kept %v", len(f.Balancers), f.Kept)
	}
}

// One port carries the groups of two Services: they come off in one write, for a
// list that names a group which is deleted meanwhile is refused.
func TestAPortLosesItsGroupsInOneWrite(t *testing.T) {
	var p leftovers.Project
	made(&p, blue, "web", true)
	made(&p, blue, "mail", true)
	p.Ports = []tree.Port{{ID: "node", SecurityGroupIDs: []string{"default", "sg0", "sg1"}, Revision: 7}}
	f := leftovers.Find(p, leftovers.Whose{UID: blue.UID})
	want := []leftovers.Job{{Steps: []step.Step{plan.SetPortGroups{
		PortID: "node", Revision: 7, GroupIDs: []string{"default", "sg0", "sg1"}, Remove: []string{"sg0", "sg1"},
	}}}}
	if diff := cmp.Diff(want, f.Ports); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClustersAreTold(t *testing.T) {
	var p leftovers.Project
	for _, c := range []owner.Cluster{peer, green, blue, blue, twin} {
		made(&p, c, "web", true)
	}
	want := []leftovers.Cluster{
		{UID: blue.UID, Names: []string{"blue"}, Balancers: 2, FloatingIPs: 2, Groups: 2},
		{UID: twin.UID, Names: []string{"blue"}, Balancers: 1, FloatingIPs: 1, Groups: 1},
		{UID: green.UID, Names: []string{"green"}, Balancers: 1, FloatingIPs: 1, Groups: 1},
		{Names: []string{"blue"}, Balancers: 1, FloatingIPs: 1, Groups: 1},
	}
	if diff := cmp.Diff(want, leftovers.Clusters(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An address that a Service was told to keep stays, and is named.
func TestKeptAddressesStay(t *testing.T) {
	var p leftovers.Project
	made(&p, blue, "web", true)
	service := owner.Service{Namespace: "shop", Name: "old"}
	p.FloatingIPs = append(p.FloatingIPs, tree.FloatingIP{ID: "kept", Address: "203.0.113.77", Description: blue.KeptFloatingIPDescription(service)})
	f := leftovers.Find(p, leftovers.Whose{UID: blue.UID})
	if diff := cmp.Diff([]string{"fip0", "lb0", "node0", "sg0"}, touched(f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.Kept) != 1 || !strings.Contains(f.Kept[0].What, "203.0.113.77") {
		t.Errorf("got %v, want the kept address", f.Kept)
	}
	if f := leftovers.Find(p, leftovers.Whose{UID: green.UID}); len(f.Kept) != 0 {
		t.Errorf("another cluster is told of %v", f.Kept)
	}
}

package instances

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFind(t *testing.T) {
	servers := indexServers([]Server{
		{ID: uuidA, Name: "n1", Status: "ACTIVE"},
		{ID: "00112233-4455-6677-8899-aabbccddeeff", Name: "other", Status: "ACTIVE"},
		{ID: "t1", Name: "twin", Status: "ACTIVE", Addresses: []Address{fixed("a", "10.0.0.1")}},
		{ID: "t2", Name: "twin", Status: "ACTIVE", Addresses: []Address{fixed("a", "10.0.0.2")}},
		{ID: "old", Name: "again", Status: statusSoftDeleted},
		{ID: "new", Name: "again", Status: "ACTIVE"},
		{ID: "trash", Name: "trash", Status: statusSoftDeleted},
		{ID: "upper", Name: "Master-1", Status: "ACTIVE"},
		{ID: "hosted", Name: "a long title", Hostname: "worker-9", Status: "ACTIVE"},
		{ID: "lost", Status: statusUnknown},
	})
	tests := []struct {
		name          string
		node          v1.Node
		want          string
		wantAmbiguous []string
	}{
		{name: "by provider ID", node: v1.Node{Spec: v1.NodeSpec{ProviderID: "openstack:///" + uuidA}}, want: uuidA},
		{
			name: "a provider ID alone decides",
			node: v1.Node{ObjectMeta: named("n1"), Spec: v1.NodeSpec{ProviderID: "openstack:///00000000-0000-4000-8000-000000000000"}},
		},
		{name: "by system UUID before name", node: systemNode("n1", "00112233-4455-6677-8899-AABBCCDDEEFF"), want: "00112233-4455-6677-8899-aabbccddeeff"},
		{name: "by byte-swapped system UUID", node: systemNode("x", "33221100-5544-7766-8899-aabbccddeeff"), want: "00112233-4455-6677-8899-aabbccddeeff"},
		{name: "a system UUID that is no server's falls back to the name", node: systemNode("n1", "4c4c4544-0000-2010-8020-80c04f202020"), want: uuidA},
		{name: "by exact name", node: v1.Node{ObjectMeta: named("n1")}, want: uuidA},
		{name: "a part of a name is not the name", node: v1.Node{ObjectMeta: named("n")}},
		{name: "a pattern is only a name", node: v1.Node{ObjectMeta: named("n.")}},
		{name: "nowhere", node: v1.Node{ObjectMeta: named("n2")}},
		{name: "a nameless server matches no nameless node", node: v1.Node{}},
		{name: "two of one name", node: v1.Node{ObjectMeta: named("twin")}, wantAmbiguous: []string{"t1", "t2"}},
		{
			name: "two of one name, and the node's address tells",
			node: v1.Node{ObjectMeta: named("twin"), Status: v1.NodeStatus{Addresses: []v1.NodeAddress{internalIP("10.0.0.2")}}},
			want: "t2",
		},
		{
			name: "two of one name, and the kubelet's --node-ip tells",
			node: v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "twin", Annotations: map[string]string{"alpha.kubernetes.io/provided-node-ip": "10.0.0.1,fd00::1"}}},
			want: "t1",
		},
		{name: "a soft-deleted server gives way to its successor", node: v1.Node{ObjectMeta: named("again")}, want: "new"},
		{name: "a soft-deleted server alone is the server", node: v1.Node{ObjectMeta: named("trash")}, want: "trash"},
		{name: "the kubelet writes names in lower case", node: v1.Node{ObjectMeta: named("master-1")}, want: "upper"},
		{name: "by Nova's hostname", node: v1.Node{ObjectMeta: named("worker-9")}, want: "hosted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, err := servers.find(&tt.node)
			var ambiguous *ambiguousError
			if errors.As(err, &ambiguous) != (tt.wantAmbiguous != nil) {
				t.Fatalf("error = %v, want ambiguous %v", err, tt.wantAmbiguous)
			}
			if ambiguous != nil {
				if diff := cmp.Diff(tt.wantAmbiguous, ambiguous.ids); diff != "" {
					t.Errorf("ids (-want +got):\n%s", diff)
				}
				return
			}
			got := ""
			if server != nil {
				got = server.ID
			}
			if err != nil || got != tt.want {
				t.Errorf("found %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func systemNode(name, uuid string) v1.Node {
	return v1.Node{ObjectMeta: named(name), Status: v1.NodeStatus{NodeInfo: v1.NodeSystemInfo{SystemUUID: uuid}}}
}

func TestNICsIncludeTrunkSubports(t *testing.T) {
	server := Server{ID: "s1", Addresses: []Address{fixed("trunk", "10.0.0.7")}}
	direct := Server{ID: "s2", Addresses: []Address{fixed("vlan", "10.50.0.9")}}
	ports := indexPorts([]Port{
		{ID: "p3", DeviceID: "s2", NetworkID: "net-vlan", Active: true, FixedIPs: []string{"10.50.0.9"}},
		{ID: "p2", TrunkParent: "p1", NetworkID: "net-vlan", Active: true, FixedIPs: []string{"10.50.0.7"}},
		{ID: "p4", TrunkParent: "p1", NetworkID: "net-unseen", Active: true, FixedIPs: []string{"10.60.0.7"}},
		{ID: "p1", DeviceID: "s1", NetworkID: "net-trunk", Active: true, FixedIPs: []string{"10.0.0.7"}},
		{ID: "loose", NetworkID: "net-vlan", FixedIPs: []string{"10.50.0.250"}},
	})
	got := ports.nics(&server, indexServers([]Server{server, direct}))
	want := []nic{
		{network: "trunk", active: true, fixedIPs: []string{"10.0.0.7"}},
		{network: "vlan", active: true, fixedIPs: []string{"10.50.0.7"}},
		{network: "", active: true, fixedIPs: []string{"10.60.0.7"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(nic{})); diff != "" {
		t.Errorf("nics (-want +got):\n%s", diff)
	}
}

// TestShutdownStatuses: only a machine that can write nothing any more is shut down.
func TestShutdownStatuses(t *testing.T) {
	off := map[string]bool{"SHUTOFF": true, "SHELVED": true, "SHELVED_OFFLOADED": true, "SOFT_DELETED": true}
	for _, status := range []string{
		"ACTIVE", "BUILD", "DELETED", "ERROR", "HARD_REBOOT", "MIGRATING", "PASSWORD", "PAUSED", "REBOOT", "REBUILD",
		"RESCUE", "RESIZE", "REVERT_RESIZE", "SHELVED", "SHELVED_OFFLOADED", "SHUTOFF", "SOFT_DELETED", "SUSPENDED",
		"UNKNOWN", "VERIFY_RESIZE", "",
	} {
		if got := isShutdown(status); got != off[status] {
			t.Errorf("isShutdown(%q) = %v, want %v", status, got, off[status])
		}
	}
}

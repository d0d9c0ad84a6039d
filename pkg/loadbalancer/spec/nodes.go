package spec

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
)

// node is a member to be.
type node struct {
	name string
	// server is the id of its server, "" while the node has no provider id.
	server string
	// addresses by family, as Kubernetes has them: internal ones first.
	addresses map[v1.IPFamily][]string
	draining  bool
}

// leaving are the taints of a node that is about to go.
var leaving = []string{"ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "node.kubernetes.io/out-of-service"}

// nodes are those that the selector leaves, and all of them, by name.
func (s scope) nodes(in Input) (members, all []node) {
	selector := s.labels(nodeSelector, in.Config.NodeSelector).value
	sorted := slices.SortedFunc(slices.Values(in.Nodes), func(a, b *v1.Node) int { return cmp.Compare(a.Name, b.Name) })
	for _, n := range sorted {
		all = append(all, newNode(n))
		if !Excluded(n) && selected(n, selector) {
			members = append(members, all[len(all)-1])
		}
	}
	return members, all
}

func selected(n *v1.Node, selector map[string]string) bool {
	for name, value := range selector {
		if got, ok := n.Labels[name]; !ok || value != "" && got != value {
			return false
		}
	}
	return true
}

func newNode(n *v1.Node) node {
	out := node{
		name: n.Name, server: n.Spec.ProviderID[strings.LastIndex(n.Spec.ProviderID, "/")+1:],
		addresses: map[v1.IPFamily][]string{}, draining: n.DeletionTimestamp != nil,
	}
	for _, taint := range n.Spec.Taints {
		out.draining = out.draining || slices.Contains(leaving, taint.Key)
	}
	for _, kind := range []v1.NodeAddressType{v1.NodeInternalIP, v1.NodeExternalIP} {
		for _, a := range n.Status.Addresses {
			address, err := netip.ParseAddr(a.Address)
			if a.Type != kind || err != nil {
				continue
			}
			address = address.Unmap()
			family := familyOf(address)
			out.addresses[family] = append(out.addresses[family], address.String())
		}
	}
	return out
}

// address is the node's in a family: one within the subnet if there is one,
// else the first; "" if there is none.
func (n node) address(family v1.IPFamily, subnet netip.Prefix) string {
	all := n.addresses[family]
	for _, text := range all {
		if address, err := netip.ParseAddr(text); err == nil && subnet.IsValid() && subnet.Contains(address) {
			return text
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

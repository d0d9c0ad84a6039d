package instances

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

// ambiguousError says that several servers bear the Node's name and nothing
// tells which of them it is.
type ambiguousError struct {
	node string
	ids  []string // sorted
}

func (e *ambiguousError) Error() string {
	return fmt.Sprintf("%d servers are named like node %s: %s", len(e.ids), e.node, strings.Join(e.ids, ", "))
}

// find looks for the Node's server in the list: by provider ID, which alone
// decides when it is set; else by system UUID; else by exact name; else by
// hostname, without regard to case. nil means not in this list, which does not
// mean that there is none.
func (x *serverIndex) find(node *v1.Node) (*Server, error) {
	if node.Spec.ProviderID != "" {
		id, err := ParseProviderID(node.Spec.ProviderID)
		if err != nil {
			return nil, err
		}
		return x.byID[id.Server], nil
	}
	for _, id := range systemServerIDs(node.Status.NodeInfo.SystemUUID) {
		if s := x.byID[id]; s != nil {
			return s, nil
		}
	}
	if named := x.byName[node.Name]; len(named) > 0 {
		return choose(node, named)
	}
	return choose(node, x.byHost[strings.ToLower(node.Name)])
}

// namesake says that a server only has the Node's name, where the Node's system
// UUID is another one's. In a list from before the Node's own server was made that
// is a server of another cluster in the project.
func namesake(node *v1.Node, found *Server) bool {
	if found == nil || node.Spec.ProviderID != "" {
		return false
	}
	ids := systemServerIDs(node.Status.NodeInfo.SystemUUID)
	return len(ids) > 0 && !slices.Contains(ids, found.ID)
}

// choose takes the only candidate; among several, the only one that is not
// soft-deleted; else the only one that has an address of the Node.
func choose(node *v1.Node, candidates []*Server) (*Server, error) {
	if len(candidates) == 0 {
		return nil, nil
	}
	if living := filter(candidates, func(s *Server) bool { return s.Status != statusSoftDeleted }); len(living) > 0 {
		candidates = living
	}
	if len(candidates) > 1 {
		mine := nodeIPs(node)
		if matching := filter(candidates, func(s *Server) bool { return hasAny(s, mine) }); len(matching) > 0 {
			candidates = matching
		}
	}
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	ids := make([]string, 0, len(candidates))
	for _, s := range candidates {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return nil, &ambiguousError{node: node.Name, ids: ids}
}

func filter(servers []*Server, keep func(*Server) bool) []*Server {
	var kept []*Server
	for _, s := range servers {
		if keep(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// nodeIPs are the addresses that the Node says it has: those in its status and
// those that the kubelet was told with --node-ip.
func nodeIPs(node *v1.Node) map[netip.Addr]bool {
	texts := strings.Split(node.Annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr], ",")
	for _, a := range node.Status.Addresses {
		texts = append(texts, a.Address)
	}
	ips := map[netip.Addr]bool{}
	for _, text := range texts {
		if addr, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
			ips[addr.Unmap()] = true
		}
	}
	return ips
}

func hasAny(s *Server, ips map[netip.Addr]bool) bool {
	return slices.ContainsFunc(s.Addresses, func(a Address) bool {
		addr, err := netip.ParseAddr(a.Address)
		return err == nil && ips[addr.Unmap()]
	})
}

package instances

import v1 "k8s.io/api/core/v1"

// evidence says what the Nodes with known servers show about system UUIDs:
// whether in this cluster they are the servers' UUIDs.
type evidence struct{ confirmed, contradicted bool }

// weigh gathers the evidence of all Nodes.
func (i *Instances) weigh(nodes []*v1.Node) evidence {
	var e evidence
	for _, node := range nodes {
		claimed := systemServerIDs(node.Status.NodeInfo.SystemUUID)
		if len(claimed) == 0 {
			continue
		}
		switch i.knownServer(node) {
		case "":
		case claimed[0], claimed[len(claimed)-1]:
			e.confirmed = true
		default:
			e.contradicted = true
		}
	}
	return e
}

// trusts says whether a Node that was never matched with a server may be
// judged by its system UUID alone. This is for the Node whose server was
// deleted before anybody could match them, or before a restart: without it
// such a Node would stay for ever. A wrong "yes" would remove a Node whose
// system UUID never was a Nova UUID (bare metal, another cloud), so all must hold:
//
//   - the kubelet is silent (Ready is Unknown): what still reports runs somewhere;
//   - no Node with a known server contradicts that system UUIDs are servers' UUIDs;
//   - some Node confirms it, or the Node was never initialized: it waits for
//     an external cloud provider, and no pod that minds the taint runs there.
func (e evidence) trusts(node *v1.Node) bool {
	return readiness(node) == v1.ConditionUnknown && !e.contradicted && (e.confirmed || uninitialized(node))
}

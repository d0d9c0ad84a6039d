package instances

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"underlay/internal/signal"
)

// EventRecorder is where events about Nodes go; client-go's
// record.EventRecorder satisfies it.
type EventRecorder interface {
	Eventf(object runtime.Object, eventtype, reason, messageFmt string, args ...any)
}

// The reasons.
const (
	reasonHeld          = "NodeDeletionHeld"
	reasonUnmatched     = "NodeServerNotFound"
	reasonAmbiguous     = "NodeServerAmbiguous"
	reasonNoAddress     = "NodeWithoutAddress"
	reasonForeignNodeIP = "NodeIPNotOnServer"
	reasonOutOfService  = "NodeOutOfService"
	reasonBackInService = "NodeBackInService"
)

// Events are all events that this package sends.
var Events = []signal.Event{
	{
		Reason: reasonHeld, Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The server is missing, and so are those of many other Nodes at once: more than the brake allows, or all of them while some Node is Ready. None of them is removed.",
		Advice:  "If the servers are really gone, delete the Nodes with kubectl delete node, or raise --node-deletion-brake (0 turns it off). If not, look at Nova: the project, the region and its cells.",
	},
	{
		Reason: reasonUnmatched, Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The Node has no provider ID, and no server of the project has its system UUID or its name. It is kept.",
		Advice:  "Check that the Node's name is the server's name and that the project and region in cloud.conf are right. If the server is gone, delete the Node with kubectl delete node.",
	},
	{
		Reason: reasonAmbiguous, Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The Node has no provider ID, and several servers bear its name. None is chosen.",
		Advice:  "Rename or delete the other servers, or start the kubelet with --provider-id=openstack:///UUID.",
	},
	{
		Reason: reasonNoAddress, Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The server has no address that the Node may show; the Node is not initialized until it has one.",
		Advice:  "Check the server's ports, and internal-network-name, public-network-name and ipv6-support-disabled in [Networking].",
	},
	{
		Reason: reasonForeignNodeIP, Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The kubelet was started with a --node-ip that is none of the server's addresses; Kubernetes refuses to set the Node's addresses.",
		Advice:  "Correct --node-ip, or [Networking] in cloud.conf if it hides that address.",
	},
	{
		Reason: reasonOutOfService, Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The server of a Node that is not ready does not exist any more, and volumes are attached to it. The Node has the taint node.kubernetes.io/out-of-service=server-deleted:NoExecute, by which Kubernetes ends its pods and detaches its volumes at once instead of in six minutes. The Node is removed after that, in two minutes at the latest.",
		Advice:  "None. kubectl get volumeattachments shows what is still attached.",
	},
	{
		Reason: reasonBackInService, Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The Node was put out of service because Nova said more than once that its server does not exist, and now the server is there, or the kubelet reports. The taint is taken off.",
		Advice:  "Find out why Nova forgot the server for a while: its cells, its database, the project in cloud.conf. Pods that ran there were ended.",
	},
}

package spec

import "underlay/internal/signal"

// The reasons of notices.
const (
	UnknownAnnotation   = "UnknownAnnotation"
	SettingNotSupported = "SettingNotSupported"
	SettingIsFixed      = "SettingIsFixed"
	UnwatchedTraffic    = "UnwatchedTraffic"
	NoFloatingNetwork   = "NoFloatingNetwork"
	SingleStack         = "SingleStack"
	NoMembers           = "NoMembers"
)

// Events declares what is said on a Service about its wishes.
var Events = []signal.Event{
	{Reason: UnknownAnnotation, Type: "Warning", Object: "Service",
		Meaning: "The Service has an annotation that begins with `loadbalancer.openstack.org/` and is not known. It has no effect.",
		Advice:  "Correct its spelling, or remove it. The message names the nearest one that exists."},
	{Reason: SettingNotSupported, Type: "Warning", Object: "Service",
		Meaning: "The Service asks for something that this cloud's Octavia, or the provider of the load balancer, cannot do. The Service works without it.",
		Advice:  "Remove the setting, or choose another provider with `lb-provider`. What matters for security is an error instead, and the Service waits."},
	{Reason: SettingIsFixed, Type: "Warning", Object: "Service",
		Meaning: "An annotation asks for something else than the load balancer has, and it can only be chosen when a load balancer is made.",
		Advice:  "Remove the annotation, or delete the Service and make it anew. Its address may change."},
	{Reason: UnwatchedTraffic, Type: "Warning", Object: "Service",
		Meaning: "The Service has `externalTrafficPolicy: Local`, but no health monitor asks the nodes whether they have a pod of it. Traffic to nodes without one is lost.",
		Advice:  "With the provider `ovn`, set `enable-health-monitor: \"true\"`, so that at least the NodePort is tried, or use `externalTrafficPolicy: Cluster`. Else remove the annotation that turns the monitor off."},
	{Reason: NoFloatingNetwork, Type: "Warning", Object: "Service",
		Meaning: "The project sees no external network with an IPv4 subnet, so the Service gets no floating IP and shows its internal address.",
		Advice:  "Name the network with `floating-network-id`, or make the Service internal."},
	{Reason: SingleStack, Type: "Warning", Object: "Service",
		Meaning: "The Service is dual-stack, but its load balancer has an address of one IP family only.",
		Advice:  "The message says why. A second address needs Octavia 2.26 and a subnet of the other family in the same network, and can only be chosen when the load balancer is made."},
	{Reason: NoMembers, Type: "Warning", Object: "Service",
		Meaning: "No node can serve the Service: none is there, none has the labels of `node-selector`, or none has an address of the IP family.",
		Advice:  "Check the selector and `kubectl get nodes -o wide`."},
}

// Package tree holds load balancers and what belongs to them as plain values:
// as a Service wants them, and as the cloud has them. It knows no API and no
// Kubernetes object; everything else in pkg/loadbalancer speaks in its words.
//
// One convention runs through it. In a desired value, a nil pointer, slice or
// map means "not ours to say: leave what is there". In an actual value it means
// "the API did not tell". An empty slice that is not nil means "none".
package tree

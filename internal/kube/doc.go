// Package kube runs a real Kubernetes control plane on one machine, for the
// demo and the end-to-end tests: it builds the upstream programs once from the
// Go module proxy, starts etcd, kube-apiserver, kube-controller-manager and,
// if asked, kube-scheduler on free ports of this machine, and joins nodes that
// have no kubelet behind them.
//
// Nothing here needs root, a container runtime, or a tool beside the go command.
package kube

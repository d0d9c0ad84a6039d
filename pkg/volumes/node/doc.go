// Package node is the part of the CSI driver that runs on every node: it finds the
// device of a volume, makes a filesystem on it when it is proven blank, mounts it
// where the kubelet wants it, grows it and tells how full it is.
//
// It has no credentials of the cloud and no memory: each call looks at what the
// machine has now, does what is missing, and may be made again.
package node

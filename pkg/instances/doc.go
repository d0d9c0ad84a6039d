// Package instances answers, for a Node, what Nova and Neutron know of its
// server: its addresses, type, zone and provider ID; whether it still exists;
// whether it is shut down. *Instances satisfies cloudprovider.InstancesV2.
//
// Three rules hold everywhere:
//
//   - A list never proves that a server is gone, and one 404 does not either:
//     see gone.go. What cannot be decided is reported as "exists".
//   - A Node that is not ours (another cloud, another region, no server known)
//     is left alone: no call, no address, no deletion, one line in the log.
//   - Many Nodes share few calls: one server list and one port list answer all.
package instances

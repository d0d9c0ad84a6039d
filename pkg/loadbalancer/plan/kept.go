package plan

import (
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// keepAddresses hands the floating IPs of a Service that goes, and keeps them,
// over to the project.
func (v *view) keepAddresses() []step.Step {
	var steps []step.Step
	for i := range v.actual.FloatingIPs {
		if f := &v.actual.FloatingIPs[i]; v.movable(f) {
			steps = append(steps, v.keepAddress(f)...)
		}
	}
	return steps
}

// keepAddress marks a floating IP as kept: as long as it says that it was made for
// the Service, the next one of the same name would give it back. One that does not
// say so with proof is nobody's to delete anyway.
func (v *view) keepAddress(f *tree.FloatingIP) []step.Step {
	if !v.provable(f) {
		return nil
	}
	return []step.Step{DescribeFloatingIP{ID: f.ID, Address: f.Address,
		Description: v.desired.Cluster.KeptFloatingIPDescription(v.desired.Service)}}
}

// kept says that a Service of this name was told to keep the floating IP.
func (v *view) kept(f *tree.FloatingIP) bool {
	return v.desired.Cluster.KeptFloatingIP(v.desired.Service, f.Description)
}

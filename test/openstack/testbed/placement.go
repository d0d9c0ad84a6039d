//go:build linux

package testbed

// placement counts what the compute host has left; Nova's scheduler asks it.
// https://docs.openstack.org/placement/2025.1/install/
func placement() service {
	return service{
		name: "placement", kind: "placement",
		packages:  []string{"python3-placement", "placement-common"},
		databases: []string{"placement"},
		setup:     [][]string{{"/usr/bin/placement-manage", "db", "sync"}},
		apis:      []process{uwsgi("placement", 1, "placement.wsgi.api:application")},
	}
}

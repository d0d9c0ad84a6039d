//go:build linux

package testbed

// barbican keeps secrets, such as the certificates of Octavia's TLS listeners.
// On request.
// https://docs.openstack.org/barbican/2025.1/install/
func barbican() service {
	return service{
		name: "barbican", kind: "key-manager",
		packages:  []string{"python3-barbican", "barbican-common"},
		databases: []string{"barbican"},
		setup:     [][]string{{"/usr/bin/barbican-manage", "db", "upgrade"}},
		roles:     []string{"creator"},
		apis:      []process{uwsgi("barbican", 1, "/usr/bin/barbican-wsgi-api")},
	}
}

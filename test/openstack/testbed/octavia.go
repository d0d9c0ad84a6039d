//go:build linux

package testbed

// octavia builds no amphorae: its own noop drivers stand for images, volumes and
// for what would run in an amphora. API, worker, state machine and what it
// does in Neutron (VIP ports, security groups, address pairs) are real. On request.
// https://docs.openstack.org/octavia/2025.1/install/
func octavia() service {
	const ca = stateDir + "/octavia"
	return service{
		name: "octavia", kind: "load-balancer",
		packages:  []string{"python3-octavia", "octavia-common", "openssl"},
		databases: []string{"octavia"},
		setup: [][]string{
			{"/usr/bin/octavia-db-manage", "upgrade", "head"},
			{
				"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=octavia-test",
				"-keyout", ca + "/ca.key", "-out", ca + "/ca.pem",
			},
		},
		roles:   []string{"load-balancer_member"},
		apis:    []process{uwsgi("octavia", 2, "/usr/bin/octavia-wsgi")},
		workers: []process{{name: "octavia-worker", command: []string{"/usr/bin/octavia-worker"}}},
	}
}

//go:build linux

package testbed

// keystone issues tokens and keeps the catalog. Its administrator is made by its
// own bootstrap command; register makes everybody else.
// https://docs.openstack.org/keystone/2025.1/install/keystone-install-ubuntu.html
func keystone() service {
	manage := func(args ...string) []string { return append([]string{"/usr/bin/keystone-manage"}, args...) }
	const endpoint = `{{.URL "keystone"}}/v3`
	return service{
		name: "keystone", kind: "identity", path: "/v3",
		packages:  []string{"python3-keystone"},
		databases: []string{"keystone"},
		setup: [][]string{
			manage("db_sync"),
			manage("fernet_setup", "--keystone-user", "root", "--keystone-group", "root"),
			manage("credential_setup", "--keystone-user", "root", "--keystone-group", "root"),
			manage("bootstrap", "--bootstrap-password", "{{.Password}}", "--bootstrap-region-id", "{{.Region}}",
				"--bootstrap-public-url", endpoint, "--bootstrap-internal-url", endpoint, "--bootstrap-admin-url", endpoint),
		},
		apis: []process{uwsgi("keystone", 2, "keystone.wsgi.api:application")},
	}
}

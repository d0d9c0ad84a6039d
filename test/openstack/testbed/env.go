//go:build linux

package testbed

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// writeEnv writes what names this cloud, for a shell to read. Tests take
// UNDERLAY_OPENSTACK, and UNDERLAY_OPENSTACK_ROOT to write into a database what
// no request can, and UNDERLAY_OPENSTACK_DEVICES to find the devices of each
// server's volumes ("" without LoopDevices); every OpenStack client takes the rest.
func (b *Testbed) writeEnv(context.Context) error {
	authURL := b.url("keystone") + "/v3"
	var text strings.Builder
	for _, variable := range [][2]string{
		{"UNDERLAY_OPENSTACK", authURL},
		{"UNDERLAY_OPENSTACK_ROOT", b.root},
		{"UNDERLAY_OPENSTACK_DEVICES", b.devices()},
		{"OS_AUTH_URL", authURL},
		{"OS_IDENTITY_API_VERSION", "3"},
		{"OS_USERNAME", User},
		{"OS_PASSWORD", b.secret},
		{"OS_PROJECT_NAME", Project},
		{"OS_USER_DOMAIN_NAME", "Default"},
		{"OS_PROJECT_DOMAIN_NAME", "Default"},
		{"OS_REGION_NAME", Region},
	} {
		fmt.Fprintf(&text, "export %s='%s'\n", variable[0], variable[1])
	}
	if err := os.WriteFile(b.EnvFile(), []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", b.EnvFile(), err)
	}
	return nil
}

//go:build linux

package testbed

import (
	"context"
	"net/http"
	"strings"

	"underlay/test/openstack/api"
)

// glance keeps images. Every server here boots from one of a mebibyte of nothing.
// https://docs.openstack.org/glance/2025.1/install/
func glance() service {
	return service{
		name: "glance", kind: "image",
		packages:  []string{"python3-glance", "glance-common"},
		databases: []string{"glance"},
		setup:     [][]string{{"/usr/bin/glance-manage", "db_sync"}},
		apis: []process{{
			name: "glance-api", port: "glance", command: console("glance-api", "glance.cmd.api").command,
		}},
		furnish: addImage,
	}
}

func addImage(ctx context.Context, admin *api.Client) error {
	var image struct{ ID string }
	err := admin.Do(ctx, http.MethodPost, "image", "/v2/images", map[string]any{
		"name": "nothing", "disk_format": "raw", "container_format": "bare", "visibility": "public",
	}, &image)
	if err != nil {
		return err
	}
	return admin.Upload(ctx, http.MethodPut, "image", "/v2/images/"+image.ID+"/file", strings.NewReader(strings.Repeat("\x00", 1<<20)))
}

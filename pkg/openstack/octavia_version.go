package openstack

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// versionAge is how long a version is believed: it changes only when the cloud
// is upgraded.
const versionAge = time.Hour

var opBalancingVersions = session.Operation{Name: "loadbalancer_version_list", Method: http.MethodGet}

// APIVersion keeps the contract of loadbalancer.Balancers.
func (c *Client) APIVersion(ctx context.Context) (tree.Version, error) {
	return c.balancing.Get(ctx, versionAge)
}

// readOctaviaVersion reads the root of the service, which lists every version
// since 2.0 (octavia/api/root_controller.py).
func (c *Client) readOctaviaVersion(ctx context.Context) (tree.Version, error) {
	ctx, made := c.session.Begin(ctx, opBalancingVersions)
	client, err := c.session.Use(ctx, balancing)
	if err != nil {
		return tree.Version{}, made.Classify(err)
	}
	root, err := session.WithoutVersion(client.Endpoint)
	if err != nil {
		return tree.Version{}, made.Classify(err)
	}
	var said struct {
		Versions []struct {
			ID string `json:"id"`
		} `json:"versions"`
	}
	if err := session.Get(ctx, client, root.String(), &said); err != nil {
		return tree.Version{}, made.Classify(err)
	}
	var newest tree.Version
	for _, version := range said.Versions {
		if v, ok := readVersion(version.ID); ok && v.Major == 2 && v.Minor >= newest.Minor {
			newest = v
		}
	}
	if newest.Major == 0 {
		return tree.Version{}, &cloud.Error{
			Class: cloud.ErrUnsupported, Request: fmt.Sprintf("GET %s", root.Path),
			Message: "the load-balancer endpoint lists no API version 2: is it Octavia?",
		}
	}
	return newest, nil
}

// readVersion reads "v2.26".
func readVersion(text string) (tree.Version, bool) {
	majorText, minorText, _ := strings.Cut(strings.TrimPrefix(text, "v"), ".")
	major, err := strconv.Atoi(majorText)
	if err != nil {
		return tree.Version{}, false
	}
	minor, err := strconv.Atoi(minorText)
	return tree.Version{Major: major, Minor: minor}, err == nil
}

package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/gophercloud/gophercloud/v2"
	"k8s.io/klog/v2"
)

// The versions of the compute API that matter here
// (https://docs.openstack.org/nova/latest/reference/api-microversion-history.html):
//
//	2.47  the server carries its flavor's name
//	2.69  servers of an unreachable cell stay in the list, with status UNKNOWN and little else
//	2.90  the host name is shown to everyone
//
// Nothing that we read changed after 2.90. A cloud that ends earlier is spoken to
// in its latest version: we miss what that version lacks, and nothing else.
const newestMicroversion = 90

var opVersionGet = operation{name: "compute_version_get", method: http.MethodGet}

// microversion is the minor version in use. It starts with the newest, without
// asking, and is negotiated once if the cloud says that it does not know that.
type microversion struct {
	mu      sync.Mutex
	minor   int    // 0 = newestMicroversion
	settled string // the endpoint that minor was negotiated with
}

func (m *microversion) of(endpoint string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.settled != endpoint {
		return newestMicroversion
	}
	return m.minor
}

func (m *microversion) settle(endpoint string, minor int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled, m.minor = endpoint, minor
}

// nova runs one request in the newest version that both sides know.
func (c *Client) nova(ctx context.Context, request func(*gophercloud.ServiceClient) error) error {
	client, err := c.use(ctx, compute)
	if err != nil {
		return err
	}
	client.Microversion = fmt.Sprintf("2.%d", c.microversion.of(client.Endpoint))
	err = request(client)
	if !gophercloud.ResponseCodeIs(err, http.StatusNotAcceptable) {
		return err
	}
	minor, err := c.negotiate(ctx, client)
	if err != nil {
		return err
	}
	c.microversion.settle(client.Endpoint, minor)
	client.Microversion = fmt.Sprintf("2.%d", minor)
	return request(client)
}

// negotiate reads the latest version that the cloud knows from its version
// document, which stands at the version itself, without a project id.
func (c *Client) negotiate(ctx context.Context, client *gophercloud.ServiceClient) (int, error) {
	ctx, made := c.begin(ctx, opVersionGet)
	root, err := url.Parse(client.Endpoint)
	if err != nil {
		return 0, made.classify(err)
	}
	before, from := splitVersion(root.Path)
	version, _, _ := strings.Cut(from, "/")
	root.Path = before + version + "/"
	var said struct{ Version struct{ Version string } }
	plain := *client
	plain.Microversion = "" // the document is there for those who do not know it yet
	if err := get(ctx, &plain, root.String(), &said); err != nil {
		return 0, made.classify(err)
	}
	minor := 1 // what the cloud speaks when it names no version
	if _, err := fmt.Sscanf(said.Version.Version, "2.%d", &minor); err != nil {
		minor = 1
	}
	minor = min(minor, newestMicroversion)
	klog.FromContext(ctx).Info("The compute API is older than preferred", "version", fmt.Sprintf("2.%d", minor),
		"preferred", fmt.Sprintf("2.%d", newestMicroversion))
	return minor, nil
}

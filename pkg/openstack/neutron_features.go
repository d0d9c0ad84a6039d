package openstack

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"underlay/pkg/openstack/session"
	"underlay/pkg/routes"
)

// featuresAge is how long the extension list is believed: it changes only when
// the cloud is upgraded.
const featuresAge = time.Hour

var opExtensionList = session.Operation{Name: "extension_list", Method: http.MethodGet}

// Features keeps the contract of routes.RouterAPI
// (https://docs.openstack.org/api-ref/network/v2/#extensions).
func (c *Client) Features(ctx context.Context) (routes.Features, error) {
	return c.features.Get(ctx, featuresAge)
}

func (c *Client) readFeatures(ctx context.Context) (routes.Features, error) {
	ctx, made := c.session.Begin(ctx, opExtensionList)
	neutron, err := c.session.Use(ctx, network)
	if err != nil {
		return routes.Features{}, made.Classify(err)
	}
	extensions, err := session.List[struct{ Alias string }](ctx, neutron, "extensions", url.Values{}, "extensions")
	if err != nil {
		return routes.Features{}, made.ListError(err)
	}
	var found routes.Features
	for _, extension := range extensions {
		switch extension.Alias {
		case "extraroute":
			found.Routes = true
		case "extraroute-atomic":
			found.AtomicRoutes = true
		case "allowed-address-pairs":
			found.AddressPairs = true
		}
	}
	return found, nil
}

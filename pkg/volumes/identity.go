package volumes

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"underlay/pkg/volumes/block"
)

// identity is csi.IdentityServer.
type identity struct {
	csi.UnimplementedIdentityServer
	version      string
	capabilities []*csi.PluginCapability
}

func newIdentity(o Options) *identity {
	i := &identity{version: o.Version}
	service := func(kind csi.PluginCapability_Service_Type) {
		i.capabilities = append(i.capabilities, &csi.PluginCapability{
			Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{Type: kind}},
		})
	}
	expansion := func(kind csi.PluginCapability_VolumeExpansion_Type) {
		i.capabilities = append(i.capabilities, &csi.PluginCapability{
			Type: &csi.PluginCapability_VolumeExpansion_{VolumeExpansion: &csi.PluginCapability_VolumeExpansion{Type: kind}},
		})
	}
	if o.Controller != nil {
		service(csi.PluginCapability_Service_CONTROLLER_SERVICE)
	}
	if o.Groups != nil {
		service(csi.PluginCapability_Service_GROUP_CONTROLLER_SERVICE)
	}
	if o.Topology {
		service(csi.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS)
	}
	if o.Topology && o.Controller != nil {
		service(csi.PluginCapability_Service_SNAPSHOT_ACCESSIBILITY_CONSTRAINTS)
	}
	expansion(csi.PluginCapability_VolumeExpansion_ONLINE)
	expansion(csi.PluginCapability_VolumeExpansion_OFFLINE)
	return i
}

// GetPluginInfo says which driver this is, and its version.
func (i *identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: block.DriverName, VendorVersion: i.version}, nil
}

// GetPluginCapabilities says which services there are.
func (i *identity) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{Capabilities: i.capabilities}, nil
}

// Probe says that this process works, not that the cloud answers: who asks this
// restarts what is not ready, and no restart mends a cloud.
func (i *identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

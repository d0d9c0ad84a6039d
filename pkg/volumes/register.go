package volumes

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"google.golang.org/grpc"
	"k8s.io/klog/v2"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"underlay/pkg/volumes/block"
)

// Registration makes the driver known to the kubelet without a sidecar: the
// kubelet connects to every socket that appears in its folder
// (k8s.io/kubelet/pkg/apis/pluginregistration/v1).
type Registration struct {
	// Folder is the kubelet's folder of registration sockets, as this process sees it.
	Folder string
	// Path is the driver's socket, as the kubelet sees it.
	Path string
}

// errRefused ends the process: its next one registers again.
var errRefused = errors.New("the kubelet refused the registration")

// registrar is registration.RegistrationServer.
type registrar struct {
	registration.UnimplementedRegistrationServer
	path string
	// refused hears why the kubelet did not take the driver; it has room.
	refused chan<- error
}

// GetInfo tells the kubelet where the driver is.
func (r *registrar) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: block.DriverName, Endpoint: r.path,
		// The version of CSI's Kubernetes protocol, which is not that of its specification.
		SupportedVersions: []string{"1.0.0"},
	}, nil
}

// NotifyRegistrationStatus hears whether the kubelet took the driver.
func (r *registrar) NotifyRegistrationStatus(ctx context.Context, s *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if s.GetPluginRegistered() {
		klog.FromContext(ctx).Info("Registered with the kubelet", "socket", r.path)
		return &registration.RegistrationStatusResponse{}, nil
	}
	select {
	case r.refused <- fmt.Errorf("%w: %s", errRefused, s.GetError()):
	default: // it is known
	}
	return &registration.RegistrationStatusResponse{}, nil
}

// socket is the file by which the kubelet finds the driver. It has the name that
// the sidecar gives it, so that there is never a second one.
func (r Registration) socket() string {
	return filepath.Join(r.Folder, block.DriverName+"-reg.sock")
}

// server makes the server of the registration.
func (r Registration) server(refused chan<- error) *grpc.Server {
	s := grpc.NewServer()
	registration.RegisterRegistrationServer(s, &registrar{path: r.Path, refused: refused})
	return s
}

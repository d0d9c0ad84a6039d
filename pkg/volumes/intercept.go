package volumes

import (
	"context"
	"errors"
	"path"
	"runtime/debug"
	"time"

	"github.com/kubernetes-csi/csi-lib-utils/protosanitizer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
)

// quiet are the calls that sidecars and kubelets make all the time.
var quiet = map[string]bool{
	"Probe": true, "GetPluginInfo": true, "GetPluginCapabilities": true,
	"ControllerGetCapabilities": true, "GroupControllerGetCapabilities": true,
	"NodeGetCapabilities": true, "NodeGetVolumeStats": true, "ListVolumes": true, "ListSnapshots": true,
}

// observe logs one line a call, counts it, and sees that every error has a code.
func observe(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	method := path.Base(info.FullMethod)
	log := klog.FromContext(ctx).WithValues(subject(request)...)
	log.V(5).Info("Called", "rpc", method, "request", protosanitizer.StripSecrets(request))
	started := time.Now()
	answer, err := guard(klog.NewContext(ctx, log), method, request, next)
	err = coded(err)
	took := time.Since(started)
	calls.WithLabelValues(method, status.Code(err).String()).Observe(took.Seconds())
	values := []any{"rpc", method, "code", status.Code(err).String(), "took", took.Round(time.Millisecond)}
	switch {
	case err != nil:
		log.Info("Answered with an error", append(values, "err", status.Convert(err).Message())...)
	case quiet[method]:
		log.V(4).Info("Answered", values...)
	default:
		log.Info("Answered", values...)
	}
	return answer, err
}

// guard makes a panic an answer: Aborted, since what was done until then is not
// known. The sidecars take Internal as final and would forget a volume.
func guard(ctx context.Context, method string, request any, next grpc.UnaryHandler) (answer any, err error) {
	defer func() {
		if p := recover(); p != nil {
			panics.Inc()
			klog.FromContext(ctx).Error(nil, "The call ended in a panic", "rpc", method, "panic", p, "stack", string(debug.Stack()))
			answer, err = nil, status.Errorf(codes.Aborted, "%s ended in a panic, which the log has; it may be tried again", method)
		}
	}()
	return next(ctx, request)
}

// coded gives a code to an error that has none: never one that ends the matter.
func coded(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error())
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error())
	default:
		return status.Error(codes.Aborted, err.Error())
	}
}

// subject names what a call is about.
func subject(request any) []any {
	var values []any
	if r, ok := request.(interface{ GetVolumeId() string }); ok {
		values = append(values, "volume", r.GetVolumeId())
	}
	if r, ok := request.(interface{ GetNodeId() string }); ok {
		values = append(values, "node", r.GetNodeId())
	}
	if r, ok := request.(interface{ GetSnapshotId() string }); ok && r.GetSnapshotId() != "" {
		values = append(values, "snapshot", r.GetSnapshotId())
	}
	if r, ok := request.(interface{ GetName() string }); ok {
		values = append(values, "name", r.GetName())
	}
	return values
}

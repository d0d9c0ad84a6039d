package volumes

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

const probeTimeout = 5 * time.Second

// health answers GET /healthz by a Probe over the driver's own socket, as a
// sidecar would make it, and GET /metrics.
func health(conn grpc.ClientConnInterface) http.Handler {
	probe := csi.NewIdentityClient(conn)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		if _, err := probe.Probe(ctx, &csi.ProbeRequest{}); err != nil {
			http.Error(w, "the driver does not answer on its socket: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	// Uncompressed: what compresses the page takes more memory than all else here.
	mux.Handle("GET /metrics", metrics.HandlerFor(legacyregistry.DefaultGatherer, metrics.HandlerOpts{DisableCompression: true}))
	return mux
}

// dial connects to a socket when it is first used.
func dial(path string) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

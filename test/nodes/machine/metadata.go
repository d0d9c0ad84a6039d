package machine

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"underlay/internal/kube"
)

// metadataAddress and metadataPath are where every server of OpenStack asks who it
// is (https://docs.openstack.org/nova/latest/user/metadata.html).
const (
	metadataAddress = "169.254.169.254"
	metadataPath    = "/openstack/latest/meta_data.json"
)

// serveMetadata answers in the place of Neutron's metadata agent, on the machine
// itself, until the machine ends.
func serveMetadata(ctx context.Context, answer []byte) error {
	if answer == nil {
		return nil
	}
	if err := execute(ctx, "ip", "addr", "add", metadataAddress+"/32", "dev", "lo"); err != nil {
		return err
	}
	listener, err := kube.Listen(ctx, metadataAddress+":80")
	if err != nil {
		return fmt.Errorf("serve metadata: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metadataPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with the machine
	return nil
}

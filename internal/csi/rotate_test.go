package csi

import (
	"net/http/httptest"
	"os"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"

	"underlay/pkg/simulator"
)

// TestAChangedCredentialServesTheNextCall: the process stays, the one password is
// over, and the other stands in the second of its files.
func TestAChangedCredentialServesTheNextCall(t *testing.T) {
	cloud := simulator.New(simulator.Options{})
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	settings, credentials := write(t, "[BlockStorage]\nignore-volume-az=true\n"), write(t, cloud.CloudConf(server.URL))
	conn, stop := serve(t, "--cloud-config="+settings, "--cloud-config="+credentials, "--provide-node-service=false")
	volumes := spec.NewControllerClient(conn)
	if _, err := volumes.ListVolumes(t.Context(), &spec.ListVolumesRequest{}); err != nil {
		t.Fatalf("with the first password: %v", err)
	}
	cloud.SetPassword("another")
	if err := os.WriteFile(credentials, []byte(cloud.CloudConf(server.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := volumes.ListVolumes(t.Context(), &spec.ListVolumesRequest{}); err != nil {
		t.Errorf("with the second password: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

package metadata_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"underlay/pkg/volumes/metadata"
	"underlay/test/disk"
)

const answer = `{"uuid": "server-1", "availability_zone": "az-1", "name": "worker", "devices": []}`

// serve answers one text after the other, the last for ever.
func serve(t *testing.T, texts ...string) (string, *atomic.Int64) {
	t.Helper()
	calls := &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := texts[min(int(calls.Add(1)), len(texts))-1]
		if text == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

func TestServiceIsAskedOnceItAnswers(t *testing.T) {
	url, calls := serve(t, "", "{", "{}", answer)
	r := metadata.New(metadata.Options{Order: []string{metadata.Service}, URL: url, Timeout: time.Minute})
	for _, part := range []string{"404", "read meta_data.json", "no uuid"} {
		if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q", err, part)
		}
	}
	for range 3 {
		if got, err := r.Read(t.Context()); err != nil || got != (metadata.Machine{ID: "server-1", Zone: "az-1"}) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got := calls.Load(); got != 4 {
		t.Errorf("got %d calls, want 4: the answer is kept", got)
	}
}

func TestEveryPlaceIsNamedInTheError(t *testing.T) {
	r := metadata.New(metadata.Options{Drives: []string{filepath.Join(t.TempDir(), "none")}, URL: "http://127.0.0.1:1/"})
	_, err := r.Read(t.Context())
	for _, part := range []string{"configDrive: there is none", "metadataService: ", "refused"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q", err, part)
		}
	}
	if _, err := metadata.New(metadata.Options{Order: []string{"oracle"}}).Read(t.Context()); err == nil {
		t.Error("an unknown place answered")
	}
}

// TestDrive reads a real device. It holds an ext4: few kernels of test machines
// know iso9660 and vfat.
func TestDrive(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	d, content := disk.New(t, 16<<20), t.TempDir()
	folder := filepath.Join(content, "openstack", "latest")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "meta_data.json"), []byte(answer), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", "-d", content, d.Path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	url, calls := serve(t, answer)
	r := metadata.New(metadata.Options{Drives: []string{d.Path}, Formats: []string{"swap", "ext4"}, URL: url})
	if got, err := r.Read(t.Context()); err != nil || got.ID != "server-1" || calls.Load() != 0 {
		t.Errorf("got %+v, %v, and %d calls to the service", got, err, calls.Load())
	}
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || strings.Contains(string(mounts), d.Path+" ") {
		t.Errorf("still mounted (%v)", err)
	}
	broken := metadata.New(metadata.Options{Drives: []string{d.Path}, Formats: []string{"swap"}, URL: url})
	if got, err := broken.Read(t.Context()); err != nil || got.ID != "server-1" || calls.Load() != 1 {
		t.Errorf("got %+v, %v: a drive that cannot be mounted must leave it to the service", got, err)
	}
}

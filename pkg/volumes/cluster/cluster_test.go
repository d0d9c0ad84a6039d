package cluster_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/cluster"
)

// api is an HTTPS server that answers with one code and text, and what it heard.
type api struct {
	code         int
	text         string
	heard        *http.Request
	body         []byte
	reader       *cluster.Reader
	tokenFile    string
	certificates string
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{code: http.StatusOK}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.heard = r
		a.body, _ = io.ReadAll(r.Body)
		w.Header().Set("Location", "http://elsewhere.example/")
		w.WriteHeader(a.code)
		_, _ = io.WriteString(w, a.text)
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	a.tokenFile, a.certificates = filepath.Join(folder, "token"), filepath.Join(folder, "ca.crt")
	a.write(t, a.tokenFile, "first\n")
	a.write(t, a.certificates, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	a.reader = cluster.New(cluster.Options{URL: server.URL, Folder: folder})
	return a
}

func (a *api) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClaim(t *testing.T) {
	a := newAPI(t)
	a.text = `{"kind": "PersistentVolumeClaim", "metadata": {"uid": "u-1", "annotations": {"a": "b"}}}`
	annotations, uid, err := a.reader.Claim(t.Context(), "team", "data")
	if err != nil || uid != "u-1" || !cmp.Equal(annotations, map[string]string{"a": "b"}) {
		t.Errorf("got %v, %q, %v", annotations, uid, err)
	}
	if got := a.heard.URL.Path; got != "/api/v1/namespaces/team/persistentvolumeclaims/data" {
		t.Errorf("asked for %s", got)
	}
	if got := a.heard.Header.Get("Authorization"); got != "Bearer first" {
		t.Errorf("got %q", got)
	}
	a.write(t, a.tokenFile, "second")
	if _, _, err := a.reader.Claim(t.Context(), "team", "data"); err != nil || a.heard.Header.Get("Authorization") != "Bearer second" {
		t.Errorf("got %v and %q: a renewed token must be used", err, a.heard.Header.Get("Authorization"))
	}
	if _, _, err := a.reader.Claim(t.Context(), "../kube-system", "x"); err != nil || a.heard.URL.EscapedPath() != "/api/v1/namespaces/..%2Fkube-system/persistentvolumeclaims/x" {
		t.Errorf("got %v, asked for %s", err, a.heard.URL.EscapedPath())
	}
}

func TestErrorsHaveAClass(t *testing.T) {
	a := newAPI(t)
	for code, class := range map[int]error{
		404: cloud.ErrNotFound, 401: cloud.ErrDenied, 403: cloud.ErrDenied, 409: cloud.ErrBusy,
		422: cloud.ErrInvalid, 429: cloud.ErrUnavailable, 503: cloud.ErrUnavailable, 302: cloud.ErrInvalid,
	} {
		a.code, a.text = code, `{"kind": "Status", "message": "because"}`
		if _, _, err := a.reader.Claim(t.Context(), "n", "c"); !errors.Is(err, class) || !strings.Contains(err.Error(), "because") {
			t.Errorf("%d: got %v, want %v", code, err, class)
		}
	}
	a.code, a.text = 200, "{"
	if _, _, err := a.reader.Claim(t.Context(), "n", "c"); err == nil {
		t.Error("half an answer is one")
	}
	a.write(t, a.certificates, "none")
	if _, _, err := a.reader.Claim(t.Context(), "n", "c"); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("got %v", err)
	}
	other := newAPI(t)
	if text, err := os.ReadFile(other.certificates); err != nil || len(text) == 0 {
		t.Fatal(err)
	}
	nobody := cluster.New(cluster.Options{URL: "https://127.0.0.1:1", Folder: filepath.Dir(other.certificates)})
	if _, _, err := nobody.Claim(t.Context(), "n", "c"); !errors.Is(err, cloud.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, cloud.ErrUnavailable)
	}
	if _, _, err := cluster.New(cluster.Options{Folder: t.TempDir()}).Claim(t.Context(), "n", "c"); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("got %v", err)
	}
}

func TestEvent(t *testing.T) {
	a := newAPI(t)
	a.code = http.StatusCreated
	on := cluster.Object{APIVersion: "v1", Kind: "Node", Name: "worker-1", UID: "u-2"}
	if err := a.reader.Event(t.Context(), on, "driver", "Warning", "NodeLost", strings.Repeat("ä", 600)); err != nil {
		t.Fatal(err)
	}
	if got := a.heard.Method + " " + a.heard.URL.Path; got != "POST /api/v1/namespaces/default/events" {
		t.Errorf("got %s", got)
	}
	var got struct {
		Metadata struct{ Name, Namespace string }
		Involved struct{ APIVersion, Kind, Name, UID string } `json:"involvedObject"`
		Type     string
		Reason   string
		Message  string
		Source   struct{ Component string }
		Count    int
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Involved.Name != "worker-1" || got.Involved.UID != "u-2" || got.Type != "Warning" || got.Reason != "NodeLost" || got.Source.Component != "driver" || got.Count != 1 {
		t.Errorf("got %s", a.body)
	}
	if len(got.Message) > 1024 || !strings.HasSuffix(got.Message, "ä…") || !strings.HasPrefix(got.Metadata.Name, "worker-1.") {
		t.Errorf("got a message of %d bytes, named %s", len(got.Message), got.Metadata.Name)
	}
	a.code = http.StatusForbidden
	on.Namespace = "team"
	if err := a.reader.Event(t.Context(), on, "driver", "Normal", "x", "y"); !errors.Is(err, cloud.ErrDenied) || a.heard.URL.Path != "/api/v1/namespaces/team/events" {
		t.Errorf("got %v at %s", err, a.heard.URL.Path)
	}
}

func TestInPod(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := cluster.InPod(); !errors.Is(err, cluster.ErrOutside) {
		t.Errorf("got %v", err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	if got, err := cluster.InPod(); err != nil || got.URL != "https://[fd00::1]:443" {
		t.Errorf("got %+v, %v", got, err)
	}
}

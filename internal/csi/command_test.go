package csi

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	logsapi "k8s.io/component-base/logs/api/v1"

	"underlay/internal/signal"
	"underlay/pkg/config"
	"underlay/pkg/simulator"
	"underlay/pkg/volumes/cluster"
	"underlay/pkg/volumes/controller"
)

// The tests run several commands in one process, all of which log alike.
func TestMain(m *testing.M) {
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	os.Exit(m.Run())
}

// TestArgumentsOfOthersAreTaken parses what the manifests and charts of
// kubernetes/cloud-provider-openstack pass.
func TestArgumentsOfOthersAreTaken(t *testing.T) {
	for name, args := range map[string][]string{
		"controller": {"--endpoint=unix://csi/csi.sock", "--cloud-config=/etc/config/cloud.conf", "--cluster=kubernetes", "--pvc-annotations",
			"--provide-node-service=false", "--with-topology=true", "--additional-topology=a=b,c=d", "--http-endpoint=:8080", "--user-agent=x",
			"--v=4", "--vmodule=a=5", "--logging-format=json", "--log-flush-frequency=5s"},
		"node": {"--endpoint=unix:///csi/csi.sock", "--provide-controller-service=false", "--cloud-config=/etc/a,/etc/b", "--cloud-name=", "--cloud-name=region-two",
			"--nodeid=worker-1", "--node-service-no-os-client=true"},
	} {
		if err := NewCommand().ParseFlags(args); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	own := OwnFlags()
	if !own["self-register"] || own["endpoint"] || own["nodeid"] {
		t.Errorf("got %v", own)
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cloud.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	first  = "[Global]\nauth-url=http://127.0.0.1:1/v3\nusername=u\npassword=p\ntenant-name=t\ndomain-name=d\n"
	second = "[Global \"second\"]\nauth-url=http://127.0.0.1:2/v3\nusername=u\npassword=p\ntenant-name=t\ndomain-name=d\n"
	limits = "[BlockStorage]\nnode-volume-attach-limit=7\n[Metadata]\nsearch-order=metadataService\n"
)

func TestConfigurationIsRead(t *testing.T) {
	t.Setenv("OS_AUTH_URL", "")
	one, two, three := write(t, first), write(t, second), write(t, limits)
	for name, tc := range map[string]struct {
		files       []string
		credentials bool
		clouds      []string
		limit       int
		err         string
	}{
		"one file":               {[]string{one}, true, []string{""}, 256, ""},
		"three files are one":    {[]string{one, two, three}, true, []string{"", "second"}, 7, ""},
		"a named cloud alone":    {[]string{two}, true, []string{"second"}, 256, ""},
		"no credentials":         {[]string{three}, true, nil, 0, "auth-url"},
		"none are needed":        {[]string{three}, false, []string{""}, 7, ""},
		"no file":                {nil, false, []string{""}, 256, ""},
		"one that is not there":  {[]string{one, "/none"}, false, nil, 0, "/none"},
		"wrong, for everybody":   {[]string{write(t, "[BlockStorage]\nnode-volume-attach-limit=many\n")}, false, nil, 0, "node-volume-attach-limit"},
		"wrong credentials only": {[]string{write(t, "[Global]\nauth-url=nowhere\n"+limits)}, false, []string{""}, 7, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t.Context(), tc.files, tc.credentials)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), "underlay config check") {
					t.Errorf("got %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, cloud := range tc.clouds {
				g := globals(cfg)[cloud]
				if g == nil {
					t.Fatalf("no cloud %q", cloud)
				}
				if tc.credentials && !slices.Contains(g.WatchFiles, tc.files[0]) {
					t.Errorf("cloud %q does not follow its file: %v", cloud, g.WatchFiles)
				}
			}
			if got := cfg.BlockStorage.NodeVolumeAttachLimit; got != tc.limit || len(globals(cfg)) != len(tc.clouds) {
				t.Errorf("got limit %d and %d clouds", got, len(globals(cfg)))
			}
		})
	}
}

func TestCredentialsAreReadAgain(t *testing.T) {
	path := write(t, second)
	if g, err := reload([]string{path}, "second"); err != nil || g.AuthURL != "http://127.0.0.1:2/v3" {
		t.Errorf("got %v, %v", g, err)
	}
	if _, err := reload([]string{path}, "third"); err == nil || !strings.Contains(err.Error(), "any more") {
		t.Errorf("got %v", err)
	}
	if _, err := reload([]string{write(t, "[Global")}, ""); err == nil {
		t.Error("a broken file was taken")
	}
}

func TestTheFirstCloudIsChosen(t *testing.T) {
	g := &config.Global{}
	for name, tc := range map[string]struct {
		names  []string
		clouds map[string]*config.Global
		want   string
		err    string
	}{
		"the unnamed":        {nil, map[string]*config.Global{"": g, "a": g}, "", ""},
		"the only":           {nil, map[string]*config.Global{"a": g}, "a", ""},
		"the first of flags": {[]string{"b", "a"}, map[string]*config.Global{"": g, "a": g, "b": g}, "b", ""},
		"none is first":      {nil, map[string]*config.Global{"b": g, "a": g}, "", `["a" "b"]`},
		"unknown":            {[]string{"c"}, map[string]*config.Global{"a": g}, "", "--cloud-name=c"},
	} {
		got, err := chosen(tc.names, tc.clouds)
		if got != tc.want || (err != nil) != (tc.err != "") || (err != nil && !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// serve runs the command until the test ends.
func serve(t *testing.T, args ...string) (*grpc.ClientConn, func() error) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "csi.sock")
	ctx, stop := context.WithCancel(t.Context())
	cmd, ended := NewCommand(), make(chan error, 1)
	cmd.SetArgs(append(args, "--endpoint=unix://"+socket))
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); stop() })
	return conn, func() error { stop(); return <-ended }
}

// TestServesBothServices is the whole command over HTTP to a simulated cloud.
func TestServesBothServices(t *testing.T) {
	cloud := simulator.New(simulator.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: cloud}}
	server.Start()
	t.Cleanup(server.Close)
	meta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"uuid": "server-1", "availability_zone": "nova"}`)
	}))
	t.Cleanup(meta.Close)
	conf := write(t, cloud.CloudConf(url)+"\n[Metadata]\nsearch-order=metadataService\n[BlockStorage]\nnode-volume-attach-limit=5\n")
	conn, stop := serve(t, "--cloud-config="+conf, "--cluster=blue", "--metadata-url="+meta.URL, "--additional-topology=rack=r1", "--self-register", "--registration-folder="+t.TempDir())
	info, err := spec.NewNodeClient(conn).NodeGetInfo(t.Context(), &spec.NodeGetInfoRequest{})
	if err != nil || info.GetNodeId() != "server-1" || info.GetMaxVolumesPerNode() != 5 || len(info.GetAccessibleTopology().GetSegments()) != 2 {
		t.Errorf("got %v, %v", info, err)
	}
	list, err := spec.NewControllerClient(conn).ListVolumes(t.Context(), &spec.ListVolumesRequest{})
	if err != nil || len(list.GetEntries()) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeServed(t *testing.T) {
	t.Setenv("OS_AUTH_URL", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for part, args := range map[string][]string{
		"nothing to serve":  {"--provide-controller-service=false", "--provide-node-service=false"},
		"auth-url":          {"--provide-node-service=false"},
		"--cloud-name=x":    {"--cloud-config=" + write(t, first), "--cloud-name=x"},
		"--pvc-annotations": {"--cloud-config=" + write(t, first), "--pvc-annotations"},
		"is not unix://":    {"--provide-controller-service=false", "--endpoint=tcp://127.0.0.1:1"},
	} {
		cmd := NewCommand()
		cmd.SetArgs(args)
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v: got %v, want %q", args, err, part)
		}
	}
}

// TestEventsAreRecorded: each once, on the claim that is there.
func TestEventsAreRecorded(t *testing.T) {
	posted := make(chan string, 10)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"metadata": {"uid": "u-1", "annotations": {"a": "b"}}}`)
			return
		}
		var event struct {
			Reason   string
			Involved struct{ Kind, Name, UID string } `json:"involvedObject"`
		}
		_ = json.NewDecoder(r.Body).Decode(&event)
		posted <- event.Reason + " " + event.Involved.Kind + " " + event.Involved.Name + " " + event.Involved.UID
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	for name, text := range map[string][]byte{"token": []byte("t"), "ca.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reader := cluster.New(cluster.Options{URL: server.URL, Folder: folder})
	claim := controller.Claim{Namespace: "team", Name: "data"}
	if got, err := (claimReader{reader}).Annotations(t.Context(), claim); err != nil || got["a"] != "b" {
		t.Errorf("got %v, %v", got, err)
	}
	a := newAnnouncer(reader)
	for _, reason := range []string{"Held", "Held", "Left"} {
		a.Announce(t.Context(), claim, signal.Event{Reason: reason, Type: "Warning"}, "because")
	}
	got := []string{<-posted, <-posted}
	slices.Sort(got)
	if want := []string{"Held PersistentVolumeClaim data u-1", "Left PersistentVolumeClaim data u-1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

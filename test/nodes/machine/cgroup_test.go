package machine

import (
	"os"
	"path/filepath"
	"testing"
)

// In cgroup v2 a kubelet refuses a root group to which a controller was not handed
// down at every step.
func TestControllersAreHandedDown(t *testing.T) {
	top := t.TempDir()
	if err := os.MkdirAll(filepath.Join(top, "lab", "node-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "cgroup.controllers"), []byte("cpuset cpu io memory hugetlb pids rdma\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := handDown(top, "/lab/node-1"); err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{top, filepath.Join(top, "lab")} {
		got, err := os.ReadFile(filepath.Join(group, "cgroup.subtree_control"))
		if want := "+cpuset +cpu +memory +hugetlb +pids"; err != nil || string(got) != want {
			t.Errorf("%s enables %q (%v), want %q", group, got, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(top, "lab", "node-1", "cgroup.subtree_control")); err == nil {
		t.Error("the group itself enables controllers: it could have no process")
	}
}

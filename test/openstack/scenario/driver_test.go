package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// restricted is an account of cloud.conf: an application credential that may do
// only what the rules list.
func (on *tenant) restricted(t *testing.T, rules []accessRule) string {
	t.Helper()
	as := on.credential(t, rules)
	return fmt.Sprintf("application-credential-id = %s\napplication-credential-secret = %s\n", as.ID, as.Secret)
}

// unrestricted is the user with a password.
func (on *tenant) unrestricted() string {
	return fmt.Sprintf("username = %s\npassword = %s\ntenant-name = %s\ndomain-name = Default\n", on.who.Username, on.who.Password, on.who.Project)
}

// startDriver builds and runs the CSI driver with an account, and connects to its
// socket. Its cloud.conf leads through the proxy.
func startDriver(t *testing.T, on *tenant, account string) *grpc.ClientConn {
	t.Helper()
	dir := t.TempDir()
	program, conf, socket := filepath.Join(dir, "cinder-csi-plugin"), filepath.Join(dir, "cloud.conf"), filepath.Join(dir, "csi.sock")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "underlay/cmd/cinder-csi-plugin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the driver: %v\n%s", err, out)
	}
	text := fmt.Sprintf("[Global]\nauth-url = %s/identity/v3\nregion = %s\n%s", on.url, on.who.Region, account)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	// It ends after the test's context, in the clean-up.
	driver := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--endpoint=unix://"+socket, "--cloud-config="+conf, "--cluster=scenario", "--provide-node-service=false")
	driver.Stdout, driver.Stderr = log, log
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(driver.Process.Signal(os.Interrupt), driver.Wait()); err != nil {
			t.Errorf("the driver's end: %v", err)
		}
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("the driver said:\n%s", said)
		}
	})
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

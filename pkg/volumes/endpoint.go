package volumes

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// SocketPath is the file that an endpoint names. unix://csi/csi.sock and
// unix:///csi/csi.sock are the same, as they always were for this driver.
func SocketPath(endpoint string) (string, error) {
	path, isUnix := strings.CutPrefix(endpoint, "unix:")
	if !isUnix || strings.Trim(path, "/") == "" {
		return "", fmt.Errorf("the endpoint %q is not unix://PATH", endpoint)
	}
	return "/" + strings.TrimLeft(path, "/"), nil
}

// listen makes a socket. One that a process left behind is replaced; one that a
// process still answers on is not.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of socket %s: %w", path, err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path) //nolint:noctx // a local socket listens at once
	if err != nil {
		return nil, fmt.Errorf("listen on socket %s: %w", path, err)
	}
	// Whoever may use the socket may mount devices.
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("close socket %s to others: %w", path, err), l.Close())
	}
	return l, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at socket %s: %w", path, err)
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s is there, and is no socket: it is not removed", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second) //nolint:noctx // bounded by its timeout
	if err == nil {
		return errors.Join(fmt.Errorf("another process serves on socket %s", path), c.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("see whether somebody serves on socket %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the socket that was left behind: %w", err)
	}
	return nil
}

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"google.golang.org/grpc/codes"
)

// noLink refuses a path of the kubelet's that is a symbolic link: a mount on it would lie over
// whatever it leads to, and nothing that it leads to is ours to unmount. Only the path itself
// counts: links on the way to it are followed, as /var/lib/kubelet is often one. It is asked
// where nothing is mounted on the path; what is a mount point is no link.
func noLink(path string) error {
	path = canonical(path)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("see whether there is a link: %w", err)
	case info.Mode()&fs.ModeSymlink == 0:
		return nil
	}
	to, err := os.Readlink(path)
	if err != nil {
		return fmt.Errorf("read where a link leads: %w", err)
	}
	return refuse(codes.FailedPrecondition, "%s is a symbolic link to %s: nothing is mounted or unmounted through it; remove the link, after what it leads to is unmounted if it is the volume", path, to)
}

package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"k8s.io/klog/v2"
)

// digest is the content of files, in one line. A file that cannot be read is
// content too: when it can be read again, something has changed.
func digest(files []string) string {
	sum := sha256.New()
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			content = []byte("unreadable")
		}
		one := sha256.Sum256(content)
		_, _ = fmt.Fprintf(sum, "%s\x00%v\x00", name, err == nil) // a hash takes everything
		_, _ = sum.Write(one[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// watcher announces that something happened in directories, until it is stopped.
type watcher func(directories []string) (events <-chan struct{}, stop func(), err error)

// watchDirectories asks the kernel. Directories and not files, because
// Kubernetes changes a mounted Secret by exchanging a symbolic link beside it.
func watchDirectories(directories []string) (<-chan struct{}, func(), error) {
	kernel, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil, fmt.Errorf("watch directories: %w", err)
	}
	for _, directory := range directories {
		if err := kernel.Add(directory); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("watch directory %s: %w", directory, err), kernel.Close())
		}
	}
	events := make(chan struct{}, 1)
	var running sync.WaitGroup
	running.Go(func() { announce(kernel, events) })
	return events, func() {
		_ = kernel.Close() // the announcements end either way
		running.Wait()
	}, nil
}

// announce passes on that there were events, until the watcher is closed.
func announce(kernel *fsnotify.Watcher, events chan<- struct{}) {
	for {
		var open bool
		select {
		case _, open = <-kernel.Events:
		case _, open = <-kernel.Errors: // an overflow loses events, so something happened
		}
		if !open {
			return
		}
		select {
		case events <- struct{}{}:
		default: // one announcement is waiting already
		}
	}
}

// settle is how long files must be quiet before they are read: an editor or a
// copy writes in several steps.
const settle = time.Second

// watchFiles reloads when a file changes, and looks at every file once in a while
// even so: not every file system announces changes.
func (s *Session) watchFiles(ctx context.Context) {
	if s.options.Reload == nil {
		return
	}
	logger := klog.FromContext(ctx)
	w, _ := s.keys.state()
	events, stop, err := s.options.watch(directoriesOf(w.files))
	if err == nil {
		defer stop()
	} else {
		logger.Info("Credential files are only polled", "every", s.options.PollInterval, "err", err)
	}
	poll := time.NewTicker(s.options.PollInterval)
	defer poll.Stop()
	// A replica that stood by may hold credentials that were rotated since.
	s.reloadOrKeep(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		case <-events:
			if sleep(ctx, settle) != nil {
				return
			}
			drain(events)
		}
		s.reloadOrKeep(ctx)
	}
}

// reloadOrKeep puts changed files to use, or says why it does not.
func (s *Session) reloadOrKeep(ctx context.Context) {
	if err := s.reload(ctx); err != nil && ctx.Err() == nil {
		klog.FromContext(ctx).Error(nil, "Keeping the credentials in use, the changed ones do not work",
			"why", s.secrets.redact(err.Error()))
	}
}

func drain(events <-chan struct{}) {
	select {
	case <-events:
	default:
	}
}

func directoriesOf(files []string) []string {
	var directories []string
	for _, name := range files {
		directories = append(directories, filepath.Dir(name))
	}
	slices.Sort(directories)
	return slices.Compact(directories)
}

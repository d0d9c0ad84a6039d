package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// write writes a text to the beginning of a file or a device, and waits until the
// disk has it.
func write(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// read prints as many bytes of the beginning of a file or a device.
func read(path string, count int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = io.Copy(os.Stdout, io.LimitReader(file, count))
	return err
}

// room prints the size of the filesystem that holds a path, in MiB.
func room(path string) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return err
	}
	_, err := fmt.Fprintln(os.Stdout, stat.Blocks*uint64(stat.Bsize)>>20)
	return err
}

// size prints that of a device, in MiB.
func size(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(os.Stdout, end>>20)
	return err
}

// onPath is a command that needs no more than a path.
func onPath(run func(string) error) command {
	return command{1, func(_ context.Context, args []string) error { return run(args[0]) }}
}

// Package reexec starts this very program again as a child with another task and
// namespaces of its own: a machine, a router, or the place where all of them are.
//
// A program that uses it calls Dispatch before anything else. Everything that a
// child makes in its namespaces (interfaces, mounts, processes) is gone when the
// child is, and a child ends with its parent, however that ends.
package reexec

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"underlay/internal/kube"
)

// The environment of a child: its task, and the file that tells it more.
const (
	taskVariable = "UNDERLAY_NODES_TASK"
	specVariable = "UNDERLAY_NODES_SPEC"
)

// Task is what a child does. spec is the JSON that its parent wrote. The context
// ends with SIGTERM.
type Task func(ctx context.Context, spec []byte) error

// Dispatch carries out the task of a child and ends the process. In a process
// that is no child it returns at once.
func Dispatch(tasks map[string]Task) {
	name, isChild := os.LookupEnv(taskVariable)
	if !isChild {
		return
	}
	file := os.Getenv(specVariable)
	_, _ = os.Unsetenv(taskVariable), os.Unsetenv(specVariable) // they are not for the children of the child
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := run(ctx, tasks[name], name, file)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, task Task, name, file string) error {
	if task == nil {
		return fmt.Errorf("there is no task %q", name)
	}
	spec, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return task(ctx, spec)
}

// Child is a child to start.
type Child struct {
	// Task is a key of the map that Dispatch gets.
	Task string
	// Name tells it from others in messages and in the names of its files.
	Name string
	// Dir takes its spec and its log; made when missing.
	Dir string
	// Spec is anything that becomes JSON.
	Spec any
	// Namespaces are CLONE_NEW* flags.
	Namespaces uintptr
}

// Start starts a child.
func Start(ctx context.Context, child Child) (*kube.Process, error) {
	spec, err := json.Marshal(child.Spec)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", child.Name, err)
	}
	if err := os.MkdirAll(child.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", child.Name, err)
	}
	file := filepath.Join(child.Dir, child.Name+".json")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		return nil, fmt.Errorf("start %s: %w", child.Name, err)
	}
	return kube.StartProcess(ctx, kube.ProcessSpec{
		Name: child.Name, Path: "/proc/self/exe", LogFile: filepath.Join(child.Dir, child.Name+".log"),
		Env:        []string{taskVariable + "=" + child.Task, specVariable + "=" + file},
		Attributes: func(attributes *syscall.SysProcAttr) { attributes.Cloneflags |= child.Namespaces },
	})
}

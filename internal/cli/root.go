// Package cli is the command line of underlay, one file a subcommand.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"
)

// ExitError ends the program with Code. Err, when not nil, is printed first;
// nil means that the command has said everything itself.
type ExitError struct {
	Code int
	Err  error
}

// Error is the message, or the bare code.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap gives the cause to errors.Is.
func (e *ExitError) Unwrap() error { return e.Err }

// Run carries out one command line and returns the exit code: 0 for success,
// that of an ExitError, else 1. Unusable arguments are 1.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := NewRootCommand() //nolint:contextcheck // each subcommand takes the context from ExecuteContext below
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var exit *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.Err != nil {
			_, _ = fmt.Fprintln(stderr, "Error:", exit.Err)
		}
		return exit.Code
	default:
		_, _ = fmt.Fprintln(stderr, "Error:", err)
		return 1
	}
}

// NewRootCommand makes the command with all its subcommands.
func NewRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "underlay",
		Short:         "Kubernetes on OpenStack without an overlay network",
		Version:       version.Get().GitVersion,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(NewCleanupCommand(), NewConfigCommand(), NewDemoCommand(), NewPlanCommand(), NewSimulateCommand(), NewStatusCommand())
	return root
}

package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/verdict"
)

// longest bounds an RPC whose caller set no deadline.
const longest = 10 * time.Minute

// within leaves a little of the caller's time for the answer: one that comes
// after the deadline tells nobody anything.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, longest)
	}
	margin := min(time.Until(deadline)/10, time.Second)
	return context.WithDeadline(ctx, deadline.Add(-margin))
}

// unseen is the answer where the cloud could not be read: nothing is known, so
// nothing is final.
func unseen(ctx context.Context, what string, err error) error {
	if code, ended := endOf(ctx, err); ended {
		return status.Errorf(code, "%s: %v", what, err)
	}
	return status.Errorf(codes.Unavailable, "%s: %v", what, err)
}

// unwritten is the answer to a write that the cloud refused, or of which nobody
// knows what became.
func unwritten(ctx context.Context, what string, err error) error {
	if code, ended := endOf(ctx, err); ended {
		return status.Errorf(code, "%s: %v", what, err)
	}
	return status.Errorf(codeOf(err), "%s: %v", what, err)
}

// endOf is the code where the RPC's time is over.
func endOf(ctx context.Context, err error) (codes.Code, bool) {
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return codes.DeadlineExceeded, true
	case errors.Is(err, context.Canceled) || ctx.Err() != nil:
		return codes.Canceled, true
	default:
		return codes.OK, false
	}
}

// codeOf is the code of a write's error. One that is not classified may have
// happened.
func codeOf(err error) codes.Code {
	for _, c := range []struct {
		class error
		code  codes.Code
	}{
		{cloud.ErrAmbiguous, codes.Aborted},
		{cloud.ErrUnavailable, codes.Unavailable},
		{cloud.ErrBusy, codes.Aborted},
		{cloud.ErrQuota, codes.ResourceExhausted},
		{cloud.ErrNotFound, codes.NotFound},
		{cloud.ErrDenied, codes.PermissionDenied},
		{cloud.ErrInvalid, codes.InvalidArgument},
		{cloud.ErrUnsupported, codes.FailedPrecondition},
	} {
		if errors.Is(err, c.class) {
			return c.code
		}
	}
	return codes.Aborted
}

// refusal is the answer of a verdict that refuses; detail may be empty.
func refusal(v verdict.Verdict, object, state, detail string) error {
	text := fmt.Sprintf("%s is %s: %s", object, state, v.Because)
	if detail != "" {
		text += " (" + detail + ")"
	}
	return status.Error(v.Code, text)
}

// invalid is the answer to a request that cannot be carried out as it stands.
func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// unfinished is the answer where what was asked for is under way, or went wrong
// in a way that asking again can mend.
func unfinished(format string, args ...any) error {
	return status.Errorf(codes.Aborted, format, args...)
}

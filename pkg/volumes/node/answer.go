package node

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/volumes/device"
)

// answer gives an error the code by which the kubelet knows whether anything may
// have been done: FailedPrecondition where nothing was and nothing will be until a
// person helps, Unavailable for all else. The kubelet takes Internal as "nothing is
// mounted", which it cannot know.
func answer(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	code := codes.Unavailable
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, device.ErrDoubtful), errors.Is(err, device.ErrForeign), errors.Is(err, device.ErrDamaged), errors.Is(err, device.ErrFixed):
		code = codes.FailedPrecondition
	}
	return status.Error(code, err.Error())
}

func refuse(code codes.Code, format string, args ...any) error {
	return status.Errorf(code, format, args...)
}

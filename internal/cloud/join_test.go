package cloud_test

import (
	"errors"
	"testing"

	"underlay/internal/cloud"
)

func TestJoinIsOneLineAndKeepsEach(t *testing.T) {
	other := errors.New("b")
	for name, tc := range map[string]struct {
		errs []error
		want string
	}{
		"none": {[]error{nil, nil}, ""},
		"one":  {[]error{nil, cloud.ErrBusy}, "busy"},
		"two":  {[]error{cloud.ErrBusy, nil, other}, "busy; and b"},
	} {
		err := cloud.Join(tc.errs...)
		if got := text(err); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
		for _, part := range tc.errs {
			if part != nil && !errors.Is(err, part) {
				t.Errorf("%s: %v is not in %v", name, part, err)
			}
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

package cloud

import (
	"slices"
	"strings"
)

// Join is errors.Join on one line: these errors become events and log lines.
func Join(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	default:
		return joined(errs)
	}
}

type joined []error

func (j joined) Error() string {
	texts := make([]string, len(j))
	for i, err := range j {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; and ")
}

// Unwrap lets errors.Is and errors.As see each of them.
func (j joined) Unwrap() []error { return j }

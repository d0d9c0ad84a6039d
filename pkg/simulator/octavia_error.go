package simulator

import (
	"errors"
	"fmt"
	"net/http"
)

// octaviaError is an error as Octavia answers it: octavia/common/exceptions.py
// has the statuses and words, wsme (wsme/api.py format_exception) the form.
type octaviaError struct {
	status  int
	message string
}

// Error is the fault string.
func (e *octaviaError) Error() string { return e.message }

// octaviaFault is a body as wsme writes errors.
func octaviaFault(status int, _, message string) any {
	code := "Client"
	if status >= http.StatusInternalServerError {
		code = "Server"
	}
	return map[string]any{"faultcode": code, "faultstring": message, "debuginfo": nil}
}

func octaviaResponse(err error) response {
	status := http.StatusInternalServerError
	var known *octaviaError
	if errors.As(err, &known) {
		status = known.status
	}
	var early *octaviaEarlyError
	if errors.As(err, &early) {
		// Raised before the controller runs, where webob and not wsme writes the body
		// (octavia/api/common/utils.py).
		return response{Status: early.status, Body: map[string]any{
			"code": early.status, "title": "Bad Request", "description": early.message,
		}}
	}
	return response{Status: status, Body: octaviaFault(status, "", err.Error())}
}

// octaviaEarlyError is an error that comes up while Octavia still looks for the
// controller of a path, or reads the query.
type octaviaEarlyError struct {
	status  int
	message string
}

// Error is the description.
func (e *octaviaEarlyError) Error() string { return e.message }

// octaviaNoPath is what a path gives that no controller serves.
func octaviaNoPath() response {
	return response{Status: http.StatusNotFound, Body: map[string]any{
		"code": http.StatusNotFound, "title": "Not Found", "description": "",
	}}
}

var errOctaviaPolicy = &octaviaError{http.StatusForbidden, "Policy does not allow this request to be performed."}

func octaviaErrorf(status int, format string, args ...any) error {
	return &octaviaError{status, fmt.Sprintf(format, args...)}
}

// firstError runs checks in order until one refuses.
func firstError(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// lbInvalid is ValidationException.
func lbInvalid(format string, args ...any) error {
	return octaviaErrorf(http.StatusBadRequest, "Validation failure: "+format, args...)
}

// lbInvalidOption is InvalidOption.
func lbInvalidOption(value, option string) error {
	return octaviaErrorf(http.StatusBadRequest, "%s is not a valid option for %s", value, option)
}

// lbMissing is NotFound.
func lbMissing(resource, id string) error {
	return octaviaErrorf(http.StatusNotFound, "%s %s not found.", resource, id)
}

// lbMissingPart is InvalidSubresource: something that a body names is not there.
func lbMissingPart(resource, id string) error {
	return octaviaErrorf(http.StatusBadRequest, "%s %s not found.", resource, id)
}

// lbImmutable is ImmutableObject.
func lbImmutable(resource, id string) error {
	return octaviaErrorf(http.StatusConflict, "%s %s is immutable and cannot be updated.", resource, id)
}

// lbUnsupported is ProviderUnsupportedOptionError.
func lbUnsupported(provider, format string, args ...any) error {
	return octaviaErrorf(http.StatusNotImplemented, "Provider '%s' does not support a requested option: %s",
		provider, fmt.Sprintf(format, args...))
}

// lbNotImplemented is ProviderNotImplementedError.
func lbNotImplemented(provider, message string) error {
	return octaviaErrorf(http.StatusNotImplemented, "Provider '%s' does not support a requested action: %s", provider, message)
}

// lbDriverError is ProviderDriverError.
func lbDriverError(provider, message string) error {
	return octaviaErrorf(http.StatusInternalServerError, "Provider '%s' reports error: %s", provider, message)
}

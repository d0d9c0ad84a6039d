package simulator

import (
	"fmt"
	"net/http"
)

// badRequest is webob's 400, which Neutron's attribute validation gives.
func badRequest(format string, args ...any) error {
	return &neutronError{http.StatusBadRequest, "HTTPBadRequest", fmt.Sprintf(format, args...)}
}

// invalidInput is the refusal of one attribute's value (neutron_lib/api/attributes.py).
func invalidInput(attribute, format string, args ...any) error {
	return badRequest("Invalid input for %s. Reason: %s.", attribute, fmt.Sprintf(format, args...))
}

// badResource is neutron_lib.exceptions.BadRequest.
func badResource(resource, format string, args ...any) error {
	return &neutronError{
		http.StatusBadRequest, "BadRequest",
		fmt.Sprintf("Bad %s request: %s.", resource, fmt.Sprintf(format, args...)),
	}
}

// invalid is any exception that becomes 400.
func invalid(kind, format string, args ...any) error {
	return &neutronError{http.StatusBadRequest, kind, fmt.Sprintf(format, args...)}
}

// invalidOperation is neutron_lib.exceptions.InvalidInput.
func invalidOperation(format string, args ...any) error {
	return invalid("InvalidInput", "Invalid input for operation: %s", fmt.Sprintf(format, args...))
}

// conflict is any exception that becomes 409.
func conflict(kind, format string, args ...any) error {
	return &neutronError{http.StatusConflict, kind, fmt.Sprintf(format, args...)}
}

// missing is any exception that becomes 404.
func missing(kind, format string, args ...any) error {
	return &neutronError{http.StatusNotFound, kind, fmt.Sprintf(format, args...)}
}

// errInternal is what Neutron says when it stumbles over a body that it does not check.
var errInternal = &neutronError{
	http.StatusInternalServerError, "HTTPInternalServerError",
	"Request Failed: internal server error while processing your request.",
}

// disallowed is oslo.policy's refusal of a rule, as 403.
func disallowed(rule string) error {
	return &neutronError{
		http.StatusForbidden, "PolicyNotAuthorized",
		fmt.Sprintf("rule:%s is disallowed by policy", rule),
	}
}

// disallowedAttribute is oslo.policy's refusal of an attribute in a body, as 403.
func disallowedAttribute(rule, attribute string) error {
	return &neutronError{
		http.StatusForbidden, "PolicyNotAuthorized",
		fmt.Sprintf("(rule:%s and rule:%s:%s) is disallowed by policy", rule, rule, attribute),
	}
}

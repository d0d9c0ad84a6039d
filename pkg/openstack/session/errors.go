package session

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"underlay/internal/cloud"
)

// kinds are the services' own names of errors whose status alone says too little.
// Neutron: neutron-lib exceptions (neutron_lib/exceptions/*.py), each with the
// status of its base class; Nova: the fault names of nova/api/openstack/wsgi.py.
var kinds = map[string]error{
	// A limit that somebody has to raise; Neutron says 400 or 409.
	"RoutesExhausted":             cloud.ErrQuota,
	"OverQuota":                   cloud.ErrQuota,
	"AllowedAddressPairExhausted": cloud.ErrQuota,
	"IpAddressGenerationFailure":  cloud.ErrQuota,
	"ExternalIpAddressExhausted":  cloud.ErrQuota,
	"overLimit":                   cloud.ErrQuota,

	// 409 on meaning, not on a state that passes by itself.
	"AddressPairAndPortSecurityRequired":         cloud.ErrInvalid,
	"PortSecurityAndIPRequiredForSecurityGroups": cloud.ErrInvalid,
	"PortSecurityPortHasSecurityGroup":           cloud.ErrInvalid,
	"RouterInterfaceInUseByRoute":                cloud.ErrInvalid,
	"RouterInUse":                                cloud.ErrInvalid,
	"NetworkInUse":                               cloud.ErrInvalid,
	"SubnetInUse":                                cloud.ErrInvalid,
	"PortInUse":                                  cloud.ErrInvalid,
	"IpAddressInUse":                             cloud.ErrInvalid,
	"IpAddressAlreadyAllocated":                  cloud.ErrInvalid,
	"MacAddressInUse":                            cloud.ErrInvalid,
	"SecurityGroupInUse":                         cloud.ErrInvalid,
	"SecurityGroupRuleExists":                    cloud.ErrInvalid,

	// 404 of something else than what the call is about.
	"ExternalGatewayForFloatingIPNotFound": cloud.ErrInvalid,
}

// statuses are the classes of the statuses that mean the same in every service
// and for every call.
var statuses = map[int]error{
	http.StatusUnauthorized:          cloud.ErrDenied,
	http.StatusForbidden:             cloud.ErrDenied,
	http.StatusNotFound:              cloud.ErrNotFound,
	http.StatusGone:                  cloud.ErrUnsupported, // Nova, of an API that it has no more
	http.StatusMethodNotAllowed:      cloud.ErrUnsupported,
	http.StatusNotAcceptable:         cloud.ErrUnsupported,
	http.StatusNotImplemented:        cloud.ErrUnsupported,
	http.StatusRequestTimeout:        cloud.ErrUnavailable,
	http.StatusConflict:              cloud.ErrBusy,
	http.StatusPreconditionFailed:    cloud.ErrBusy,
	http.StatusRequestEntityTooLarge: cloud.ErrQuota, // Nova and Cinder: overLimit
	http.StatusTooManyRequests:       cloud.ErrUnavailable,
}

// Answer is a refusal, with the call that it answers.
type Answer struct {
	Operation
	// Path are the segments of the call's URL below the version.
	Path   []string
	Status int
	Fault
}

// Classify turns what gophercloud returned into a *cloud.Error. It is the only
// place that does.
func (k *Call) Classify(err error) error {
	if err == nil {
		return nil
	}
	var told *cloud.Error
	if errors.As(err, &told) {
		return k.fromLayer(told)
	}
	var answer gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &answer) {
		return k.fromAnswer(answer)
	}
	return k.withoutAnswer(err)
}

// fromLayer is the error of a layer, which knows better, and whose wrapping shows
// the URL; but no layer knows of the attempts before its own.
func (k *Call) fromLayer(told *cloud.Error) *cloud.Error {
	if !errors.Is(told.Class, cloud.ErrUnavailable) {
		return told
	}
	out := *told // others may hold it
	out.Class = k.unavailable(false)
	return &out
}

// withoutAnswer classifies a call that got no answer, or one that nobody can read.
func (k *Call) withoutAnswer(err error) *cloud.Error {
	out := &cloud.Error{Class: cloud.ErrUnavailable, Request: k.Name, Cause: err}
	var where *url.Error
	if errors.As(err, &where) {
		if u, parseErr := url.Parse(where.URL); parseErr == nil {
			out.Request = requestName(k.Method, u)
		}
		out.Cause = where.Err
	}
	sent := true // an answer came, but could not be read
	var sending *sendError
	if errors.As(err, &sending) {
		sent, out.Cause = sending.sent, sending
	}
	if k.Write() && (sent || k.ambiguous.Load()) {
		out.Class = cloud.ErrAmbiguous
	}
	out.Message = k.session.secrets.redact(shorten(out.Cause.Error()))
	return out
}

// fromAnswer classifies a status and body. The client library's error has the
// whole body in its text, so it is not kept as the cause.
func (k *Call) fromAnswer(answer gophercloud.ErrUnexpectedResponseCode) *cloud.Error {
	said := readFault(answer.Body)
	out := &cloud.Error{
		Request: answer.Method, Status: answer.Actual, Type: said.Kind,
		Message:    k.session.secrets.redact(said.Message),
		RequestID:  requestID(answer.ResponseHeader),
		RetryAfter: retryAfter(answer.ResponseHeader, time.Now()),
	}
	if u, err := url.Parse(answer.URL); err == nil {
		out.Request = requestName(answer.Method, u)
	}
	out.Class = k.classOf(answer.Actual, said, out.RetryAfter)
	if out.Message == "" && !said.Known {
		out.Message = "not an answer of the service itself"
	}
	return out
}

func (k *Call) classOf(status int, said Fault, after time.Duration) error {
	if class := k.ownClass(status, said); class != nil {
		return class
	}
	switch {
	case (status == http.StatusNotFound || status == http.StatusGone) && !said.Known:
		// A proxy without a backend says so too. Only the service itself can say
		// that an object is gone.
		return k.unavailable(false)
	case status == http.StatusForbidden && said.AboutQuota():
		return cloud.ErrQuota
	case status >= http.StatusInternalServerError && status != http.StatusNotImplemented:
		return k.unavailable(status != http.StatusServiceUnavailable || after == 0)
	}
	if class, ok := statuses[status]; ok {
		if errors.Is(class, cloud.ErrUnavailable) {
			return k.unavailable(status == http.StatusRequestTimeout)
		}
		return class
	}
	return cloud.ErrInvalid
}

// ownClass is the class of an error that the service names itself; nil where the
// status says it.
func (k *Call) ownClass(status int, said Fault) error {
	if class, ok := kinds[said.Kind]; ok && status < http.StatusInternalServerError {
		return class
	}
	if k.refine == nil {
		return nil
	}
	return k.refine(Answer{Operation: k.Operation, Path: k.path, Status: status, Fault: said})
}

// unavailable is the class of a call that the cloud did not do, or, for a write
// that it may have done in this attempt or an earlier one, ErrAmbiguous.
func (k *Call) unavailable(unsure bool) error {
	if k.Write() && (unsure || k.ambiguous.Load()) {
		return cloud.ErrAmbiguous
	}
	return cloud.ErrUnavailable
}

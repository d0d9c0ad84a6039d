package simulator

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// FaultKind says how a call fails.
type FaultKind int

const (
	// FailBefore answers with an error and does nothing.
	FailBefore FaultKind = iota
	// FailAfter does what was asked, then answers with an error.
	FailAfter
	// DropBefore breaks the connection and does nothing.
	DropBefore
	// DropAfter does what was asked, then breaks the connection.
	DropAfter
	// Hang does nothing and does not answer until the caller gives up.
	Hang
	// HangAfter does what was asked, and does not answer until the caller gives up.
	HangAfter
)

// String is the kind's name.
func (k FaultKind) String() string {
	names := [...]string{"FailBefore", "FailAfter", "DropBefore", "DropAfter", "Hang", "HangAfter"}
	if k < 0 || int(k) >= len(names) {
		return "FaultKind(" + strconv.Itoa(int(k)) + ")"
	}
	return names[k]
}

// acts tells whether what was asked is done all the same.
func (k FaultKind) acts() bool { return k == FailAfter || k == DropAfter || k == HangAfter }

// Fault is trouble for the calls that match.
type Fault struct {
	// Match is a glob over "METHOD /path" as Count has it.
	Match string
	// Nth is the first matching call that fails, counted from 1 when the fault
	// is added; 0 means from the first on.
	Nth int
	// Every spaces the failures, from Nth on: 3 fails every third call; 0 and 1 every one.
	Every int
	// Times is how many calls fail in all; 0 means one when Nth is given without
	// Every, else no end.
	Times int
	Kind  FaultKind
	// Status is the answer's code for FailBefore and FailAfter; default 500.
	Status int
	// Type and Message fill the error's body in the service's own form; the
	// status' usual ones when empty.
	Type, Message string
	// RetryAfter becomes the header, in whole seconds, rounded up; 0 sends none.
	RetryAfter time.Duration
}

// armed is a fault, how often it matched and how often it struck.
type armed struct {
	Fault
	seen, struck int
}

// strikes counts one matching call and tells whether it fails.
func (a *armed) strikes() bool {
	a.seen++
	turn, times := a.seen-max(a.Nth, 1), a.Times
	if times == 0 && a.Nth > 0 && a.Every == 0 {
		times = 1
	}
	if turn < 0 || turn%max(a.Every, 1) != 0 || times > 0 && a.struck >= times {
		return false
	}
	a.struck++
	return true
}

// AddFault makes calls fail. Of several faults that match a call the one added
// first strikes; every one of them counts the call.
func (c *Cloud) AddFault(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &armed{Fault: f})
}

// ClearFaults ends all trouble that AddFault made.
func (c *Cloud) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// faultFor returns the fault that strikes a call, or nil.
func (c *Cloud) faultFor(pattern, method, path string) *Fault {
	var struck *Fault
	for _, a := range c.faults {
		if matchesCall(a.Match, pattern, method, path) && a.strikes() && struck == nil {
			struck = &a.Fault
		}
	}
	return struck
}

// answer is the error that a FailBefore or FailAfter gives.
func (f *Fault) answer(s *service) response {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	message := f.Message
	if message == "" {
		message = http.StatusText(status)
	}
	r := response{Status: status, Body: s.fault(status, f.Type, message)}
	if f.RetryAfter > 0 {
		r = r.set("Retry-After", wholeSeconds(f.RetryAfter))
	}
	return r
}

func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}

// neutronFault is an error as neutron/api/v2/resource.py writes it. Without a
// type it is what Neutron says of an exception that it did not expect.
func neutronFault(status int, kind, message string) any {
	if kind == "" {
		kind = "HTTP" + httpErrorName(status)
	}
	return map[string]any{"NeutronError": map[string]any{"type": kind, "message": message, "detail": ""}}
}

// httpErrorName is the name of webob's exception for a status, without "HTTP".
func httpErrorName(status int) string {
	names := map[int]string{
		400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
		409: "Conflict", 412: "PreconditionFailed", 429: "TooManyRequests", 500: "InternalServerError",
		501: "NotImplemented", 502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout",
	}
	if name, ok := names[status]; ok {
		return name
	}
	return "Error"
}

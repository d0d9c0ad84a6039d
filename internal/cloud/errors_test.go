package cloud_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"underlay/internal/cloud"
)

func TestErrorSaysWhatWhereAndByWhichRequest(t *testing.T) {
	for want, err := range map[string]*cloud.Error{
		"PUT /v2.0/routers/r: limit reached (400 RoutesExhausted): Too many. [req-1]": {
			Class: cloud.ErrQuota, Request: "PUT /v2.0/routers/r", Status: 400, Type: "RoutesExhausted", Message: "Too many.", RequestID: "req-1",
		},
		"GET /v2.0/ports: unavailable":            {Class: cloud.ErrUnavailable, Request: "GET /v2.0/ports"},
		"GET /servers/s: not found (404)":         {Class: cloud.ErrNotFound, Request: "GET /servers/s", Status: 404},
		"PUT /v2.0/ports/p: outcome unknown: EOF": {Class: cloud.ErrAmbiguous, Request: "PUT /v2.0/ports/p", Message: "EOF"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestErrorIsItsClassAndItsCause(t *testing.T) {
	err := fmt.Errorf("write pairs: %w", &cloud.Error{Class: cloud.ErrAmbiguous, Cause: io.ErrUnexpectedEOF})
	if !errors.Is(err, cloud.ErrAmbiguous) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, cloud.ErrBusy) {
		t.Errorf("%v: want its class and its cause, and no other class", err)
	}
	if !errors.Is(&cloud.Error{Class: cloud.ErrQuota}, cloud.ErrQuota) {
		t.Error("without a cause the class is lost")
	}
}

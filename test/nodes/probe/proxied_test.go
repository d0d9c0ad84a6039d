package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestTheHeaderOfTheProxyProtocolNamesTheClient(t *testing.T) {
	for header, want := range map[string]string{
		"PROXY TCP4 192.0.2.7 10.0.0.9 50000 80\r\n":                                   "v1 192.0.2.7",
		signature + "\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x09\xc3\x50\x00\x50": "v2 192.0.2.7",
		"GET / HTTP/1.1\r\nHost: 10.0.0.9\r\n\r\n":                                     "",
		signature + "\x20\x00\x00\x00":                                                 "",
		"PROXY UNKNOWN\r\n" + "GET / HTTP/1.1\r\n":                                     "",
	} {
		got, err := readHeader(bufio.NewReader(strings.NewReader(header)))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q (%v), want %q", header, got, err, want)
		}
	}
}

package session

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

var versionSegment = regexp.MustCompile(`^v[0-9]+(\.[0-9]+)?$`)

// splitVersion cuts a URL path at its first whole segment that is an API version:
// "/network/v2.0/ports" gives "/network/" and "v2.0/ports". Without a version
// all of it comes before.
func splitVersion(path string) (before, from string) {
	segments := strings.SplitAfter(path, "/")
	at := 0
	for _, segment := range segments {
		if versionSegment.MatchString(strings.TrimSuffix(segment, "/")) {
			return path[:at], path[at:]
		}
		at += len(segment)
	}
	return path, ""
}

// WithoutVersion is the root of a service, with a slash at its end.
func WithoutVersion(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not an http or https URL", redactUserinfo(endpoint))
	}
	before, _ := splitVersion(u.Path)
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(before, "/") + "/"}, nil
}

func redactUserinfo(endpoint string) string {
	if _, after, found := strings.Cut(endpoint, "@"); found {
		return "…@" + after
	}
	return endpoint
}

// requestName names a call for errors: method and path from the API version on, without the query.
func requestName(method string, u *url.URL) string {
	_, from := splitVersion(u.Path)
	if from == "" {
		return method + " " + u.Path
	}
	return method + " /" + from
}

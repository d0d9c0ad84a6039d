package plan

import (
	"maps"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer/tree"
)

// differences collects, for people, the names of what differs.
type differences struct{ names []string }

func (d *differences) say(name string) { d.names = append(d.names, name) }

func (d *differences) none() bool { return len(d.names) == 0 }

func (d *differences) why() string { return strings.Join(d.names, ", ") }

// changed is the desired value if both are known and differ, else nil.
func changed[T comparable](d *differences, name string, desired, actual *T) *T {
	if desired == nil || actual == nil || *desired == *actual {
		return nil
	}
	d.say(name)
	return desired
}

// changedList is the desired list if both are known and differ, else nil.
func changedList(d *differences, name string, desired, actual []string) []string {
	if desired == nil || actual == nil || slices.Equal(desired, actual) {
		return nil
	}
	d.say(name)
	return desired
}

// changedSet is changedList for lists whose order means nothing.
func changedSet(d *differences, name string, desired, actual []string) []string {
	desired, actual = slices.Clone(desired), slices.Clone(actual) // nil stays nil, empty stays empty
	slices.Sort(desired)
	slices.Sort(actual)
	return changedList(d, name, desired, actual)
}

// listenerChange is what to write so that actual becomes desired.
func listenerChange(d *differences, desired, actual *tree.ListenerSettings) tree.ListenerSettings {
	c := tree.ListenerSettings{
		AdminUp:                changed(d, "admin_state_up", desired.AdminUp, actual.AdminUp),
		ConnectionLimit:        changed(d, "connection limit", desired.ConnectionLimit, actual.ConnectionLimit),
		TimeoutClientData:      changed(d, "client timeout", desired.TimeoutClientData, actual.TimeoutClientData),
		TimeoutMemberConnect:   changed(d, "member connect timeout", desired.TimeoutMemberConnect, actual.TimeoutMemberConnect),
		TimeoutMemberData:      changed(d, "member timeout", desired.TimeoutMemberData, actual.TimeoutMemberData),
		TimeoutTCPInspect:      changed(d, "inspect timeout", desired.TimeoutTCPInspect, actual.TimeoutTCPInspect),
		AllowedCIDRs:           changedSet(d, "allowed CIDRs", desired.AllowedCIDRs, actual.AllowedCIDRs),
		DefaultTLSContainerRef: changed(d, "certificate", desired.DefaultTLSContainerRef, actual.DefaultTLSContainerRef),
		SNIContainerRefs:       changedSet(d, "SNI certificates", desired.SNIContainerRefs, actual.SNIContainerRefs),
		TLSVersions:            changedSet(d, "TLS versions", desired.TLSVersions, actual.TLSVersions),
		TLSCiphers:             changed(d, "TLS ciphers", desired.TLSCiphers, actual.TLSCiphers),
		ALPNProtocols:          changedList(d, "ALPN protocols", desired.ALPNProtocols, actual.ALPNProtocols),
		HSTS:                   changed(d, "HSTS", desired.HSTS, actual.HSTS),
	}
	if desired.InsertHeaders != nil && actual.InsertHeaders != nil && !maps.Equal(desired.InsertHeaders, actual.InsertHeaders) {
		c.InsertHeaders = desired.InsertHeaders
		d.say("inserted headers")
	}
	return c
}

// poolChange is what to write so that actual becomes desired.
func poolChange(d *differences, desired, actual *tree.PoolSettings) tree.PoolSettings {
	return tree.PoolSettings{
		AdminUp:     changed(d, "admin_state_up", desired.AdminUp, actual.AdminUp),
		Method:      changed(d, "method", desired.Method, actual.Method),
		Persistence: changed(d, "session persistence", desired.Persistence, actual.Persistence),
		TLSEnabled:  changed(d, "TLS to members", desired.TLSEnabled, actual.TLSEnabled),
	}
}

// monitorChange is what to write so that actual becomes desired. The type is
// not among it: it never changes in place.
func monitorChange(d *differences, desired, actual *tree.Monitor) tree.Monitor {
	return tree.Monitor{
		Delay:          changed(d, "delay", desired.Delay, actual.Delay),
		Timeout:        changed(d, "timeout", desired.Timeout, actual.Timeout),
		MaxRetries:     changed(d, "retries", desired.MaxRetries, actual.MaxRetries),
		MaxRetriesDown: changed(d, "retries down", desired.MaxRetriesDown, actual.MaxRetriesDown),
		HTTPMethod:     changed(d, "HTTP method", desired.HTTPMethod, actual.HTTPMethod),
		URLPath:        changed(d, "URL path", desired.URLPath, actual.URLPath),
		ExpectedCodes:  changed(d, "expected codes", desired.ExpectedCodes, actual.ExpectedCodes),
	}
}

package plan_test

import "underlay/pkg/loadbalancer/tree"

// over gives what a PUT leaves: the new value where there is one.
func over[T any](old, change *T) *T {
	if change != nil {
		return change
	}
	return old
}

func overList(old, change []string) []string {
	if change != nil {
		return change
	}
	return old
}

// told is what the API tells of a listener: nothing is left open.
func told(s tree.ListenerSettings) tree.ListenerSettings {
	s.AllowedCIDRs = overList([]string{}, s.AllowedCIDRs)
	if s.InsertHeaders == nil {
		s.InsertHeaders = map[string]string{}
	}
	return s
}

func overListener(old, c tree.ListenerSettings) tree.ListenerSettings {
	if c.InsertHeaders != nil {
		old.InsertHeaders = c.InsertHeaders
	}
	return tree.ListenerSettings{
		AdminUp:                over(old.AdminUp, c.AdminUp),
		ConnectionLimit:        over(old.ConnectionLimit, c.ConnectionLimit),
		TimeoutClientData:      over(old.TimeoutClientData, c.TimeoutClientData),
		TimeoutMemberConnect:   over(old.TimeoutMemberConnect, c.TimeoutMemberConnect),
		TimeoutMemberData:      over(old.TimeoutMemberData, c.TimeoutMemberData),
		TimeoutTCPInspect:      over(old.TimeoutTCPInspect, c.TimeoutTCPInspect),
		AllowedCIDRs:           overList(old.AllowedCIDRs, c.AllowedCIDRs),
		InsertHeaders:          old.InsertHeaders,
		DefaultTLSContainerRef: over(old.DefaultTLSContainerRef, c.DefaultTLSContainerRef),
		SNIContainerRefs:       overList(old.SNIContainerRefs, c.SNIContainerRefs),
		TLSVersions:            overList(old.TLSVersions, c.TLSVersions),
		TLSCiphers:             over(old.TLSCiphers, c.TLSCiphers),
		ALPNProtocols:          overList(old.ALPNProtocols, c.ALPNProtocols),
		HSTS:                   over(old.HSTS, c.HSTS),
	}
}

func overPool(old, c tree.PoolSettings) tree.PoolSettings {
	return tree.PoolSettings{
		AdminUp: over(old.AdminUp, c.AdminUp), Method: over(old.Method, c.Method),
		Persistence: over(old.Persistence, c.Persistence), TLSEnabled: over(old.TLSEnabled, c.TLSEnabled),
	}
}

func overMonitor(old, c tree.Monitor) tree.Monitor {
	old.Delay, old.Timeout = over(old.Delay, c.Delay), over(old.Timeout, c.Timeout)
	old.MaxRetries, old.MaxRetriesDown = over(old.MaxRetries, c.MaxRetries), over(old.MaxRetriesDown, c.MaxRetriesDown)
	old.HTTPMethod, old.URLPath, old.ExpectedCodes = over(old.HTTPMethod, c.HTTPMethod), over(old.URLPath, c.URLPath), over(old.ExpectedCodes, c.ExpectedCodes)
	old.Provisioning = tree.Active
	return old
}

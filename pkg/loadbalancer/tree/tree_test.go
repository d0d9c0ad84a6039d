package tree_test

import (
	"slices"
	"testing"

	"underlay/pkg/loadbalancer/tree"
)

func TestKeysOrderByPortAndTellTransportsApart(t *testing.T) {
	keys := []tree.Key{{tree.UDP, 53}, {tree.TCP, 443}, {tree.TCP, 53}, {tree.SCTP, 53}}
	slices.SortFunc(keys, tree.Key.Compare)
	want := []string{"SCTP/53", "TCP/53", "UDP/53", "TCP/443"}
	for i, key := range keys {
		if key.String() != want[i] {
			t.Errorf("%d: got %s, want %s", i, key, want[i])
		}
	}
}

func TestEveryListenerHasTheKeyOfItsTransport(t *testing.T) {
	b := tree.Balancer{Listeners: []tree.Listener{
		{ID: "a", Protocol: tree.UDP, Port: 53}, {ID: "b", Protocol: tree.TerminatedHTTPS, Port: 443}, {ID: "c", Protocol: tree.SCTP, Port: 443},
	}}
	for key, want := range map[tree.Key]string{
		{tree.UDP, 53}: "a", {tree.TCP, 443}: "b", {tree.SCTP, 443}: "c", {tree.TCP, 53}: "",
	} {
		got := ""
		if found := b.Listener(key); found != nil {
			got = found.ID
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func TestTargetsOrderByAddressThenPort(t *testing.T) {
	a, b, c := tree.Target{Address: "10.0.0.1", Port: 80}, tree.Target{Address: "10.0.0.1", Port: 81}, tree.Target{Address: "10.0.0.2", Port: 1}
	if a.Compare(b) >= 0 || b.Compare(c) >= 0 || a.Compare(a) != 0 {
		t.Errorf("%s, %s, %s are not in order", a, b, c)
	}
}

func TestPendingIsWhatRefusesChanges(t *testing.T) {
	for status, want := range map[tree.Provisioning]bool{
		tree.Active: false, tree.Failed: false, tree.Deleted: false,
		tree.PendingCreate: true, tree.PendingUpdate: true, tree.PendingDelete: true,
	} {
		if got := status.Pending(); got != want {
			t.Errorf("%s: got %v, want %v", status, got, want)
		}
	}
}

// TestCapabilitiesNeedVersionAndProvider: each feature comes with its API
// version, and those of layer 7 never with ovn.
func TestCapabilitiesNeedVersionAndProvider(t *testing.T) {
	for name, tc := range map[string]struct {
		can   func(tree.Capabilities) bool
		since int
		ovn   bool
	}{
		"timeouts":           {tree.Capabilities.Timeouts, 1, false},
		"tags":               {tree.Capabilities.Tags, 5, true},
		"flavors":            {tree.Capabilities.Flavors, 6, false},
		"additive members":   {tree.Capabilities.AdditiveMembers, 11, true},
		"allowed CIDRs":      {tree.Capabilities.AllowedCIDRs, 12, false},
		"zones":              {tree.Capabilities.AvailabilityZones, 14, false},
		"ciphers":            {tree.Capabilities.TLSCiphers, 15, false},
		"UDP with HTTP":      {tree.Capabilities.UDPWithHTTPMonitor, 16, false},
		"TLS versions":       {tree.Capabilities.TLSVersions, 17, false},
		"ALPN":               {tree.Capabilities.ALPN, 20, false},
		"PROXYV2":            {tree.Capabilities.ProxyV2, 22, false},
		"SCTP":               {tree.Capabilities.SCTP, 23, true},
		"PROMETHEUS":         {tree.Capabilities.PrometheusListener, 25, false},
		"additional VIPs":    {tree.Capabilities.AdditionalVIPs, 26, true},
		"HSTS":               {tree.Capabilities.HSTS, 27, false},
		"VIP groups":         {tree.Capabilities.VIPSecurityGroups, 29, false},
		"layer 7":            {tree.Capabilities.Layer7, 0, false},
		"the monitor's port": {tree.Capabilities.MonitorPort, 0, false},
	} {
		at := func(minor int, provider string) bool {
			return tc.can(tree.Capabilities{Version: tree.Version{Major: 2, Minor: minor}, Provider: provider})
		}
		if !at(tc.since, "amphora") || tc.since > 0 && at(tc.since-1, "amphora") {
			t.Errorf("%s: want it with amphora from 2.%d on", name, tc.since)
		}
		if at(30, tree.OVN) != tc.ovn {
			t.Errorf("%s: want %v with ovn", name, tc.ovn)
		}
	}
	for provider, want := range map[string]bool{"amphora": false, "amphorav2": false, "octavia": false, tree.OVN: true, "f5": true} {
		c := tree.Capabilities{Version: tree.Version{Major: 2, Minor: 13}, Provider: provider}
		if got := c.SourceIPPort(); got != want {
			t.Errorf("SOURCE_IP_PORT with %s: got %v, want %v", provider, got, want)
		}
	}
	if got := (tree.Version{Major: 2, Minor: 26}).String(); got != "2.26" {
		t.Errorf("got %s", got)
	}
	if !(tree.Version{Major: 3}).AtLeast(29) {
		t.Error("a later API has what an earlier one had")
	}
}

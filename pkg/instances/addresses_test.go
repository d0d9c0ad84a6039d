package instances

import (
	"math/rand"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"underlay/pkg/config"
)

func internalIP(ip string) v1.NodeAddress {
	return v1.NodeAddress{Type: v1.NodeInternalIP, Address: ip}
}

func externalIP(ip string) v1.NodeAddress {
	return v1.NodeAddress{Type: v1.NodeExternalIP, Address: ip}
}

func hostname(name string) v1.NodeAddress {
	return v1.NodeAddress{Type: v1.NodeHostName, Address: name}
}

func fixed(network, address string) Address { return Address{Network: network, Address: address} }

func floating(network, address string) Address {
	return Address{Network: network, Address: address, Floating: true}
}

func TestAddresses(t *testing.T) {
	dual := Server{Addresses: []Address{
		fixed("nodes", "fd00:0:0::7"), fixed("nodes", "10.0.0.7"), floating("nodes", "203.0.113.7"),
	}}
	three := Server{Addresses: []Address{
		fixed("nodes", "10.0.0.7"), fixed("storage", "10.9.0.7"), fixed("public", "198.51.100.7"),
	}}
	tests := []struct {
		name       string
		server     Server
		nics       []nic
		networking config.Networking
		want       []v1.NodeAddress
	}{
		{
			name:   "fixed IPs are internal, floating ones external, IPv4 first and IPv6 canonical",
			server: dual,
			want:   []v1.NodeAddress{internalIP("10.0.0.7"), internalIP("fd00::7"), externalIP("203.0.113.7")},
		},
		{
			name:       "ipv6-support-disabled drops every IPv6 address",
			server:     Server{AccessIPv6: "2001:db8::1", Addresses: dual.Addresses},
			networking: config.Networking{IPv6SupportDisabled: true},
			want:       []v1.NodeAddress{internalIP("10.0.0.7"), externalIP("203.0.113.7")},
		},
		{
			name:   "access IPs are external and come before floating ones",
			server: Server{AccessIPv4: "192.0.2.1", AccessIPv6: "2001:db8::1", Addresses: dual.Addresses},
			want: []v1.NodeAddress{
				internalIP("10.0.0.7"), internalIP("fd00::7"),
				externalIP("192.0.2.1"), externalIP("2001:db8::1"), externalIP("203.0.113.7"),
			},
		},
		{
			name:   "an access IP that is also a floating one appears once",
			server: Server{AccessIPv4: "203.0.113.7", Addresses: dual.Addresses},
			want:   []v1.NodeAddress{internalIP("10.0.0.7"), internalIP("fd00::7"), externalIP("203.0.113.7")},
		},
		{
			name:   "networks as the server lists them",
			server: three,
			want:   []v1.NodeAddress{internalIP("10.0.0.7"), internalIP("10.9.0.7"), internalIP("198.51.100.7")},
		},
		{
			name:       "public-network-name moves fixed IPs to external",
			server:     three,
			networking: config.Networking{PublicNetworkNames: []string{"public"}},
			want:       []v1.NodeAddress{internalIP("10.0.0.7"), internalIP("10.9.0.7"), externalIP("198.51.100.7")},
		},
		{
			name:       "internal-network-name drops fixed IPs of all other networks",
			server:     three,
			networking: config.Networking{InternalNetworkNames: []string{"nodes"}},
			want:       []v1.NodeAddress{internalIP("10.0.0.7")},
		},
		{
			name:       "several internal-network-name and a public one",
			server:     three,
			networking: config.Networking{InternalNetworkNames: []string{"storage", "nodes", "none"}, PublicNetworkNames: []string{"public"}},
			want:       []v1.NodeAddress{internalIP("10.0.0.7"), internalIP("10.9.0.7"), externalIP("198.51.100.7")},
		},
		{
			name:       "a network named in both lists is public",
			server:     three,
			networking: config.Networking{InternalNetworkNames: []string{"nodes", "public"}, PublicNetworkNames: []string{"public"}},
			want:       []v1.NodeAddress{internalIP("10.0.0.7"), externalIP("198.51.100.7")},
		},
		{
			name:       "internal-network-name leaves floating IPs alone",
			server:     dual,
			networking: config.Networking{InternalNetworkNames: []string{"other"}},
			want:       []v1.NodeAddress{externalIP("203.0.113.7")},
		},
		{
			name:       "empty names name no network",
			server:     three,
			networking: config.Networking{InternalNetworkNames: []string{""}, PublicNetworkNames: []string{""}},
			want:       []v1.NodeAddress{internalIP("10.0.0.7"), internalIP("10.9.0.7"), internalIP("198.51.100.7")},
		},
		{
			name:   "active ports add what Nova does not list, inactive ones do not",
			server: Server{Addresses: []Address{fixed("nodes", "10.0.0.7")}},
			nics: []nic{
				{network: "nodes", active: true, fixedIPs: []string{"10.0.0.7", "10.0.0.70"}},
				{network: "vlan", active: true, fixedIPs: []string{"10.50.0.7"}},
				{network: "vlan", active: false, fixedIPs: []string{"10.50.0.8"}},
			},
			want: []v1.NodeAddress{internalIP("10.0.0.7"), internalIP("10.0.0.70"), internalIP("10.50.0.7")},
		},
		{
			name:       "a subport's network can be named too",
			server:     Server{Addresses: []Address{fixed("trunk", "10.0.0.7")}},
			nics:       []nic{{network: "vlan", active: true, fixedIPs: []string{"10.50.0.7"}}},
			networking: config.Networking{InternalNetworkNames: []string{"vlan"}},
			want:       []v1.NodeAddress{internalIP("10.50.0.7")},
		},
		{
			name: "link-local, loopback, multicast, unspecified and unreadable addresses are dropped",
			server: Server{AccessIPv4: "none", Addresses: []Address{
				fixed("nodes", "fe80::1"), fixed("nodes", "169.254.1.1"), fixed("nodes", "127.0.0.1"), fixed("nodes", "0.0.0.0"),
				fixed("nodes", "224.0.0.1"), fixed("nodes", ""), fixed("nodes", "10.0.0.7"),
			}},
			want: []v1.NodeAddress{internalIP("10.0.0.7")},
		},
		{
			name:   "an IPv4 address in IPv6 clothes is the IPv4 address",
			server: Server{Addresses: []Address{fixed("nodes", "::ffff:10.0.0.7"), fixed("nodes", "10.0.0.7")}},
			want:   []v1.NodeAddress{internalIP("10.0.0.7")},
		},
		{
			name:       "address-sort-order: by first matching CIDR, the rest after in their order",
			server:     Server{AccessIPv4: "192.0.2.1", Addresses: append(slices.Clone(three.Addresses), fixed("v6", "fd00::7"))},
			networking: config.Networking{AddressSortOrder: []string{"fd00::/8, 10.9.0.0/16", "192.0.2.1"}},
			want: []v1.NodeAddress{
				internalIP("fd00::7"), internalIP("10.9.0.7"), externalIP("192.0.2.1"),
				internalIP("10.0.0.7"), internalIP("198.51.100.7"),
			},
		},
		{
			name:       "entries that are no CIDR match nothing",
			server:     three,
			networking: config.Networking{AddressSortOrder: []string{"nonsense", "198.51.100.0/24"}},
			want:       []v1.NodeAddress{internalIP("198.51.100.7"), internalIP("10.0.0.7"), internalIP("10.9.0.7")},
		},
		{
			name:   "the server's metadata names the host",
			server: Server{Metadata: map[string]string{"hostname": "n7.example.org"}, Addresses: []Address{fixed("nodes", "10.0.0.7")}},
			want:   []v1.NodeAddress{internalIP("10.0.0.7"), hostname("n7.example.org")},
		},
		{name: "nothing known, nothing shown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := addresses(&tt.server, tt.nics, newSelection(tt.networking))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAddressesProperties: whatever the cloud says, no (type, address) appears
// twice, every address is canonical, and the order of ports does not matter.
func TestAddressesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ip := rapid.SampledFrom([]string{
			"10.0.0.1", "10.0.0.2", "10.1.0.1", "fd00::1", "FD00:0:0::1", "2001:db8::a", "fe80::1", "203.0.113.9", "x", "",
		})
		network := rapid.SampledFrom([]string{"a", "b", "c"})
		server := Server{AccessIPv4: ip.Draw(t, "access")}
		for range rapid.IntRange(0, 6).Draw(t, "addresses") {
			server.Addresses = append(server.Addresses, Address{
				Network: network.Draw(t, "network"), Address: ip.Draw(t, "address"), Floating: rapid.Bool().Draw(t, "floating"),
			})
		}
		nics := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) nic {
			return nic{
				network: network.Draw(t, "network"), active: rapid.Bool().Draw(t, "active"),
				fixedIPs: rapid.SliceOfN(ip, 0, 3).Draw(t, "fixed"),
			}
		}), 0, 4).Draw(t, "nics")
		choice := newSelection(config.Networking{
			PublicNetworkNames: []string{"c"},
			AddressSortOrder:   []string{rapid.SampledFrom([]string{"10.1.0.0/16", "fd00::/8", ""}).Draw(t, "order")},
		})
		got := addresses(&server, nics, choice)
		seen := map[v1.NodeAddress]bool{}
		for _, a := range got {
			if seen[a] {
				t.Fatalf("%v appears twice in %v", a, got)
			}
			seen[a] = true
			if netip.MustParseAddr(a.Address).String() != a.Address {
				t.Fatalf("%v is not canonical", a)
			}
		}
		shuffled := slices.Clone(nics)
		rand.New(rand.NewSource(1)).Shuffle(len(shuffled), func(x, y int) { shuffled[x], shuffled[y] = shuffled[y], shuffled[x] })
		if diff := cmp.Diff(got, addresses(&server, shuffled, choice)); diff != "" {
			t.Fatalf("the order of ports matters (-first +shuffled):\n%s", diff)
		}
	})
}

func TestWithHostnameKeepsTheKubelets(t *testing.T) {
	ip := []v1.NodeAddress{internalIP("10.0.0.7")}
	fromKubelet := &v1.Node{Status: v1.NodeStatus{Addresses: []v1.NodeAddress{hostname("kubelet")}}}
	tests := []struct {
		name   string
		node   *v1.Node
		server Server
		want   []v1.NodeAddress
	}{
		{"the kubelet's stands", fromKubelet, Server{Name: "n", Hostname: "h"}, ip},
		{"Nova's hostname fills the gap", &v1.Node{}, Server{Name: "N", Hostname: "n"}, append(slices.Clone(ip), hostname("n"))},
		{"else the server's name", &v1.Node{}, Server{Name: "n"}, append(slices.Clone(ip), hostname("n"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, withHostname(slices.Clone(ip), tt.node, &tt.server)); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
		})
	}
}

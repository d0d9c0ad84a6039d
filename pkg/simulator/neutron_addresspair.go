package simulator

import (
	"cmp"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Allowed address pairs as neutron_lib/api/validators/allowedaddresspairs.py and
// neutron/db/allowedaddresspairs_db.py have them: PUT replaces the list.

// addressPair is one entry; both are kept as the caller spelt them.
type addressPair struct {
	MACAddress string `json:"mac_address"`
	IPAddress  string `json:"ip_address"`
}

// maxAddressPairs is the option max_allowed_address_pair.
const maxAddressPairs = 10

var (
	errPairsNeedSecurity = conflict("AddressPairAndPortSecurityRequired",
		"Port Security must be enabled in order to have allowed address pairs on a port.")
	errGroupsNeedSecurity = invalid("PortSecurityAndIPRequiredForSecurityGroups",
		"Port security must be enabled and port must have an IP address in order to use security groups.")
)

// checkPairs validates the list as it was sent.
func checkPairs(b body, pairs []addressPair) error {
	if len(pairs) > maxAddressPairs {
		return invalid("AllowedAddressPairExhausted",
			"The number of allowed address pair exceeds the maximum %d.", maxAddressPairs)
	}
	var sent []map[string]json.RawMessage
	if !b.isNull("allowed_address_pairs") {
		if err := json.Unmarshal(b.fields["allowed_address_pairs"], &sent); err != nil {
			return invalidInput("allowed_address_pairs", "Allowed address pairs must be a list")
		}
	}
	if err := checkPairKeys(sent); err != nil {
		return err
	}
	seen := map[addressPair]bool{}
	for _, pair := range pairs {
		if err := pair.check(); err != nil {
			return err
		}
		if seen[pair] {
			return duplicatePair(pair)
		}
		seen[pair] = true
	}
	return nil
}

func checkPairKeys(sent []map[string]json.RawMessage) error {
	for _, keys := range sent {
		for key, value := range keys {
			if key == "mac_address" && string(value) == "null" {
				return badRequest("'None' is not a valid MAC address")
			}
			if key != "mac_address" && key != "ip_address" {
				return badRequest("Unrecognized attribute(s) '%s'", key)
			}
		}
	}
	return nil
}

func (p addressPair) check() error {
	if p.IPAddress == "" {
		return invalid("AllowedAddressPairsMissingIP", "AllowedAddressPair must contain ip_address")
	}
	if p.MACAddress != "" {
		if mac, err := net.ParseMAC(p.MACAddress); err != nil || len(mac) != 6 {
			return badRequest("'%s' is not a valid MAC address", p.MACAddress)
		}
	}
	if strings.Contains(p.IPAddress, "/") {
		if _, err := netip.ParsePrefix(p.IPAddress); err != nil {
			return badRequest("'%s' is not a valid IP subnet", p.IPAddress)
		}
		return nil
	}
	_, err := netip.ParseAddr(p.IPAddress)
	if err != nil {
		return badRequest("'%s' is not a valid IP address", p.IPAddress)
	}
	return nil
}

// inOrder is the list as the database gives it: by MAC address, then by address as text.
func inOrder(pairs []addressPair) []addressPair {
	sorted := slices.Clone(pairs)
	slices.SortFunc(sorted, func(a, b addressPair) int {
		return cmp.Or(strings.Compare(a.MACAddress, b.MACAddress), strings.Compare(a.IPAddress, b.IPAddress))
	})
	return sorted
}

// checkPairDuplicates finds pairs that are the same once the port's own MAC
// address stands for a missing one.
func checkPairDuplicates(pairs []addressPair, mac string) error {
	seen := map[addressPair]bool{}
	for _, pair := range withMAC(pairs, mac) {
		if seen[pair] {
			return duplicatePair(pair)
		}
		seen[pair] = true
	}
	return nil
}

func duplicatePair(pair addressPair) error {
	mac := pair.MACAddress
	if mac == "" {
		mac = "None"
	}
	return invalid("DuplicateAddressPairInRequest",
		"Request contains duplicate address pair: mac_address %s ip_address %s.", mac, pair.IPAddress)
}

// withMAC is the list with the port's own MAC address where none was given.
func withMAC(pairs []addressPair, mac string) []addressPair {
	filled := make([]addressPair, len(pairs))
	for i, pair := range pairs {
		filled[i] = pair
		if pair.MACAddress == "" {
			filled[i].MACAddress = mac
		}
	}
	return filled
}

package instances

import "strings"

// canonicalUUID gives a UUID in the only spelling that Nova uses (lower case,
// 8-4-4-4-12), or "" when s is not a UUID in that form, in either case.
func canonicalUUID(s string) string {
	if len(s) != 36 {
		return ""
	}
	for i := 0; i < len(s); i++ {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return ""
		}
	}
	return strings.ToLower(s)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// swappedUUID reads a canonical UUID's first three fields in the other byte
// order. SMBIOS 2.6 stores them little-endian; older firmware, and kernels
// that take it for older, show them as stored. So the same machine may report
// 00112233-4455-6677-… or 33221100-5544-7766-….
// Source: DMTF DSP0134, System Information (Type 1), UUID.
func swappedUUID(u string) string {
	pair := func(i int) string { return u[i : i+2] }
	return pair(6) + pair(4) + pair(2) + pair(0) + "-" +
		pair(11) + pair(9) + "-" + pair(16) + pair(14) + u[18:]
}

// systemServerIDs are the Nova UUIDs that a Node's system UUID may mean, the
// likelier first; none when it is no UUID. Nova gives the instance's UUID to
// libvirt as the domain's, which KVM shows to the guest as its SMBIOS UUID.
func systemServerIDs(systemUUID string) []string {
	id := canonicalUUID(systemUUID)
	if id == "" {
		return nil
	}
	if swapped := swappedUUID(id); swapped != id {
		return []string{id, swapped}
	}
	return []string{id}
}

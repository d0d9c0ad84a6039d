package amphora

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// signature begins a header of version 2 of the PROXY protocol.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// proxyHeader says who the client is and whom it asked, in the PROXY protocol of
// haproxy (doc/proxy-protocol.txt there), for TCP over IPv4.
func proxyHeader(version int, client, asked netip.AddrPort) []byte {
	if version == 1 {
		return fmt.Appendf(nil, "PROXY TCP4 %s %s %d %d\r\n", client.Addr(), asked.Addr(), client.Port(), asked.Port())
	}
	header := append([]byte(signature), 0x21, 0x11, 0, 12) // version 2, PROXY; TCP over IPv4; 12 bytes follow
	header = append(header, client.Addr().AsSlice()...)
	header = append(header, asked.Addr().AsSlice()...)
	header = binary.BigEndian.AppendUint16(header, client.Port())
	return binary.BigEndian.AppendUint16(header, asked.Port())
}

package openstack

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
)

// told is a field of an answer that says "none" (null) otherwise than "I do not
// know" (not there): an older API, or another provider.
type told[T any] struct {
	there bool
	value T
}

// UnmarshalJSON keeps the contract of json.Unmarshaler; it is called for null too.
func (f *told[T]) UnmarshalJSON(text []byte) error {
	f.there = true
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	return json.Unmarshal(text, &f.value)
}

// pointer is nil where nothing was told, and the zero value where null was.
func (f told[T]) pointer() *T {
	if !f.there {
		return nil
	}
	return &f.value
}

// inOrder is a list as it was told, empty for null; nil where nothing was told.
func inOrder(list told[[]string]) []string {
	if !list.there {
		return nil
	}
	return append([]string{}, list.value...)
}

// sorted is inOrder, sorted.
func sorted(list told[[]string]) []string {
	out := inOrder(list)
	slices.Sort(out)
	return out
}

// onlyID is an object of which an answer tells no more.
type onlyID struct {
	ID string `json:"id"`
}

func idsOf(objects []onlyID) []string {
	out := make([]string, 0, len(objects))
	for _, object := range objects {
		out = append(out, object.ID)
	}
	slices.Sort(out)
	return out
}

func firstID(objects []onlyID) string {
	if len(objects) == 0 {
		return ""
	}
	return objects[0].ID
}

// canonicalAddress is an address in its one spelling; what is none stays as it is.
func canonicalAddress(text string) string {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	return address.String()
}

// canonicalPrefix is a CIDR in its one spelling, without host bits; what is none
// stays as it is.
func canonicalPrefix(text string) string {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return text
	}
	return prefix.Masked().String()
}

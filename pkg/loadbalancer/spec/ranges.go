package spec

import (
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"
)

// rangesWish is where clients may come from.
type rangesWish struct {
	prefixes []netip.Prefix // sorted; none: everywhere
	key      string
}

// ranges reads the field, or the annotation while the field is empty.
func (s scope) ranges(service *v1.Service) rangesWish {
	own := s.cidrs(sourceRanges)
	if len(service.Spec.LoadBalancerSourceRanges) == 0 {
		return rangesWish{own.value, own.key}
	}
	const key = "spec.loadBalancerSourceRanges"
	prefixes, err := parsePrefixes(service.Spec.LoadBalancerSourceRanges)
	if err != nil {
		s.reject(key, "", err.Error(), "write address/length, such as 192.0.2.0/24")
	}
	return rangesWish{prefixes, key}
}

var everywhere = map[v1.IPFamily]netip.Prefix{
	v1.IPv4Protocol: netip.MustParsePrefix("0.0.0.0/0"),
	v1.IPv6Protocol: netip.MustParsePrefix("::/0"),
}

// restricted: there is somewhere in one of these families that clients may not
// come from. A range of all addresses of one family opens nothing of another.
func (w rangesWish) restricted(families []v1.IPFamily) bool {
	return slices.ContainsFunc(families, func(family v1.IPFamily) bool {
		return !slices.Contains(w.of([]v1.IPFamily{family}), everywhere[family])
	})
}

// of gives the prefixes of these families, everywhere where none is wished. It
// gives none where the user wishes only prefixes of other families: nobody may
// come then, which must never be mistaken for everybody.
func (w rangesWish) of(families []v1.IPFamily) []netip.Prefix {
	var all []netip.Prefix
	for _, family := range families {
		if len(w.prefixes) == 0 {
			all = append(all, everywhere[family])
		}
	}
	for _, p := range w.prefixes {
		if slices.Contains(families, familyOf(p.Addr())) {
			all = append(all, p)
		}
	}
	return sortPrefixes(all)
}

func texts(prefixes []netip.Prefix) []string {
	all := make([]string, len(prefixes))
	for i, p := range prefixes {
		all[i] = p.String()
	}
	return all
}

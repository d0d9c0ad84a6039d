package spec

import (
	"cmp"
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/config"
)

// vipWish is the virtual address as far as it was chosen. All empty: the subnet
// of a node.
type vipWish struct {
	subnet, network, port setting[string]
	additionalSubnet      setting[string]
	// addresses by family; missing: any.
	addresses map[v1.IPFamily]setting[string]
	// memberSubnet is the subnet of the members where one was chosen for them;
	// else they are in that of the virtual address, where that was chosen.
	memberSubnet string
}

// vip chooses the networks: for an external Service the class comes first, else
// the annotation; cloud.conf comes last.
func (s scope) vip(conf config.LoadBalancer, class *config.LoadBalancerClass, external bool) vipWish {
	v := vipWish{
		subnet:           s.uuid(subnetID, cmp.Or(class.SubnetID, conf.SubnetID)),
		network:          s.uuid(networkID, cmp.Or(class.NetworkID, conf.NetworkID)),
		port:             s.uuid(portID, ""),
		additionalSubnet: s.uuid(additionalID, ""),
		addresses:        map[v1.IPFamily]setting[string]{},
	}
	if external && class.SubnetID != "" {
		v.subnet = setting[string]{value: class.SubnetID}
	}
	if external && class.NetworkID != "" {
		v.network = setting[string]{value: class.NetworkID}
	}
	member := s.uuid(memberSubnetID, cmp.Or(class.MemberSubnetID, conf.MemberSubnetID))
	v.memberSubnet = cmp.Or(member.value, conf.SubnetID)
	return v
}

// addresses hands the addresses that the Service wants to the floating IP or to
// the virtual addresses.
func (r *reader) addresses(service *v1.Service, w *Wish) {
	key, texts := "spec.loadBalancerIP", split(service.Spec.LoadBalancerIP)
	if f, ok := r.service().find(balancerIP); ok && f.text != "" {
		key, texts = f.key, split(f.text)
	}
	seen := map[v1.IPFamily]bool{}
	for _, text := range texts {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			r.reject(key, text, "is not an IP address", "write an address such as 192.0.2.10")
			continue
		}
		address = address.Unmap()
		family := familyOf(address)
		if seen[family] {
			r.reject(key, text, "is the second address of its IP family", "write one for each family")
		}
		if !slices.Contains(w.families, family) {
			r.reject(key, text, "is of an IP family that the Service does not have", "write an address of a family in spec.ipFamilies")
		}
		seen[family] = true
		if family == v1.IPv4Protocol && !w.internal {
			w.floating.address = address.String()
		} else {
			w.vip.addresses[family] = setting[string]{value: address.String(), key: key}
		}
	}
}

func familyOf(address netip.Addr) v1.IPFamily {
	if address.Is4() {
		return v1.IPv4Protocol
	}
	return v1.IPv6Protocol
}

// familyOfText is the family of an address as OpenStack writes it; "" where it
// is none.
func familyOfText(text string) v1.IPFamily {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	return familyOf(address.Unmap())
}

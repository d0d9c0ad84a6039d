package config

import (
	"fmt"
	"path"
	"slices"
)

// maxAttachLimit is the number of volumes that the peer lets a node have, and
// the most that it accepts.
const maxAttachLimit = 256

// checkTogether looks at what settings mean beside each other.
func (r *reader) checkTogether() {
	for _, b := range r.blocks {
		switch target := b.target.(type) {
		case *Global:
			r.checkGlobal(b, target)
		case *Networking:
			r.checkNetworking(b, target)
		case *Route:
			r.checkRoute(b, target)
		case *LoadBalancer:
			r.checkBalancer(b, target)
			r.checkFloating(b, target.FloatingSubnetID, target.FloatingSubnet, target.FloatingSubnetTags)
		case *LoadBalancerClass:
			r.checkFloating(b, target.FloatingSubnetID, target.FloatingSubnet, target.FloatingSubnetTags)
		case *BlockStorage:
			r.checkStorage(b, target)
		}
	}
}

func (r *reader) checkNetworking(b *block, n *Networking) {
	for _, name := range n.PublicNetworkNames {
		if slices.Contains(n.InternalNetworkNames, name) {
			r.say(b, "internal-network-name", Warning, fmt.Sprintf("network %s is both public and internal, and counts as public", quote(clip(name))), "write it under one of the two")
		}
	}
}

func (r *reader) checkRoute(b *block, route *Route) {
	if route.Present && route.RouterID == "" && !b.bad["router-id"] {
		r.say(b, "router-id", Note, "no router is named, so the router on the nodes' subnet is used; without the section there are no routes", "")
	}
}

func (r *reader) checkBalancer(b *block, l *LoadBalancer) {
	if l.LBVersion != "" && l.LBVersion != "v2" {
		b.clear("lb-version") // the open enum has said so
	}
	if l.LBProvider == "ovn" && l.LBMethod != "SOURCE_IP_PORT" {
		if b.has(methodKey) {
			r.say(b, methodKey, Note, "the provider ovn knows SOURCE_IP_PORT only, which is used", "write lb-method=SOURCE_IP_PORT, or remove the line")
		}
		b.derive(methodKey, "SOURCE_IP_PORT", providerKey)
	}
	if l.MonitorTimeout > l.MonitorDelay {
		key := "monitor-timeout"
		if !b.has(key) {
			key = "monitor-delay"
		}
		r.say(b, key, Warning, fmt.Sprintf("a check times out after %s, but the next one starts after %s already", l.MonitorTimeout, l.MonitorDelay),
			"make monitor-timeout at most as long as monitor-delay")
	}
	if ref := l.DefaultTLSContainerRef; ref != "" && l.ContainerStore == "barbican" {
		if _, faults := checkUUID(nil, path.Base(ref)); faults != nil {
			r.say(b, "default-tls-container-ref", Warning, "it does not end in the ID of a Barbican container or secret",
				"write the whole reference, or container-store=external")
		}
	}
}

// checkFloating notes which of several choices of a floating IP's subnet wins.
func (r *reader) checkFloating(b *block, id, name, tags string) {
	if id == "" {
		return
	}
	if name != "" {
		r.say(b, "floating-subnet", Note, "the key has no effect: floating-subnet-id wins", "remove one of them")
	}
	if tags != "" {
		r.say(b, "floating-subnet-tags", Note, "the key has no effect: floating-subnet-id wins", "remove one of them")
	}
}

func (r *reader) checkStorage(b *block, s *BlockStorage) {
	const key = "node-volume-attach-limit"
	if s.NodeVolumeAttachLimit >= 1 && s.NodeVolumeAttachLimit <= maxAttachLimit {
		return
	}
	r.say(b, key, Warning, fmt.Sprintf("%d is out of range, so %d is used", s.NodeVolumeAttachLimit, maxAttachLimit), "write a number from 1 to 256")
	s.NodeVolumeAttachLimit = maxAttachLimit
}

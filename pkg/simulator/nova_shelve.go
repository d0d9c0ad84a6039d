package simulator

// offloaded is the vm state of a server that no compute host has: it was shelved.
const offloaded = "shelved_offloaded"

func (s *server) offloaded() bool { return states[s.status()].vm == offloaded }

// offload is what becomes of a server's volumes when no host has it any more:
// they stay reserved for it.
func (n *nova) offload(s *server) {
	for _, v := range s.volumes {
		n.unplug(v)
		n.cloud.cinder.forgetWork(v.attachment)
		v.attachment = n.cloud.cinder.disconnect(v.attachment)
	}
}

// load connects a server's volumes when a host has it again.
func (n *nova) load(s *server) {
	for _, v := range s.volumes {
		if v.device == "" {
			v.device = n.device(s)
		}
		n.connect(s, v)
	}
}

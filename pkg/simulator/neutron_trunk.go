package simulator

// Trunks as neutron/services/trunk has them; the API only reads them, AddTrunk makes them.

// trunk carries the traffic of several networks over one port of a server.
type trunk struct {
	attributes
	PortID   string
	Subports []subport
}

type subport struct {
	PortID           string `json:"port_id"`
	SegmentationType string `json:"segmentation_type"`
	SegmentationID   int    `json:"segmentation_id"`
}

func (n *neutron) trunkKind() *kind[*trunk] {
	k := &kind[*trunk]{
		n: n, singular: "trunk", plural: "trunks", path: "trunks", quota: "trunk", extension: "trunk", firstRevision: 1,
		notFound: "TrunkNotFound", notFoundMessage: "Trunk %s could not be found.",
	}
	k.attributes = standard(
		named[*trunk](), tagged[*trunk](0),
		attribute[*trunk]{name: "admin_state_up", use: inFilter, value: func(*trunk) any { return true }},
		attribute[*trunk]{name: "status", use: inFilter, value: func(*trunk) any { return "ACTIVE" }},
		attribute[*trunk]{name: "port_id", use: inFilter, value: func(v *trunk) any { return v.PortID }},
		attribute[*trunk]{name: "sub_ports", use: unsorted, value: func(v *trunk) any { return list(v.Subports) }},
	)
	return k
}

func (n *neutron) registerSubports(t routeTable) {
	n.on(t, "GET /v2.0/trunks/{id}/get_subports", "trunk", 200, func(r *request) (any, error) {
		v, err := n.trunks.find(r)
		if err != nil {
			return nil, err
		}
		return map[string]any{"sub_ports": list(v.Subports)}, nil
	})
}

// trunkDetails is the attribute of a trunk's parent port; null for others.
func (n *neutron) trunkDetails(p *port) any {
	v, found := n.parents[p.ID]
	if !found {
		return nil
	}
	subports := make([]map[string]any, 0, len(v.Subports))
	for _, s := range v.Subports {
		mac := ""
		if inner, found := n.ports.rows[s.PortID]; found {
			mac = inner.MACAddress
		}
		subports = append(subports, map[string]any{
			"port_id": s.PortID, "segmentation_type": s.SegmentationType, "segmentation_id": s.SegmentationID,
			"mac_address": mac,
		})
	}
	return map[string]any{"trunk_id": v.ID, "sub_ports": subports}
}

// dropTrunk removes a trunk; its subports are plain ports again.
func (n *neutron) dropTrunk(v *trunk) {
	for _, s := range v.Subports {
		if p, found := n.ports.rows[s.PortID]; found {
			n.setDevice(p, "", "")
			p.touch()
		}
	}
	delete(n.parents, v.PortID)
	n.trunks.take(v)
}

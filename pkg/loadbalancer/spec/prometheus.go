package spec

import (
	"net/netip"
	"strconv"

	v1 "k8s.io/api/core/v1"
)

// prometheusWish is the listener that serves the load balancer's metrics.
type prometheusWish struct {
	port   setting[int] // 0: none
	ranges []netip.Prefix
}

func (s scope) prometheus(service *v1.Service) prometheusWish {
	w := prometheusWish{port: s.integer(promPort, 0)}
	ranges := s.cidrs(promRanges)
	w.ranges = ranges.value
	switch {
	case w.port.key == "" && ranges.key != "":
		s.reject(ranges.key, "", "has no effect without prometheus-port", "write prometheus-port too, or remove it")
	case w.port.value > 0 && len(w.ranges) == 0:
		s.reject(w.port.key, strconv.Itoa(w.port.value), "needs prometheus-source-ranges: metrics are not for everybody", "write who may read them, such as 10.0.0.0/8; 0.0.0.0/0 is everybody")
	}
	for _, p := range service.Spec.Ports {
		if int(p.Port) == w.port.value && (p.Protocol == v1.ProtocolTCP || p.Protocol == "") {
			s.reject(w.port.key, strconv.Itoa(w.port.value), "is a port of the Service", "choose another one")
		}
	}
	return w
}

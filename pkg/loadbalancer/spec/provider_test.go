package spec_test

import (
	"slices"
	"testing"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// lb-method is that of the provider in cloud.conf. The ovn one, which is set by
// itself there, is refused by amphorae, so that neither a Service with a provider
// of its own nor a load balancer from before the provider changed could be served.
func TestMethodOfAnotherProvider(t *testing.T) {
	for name, tt := range map[string]struct {
		annotations  map[string]string
		conf, there  string
		method, want string
		notices      string
	}{
		"ovn":                           {nil, "ovn", "", "SOURCE_IP_PORT", "SOURCE_IP_PORT", ""},
		"a Service on amphorae":         {map[string]string{"lb-provider": "amphora"}, "ovn", "", "SOURCE_IP_PORT", "ROUND_ROBIN", ""},
		"one from before":               {nil, "ovn", "amphora", "SOURCE_IP_PORT", "ROUND_ROBIN", ""},
		"one from before, by the alias": {nil, "ovn", "octavia", "SOURCE_IP_PORT", "ROUND_ROBIN", ""},
		"asked for in vain":             {map[string]string{"lb-method": "source_ip_port"}, "amphora", "", "ROUND_ROBIN", "ROUND_ROBIN", spec.SettingNotSupported},
		"another driver's own":          {nil, "f5", "", "SOURCE_IP_PORT", "SOURCE_IP_PORT", ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := worker("n1", "10.0.0.11")
			in := input(annotated(tt.annotations), n)
			in.Config.LBProvider, in.Config.LBMethod = tt.conf, tt.method
			f := cloud(n)
			if tt.there != "" {
				f.Balancer = &tree.Balancer{Name: "kube_service_blue_shop_web", Provider: tt.there, VIP: tree.VIP{SubnetID: nodesV4, Address: "10.0.0.99"}}
			}
			_, d, notices := resolve(t, in, f)
			if got := *d.Balancer.Listeners[0].Pool.Settings.Method; got != tt.want || reasons(notices) != tt.notices {
				t.Errorf("got %s and notices %q, want %s and %q", got, reasons(notices), tt.want, tt.notices)
			}
		})
	}
}

// The ovn driver watches TCP and UDP only; with a monitor that it refuses, the
// whole load balancer would not be made.
func TestNoMonitorForSCTPOnOVN(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(web(), n)
	in.Config.LBProvider, in.Config.CreateMonitor = "ovn", true
	in.Service.Spec.Ports[1].Protocol = v1.ProtocolSCTP
	_, d, notices := resolve(t, in, cloud(n))
	if tcp, sctp := d.Balancer.Listeners[0].Pool.Monitor, d.Balancer.Listeners[1].Pool.Monitor; tcp == nil || sctp != nil {
		t.Errorf("got monitors %+v and %+v, want one for TCP only", tcp, sctp)
	}
	if !slices.ContainsFunc(notices, func(n spec.Notice) bool { return n.Reason == spec.SettingNotSupported }) {
		t.Errorf("nobody is told: %v", notices)
	}
}

package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// environment is what a shell needs to talk to the demo.
func (d *demo) environment() string {
	var b strings.Builder
	fmt.Fprintf(&b, "export KUBECONFIG=%s\n", d.world.Kubeconfig())
	if kubectl, err := d.kubectlFolder(); err == nil {
		fmt.Fprintf(&b, "export PATH=%s:$PATH\n", kubectl)
	}
	fmt.Fprintf(&b, "export OS_CLIENT_CONFIG_FILE=%s OS_CLOUD=%s\n", d.world.CloudsYAMLPath(), d.world.CloudName())
	return b.String()
}

// kubectlFolder has the kubectl of the same version, when one was built.
func (d *demo) kubectlFolder() (string, error) {
	if d.binaries[kube.Kubectl] == "" {
		return "", os.ErrNotExist
	}
	return filepath.Dir(d.binaries[kube.Kubectl]), nil
}

// handOver tells the user what to do with the running world.
func (d *demo) handOver(ctx context.Context) error {
	file := filepath.Join(d.dir, "env")
	if err := os.WriteFile(file, []byte(d.environment()), 0o600); err != nil {
		return fmt.Errorf("write the environment: %w", err)
	}
	d.screen.section("It is yours")
	d.screen.line("   In another terminal:")
	d.screen.line("")
	d.screen.line("     " + d.screen.paint(strong, "source "+file))
	d.screen.line("")
	route := "destination=10.244.0.0/24,gateway=192.168.11.10"
	if observation, err := d.world.Observe(ctx); err == nil && len(observation.Routes) > 0 {
		route = "destination=" + observation.Routes[0].Destination + ",gateway=" + observation.Routes[0].NextHop
	}
	for _, try := range [][2]string{
		{"kubectl get nodes -o wide", "the nodes, with their addresses from Nova"},
		{"openstack router show " + playground.RouterName + " -c routes", "the routes"},
		{"openstack router unset --route " + route + " " + playground.RouterName, "a route removed by hand is soon back"},
		{"kubectl get service " + serviceName, "the Service with its address"},
		{"openstack loadbalancer delete --cascade " + d.told.balancer, "a load balancer removed by hand is made again, with its address, within five minutes"},
		{"kubectl delete node " + nodeName(1), "its route goes"},
	} {
		d.screen.line("     " + try[0])
		d.screen.prose("       ", faint, try[1])
	}
	d.screen.line("")
	d.screen.line("   Service    " + d.screen.paint(link, "http://"+d.told.door+"/") + "  " + d.told.addresses + ":80, as reached from here")
	d.screen.line("   Live page  " + d.screen.paint(link, d.world.URL+"/"))
	d.screen.line("   Logs       " + d.world.LogDir())
	d.screen.line("")
	d.screen.prose("   ", nil, "What happens shows below. Type + and Enter to have another node join, - and Enter for the newest to leave.")
	d.screen.line("   " + d.screen.paint(strong, "Ctrl-C stops everything."))
	d.screen.line("")
	return nil
}

package csi

import (
	"github.com/spf13/pflag"

	"underlay/pkg/volumes/block"
)

// flags are those of the command, beside the logging flags of Kubernetes.
type flags struct {
	endpoint           string
	cloudConfig        []string
	cloudName          []string
	cluster            string
	topology           bool
	additionalTopology map[string]string
	http               string
	controller, node   bool
	claimAnnotations   bool
	userAgent          []string

	register                             bool
	registrationFolder, registrationPath string
	sysfs, deviceLinks, metadataURL      string
}

func (f *flags) addTo(set *pflag.FlagSet) {
	f.addPeers(set)
	set.BoolVar(&f.register, "self-register", false,
		"Register the node service with the kubelet, as the sidecar node-driver-registrar does. Not together with that.")
	set.StringVar(&f.registrationFolder, "registration-folder", "/registration",
		"The kubelet's folder plugins_registry, as this process sees it, for --self-register.")
	set.StringVar(&f.registrationPath, "kubelet-registration-path", "/var/lib/kubelet/plugins/"+block.DriverName+"/csi.sock",
		"The file of --endpoint, as the kubelet sees it, for --self-register.")
	set.StringVar(&f.sysfs, "sysfs", "/sys", "Where sysfs is mounted.")
	set.StringVar(&f.deviceLinks, "device-links", "/dev/disk/by-id", "The folder of links to block devices by identity.")
	set.StringVar(&f.metadataURL, "metadata-url", "",
		"URL of meta_data.json at the metadata service. Empty: where every server has it.")
}

// addPeers adds the flags that kubernetes/cloud-provider-openstack has, with the
// same meaning.
func (f *flags) addPeers(set *pflag.FlagSet) {
	set.StringVar(&f.endpoint, "endpoint", "unix:///csi/csi.sock",
		"The socket to serve on, as unix://PATH. unix://csi/csi.sock and unix:///csi/csi.sock are the same.")
	set.StringSliceVar(&f.cloudConfig, "cloud-config", nil,
		"A cloud.conf. May be given several times: later files add to the earlier ones, and win. The node service needs none.")
	set.StringSliceVar(&f.cloudName, "cloud-name", nil,
		`A cloud of cloud.conf, written there as [Global "NAME"]. May be given several times; the first is used where a secret names none. Default: all, and [Global] first.`)
	set.StringVar(&f.cluster, "cluster", "", "The cluster's name, which is written into the metadata of all volumes, snapshots and backups.")
	set.BoolVar(&f.topology, "with-topology", true, "Tie volumes to the nodes of their availability zone.")
	set.StringToStringVar(&f.additionalTopology, "additional-topology", nil,
		"Topology segments, as KEY=VALUE, beside the availability zone.")
	set.StringVar(&f.http, "http-endpoint", "",
		"Address of plain HTTP with /healthz, which answers 200 while the driver answers on its socket, and /metrics. Empty turns it off.")
	set.BoolVar(&f.controller, "provide-controller-service", true, "Serve the controller service.")
	set.BoolVar(&f.node, "provide-node-service", true, "Serve the node service.")
	set.BoolVar(&f.claimAnnotations, "pvc-annotations", false,
		"Read the annotations of claims that say near which volumes a new one is to be. Needs the right to get persistentvolumeclaims, and --extra-create-metadata of the external-provisioner.")
	set.StringArrayVar(&f.userAgent, "user-agent", nil,
		"Words to add to the User-Agent of every OpenStack request. May be given several times.")
	set.String("nodeid", "", "Without effect.")
	set.Bool("node-service-no-os-client", true, "Without effect.")
	for name, why := range map[string]string{
		"nodeid":                    "a node knows its id from its metadata",
		"node-service-no-os-client": "the node service never talks to OpenStack",
	} {
		// It fails for a flag that is not there.
		_ = set.MarkDeprecated(name, why)
	}
}

// OwnFlags names the flags that kubernetes/cloud-provider-openstack does not have.
func OwnFlags() map[string]bool {
	all, peers, own := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError), map[string]bool{}
	(&flags{}).addTo(all)
	(&flags{}).addPeers(peers)
	all.VisitAll(func(f *pflag.Flag) { own[f.Name] = peers.Lookup(f.Name) == nil })
	return own
}

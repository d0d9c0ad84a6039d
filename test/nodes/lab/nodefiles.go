package lab

import (
	"fmt"
	"os"
	"path/filepath"

	"underlay/internal/kube"
	"underlay/test/nodes/machine"
)

// ProbeRef is the image of the pods, and of the sandbox that each pod begins with.
const ProbeRef = "underlay.test/probe:1"

// cniFolders are where distributions have the CNI plugins.
var cniFolders = []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"}

// cniPlugins are those that manifests/node and containerd need.
var cniPlugins = []string{"loopback", "ptp", "host-local", "portmap"}

// PluginFolder is the first that has all of them; "" when none has.
func PluginFolder() string {
	for _, folder := range cniFolders {
		complete := true
		for _, plugin := range cniPlugins {
			_, err := os.Stat(filepath.Join(folder, plugin))
			complete = complete && err == nil
		}
		if complete {
			return folder
		}
	}
	return ""
}

// What manifests/node puts on a node for its pods.
const (
	masqueradeFile = "/etc/nftables.d/pods.nft"
	templateFile   = "/etc/containerd/pods.conflist.template"
)

// containerdConfig is that of containerd 1.6 to 2.x, without what a computer within
// a computer lacks.
const containerdConfig = `version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = "/etc/cni/net.d"
    conf_template = %q
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`

// kubeletConfig has nothing of the network: that is containerd's and the cloud
// controller manager's. Images are never removed, since none can be fetched again.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
authorization: {mode: Webhook}
staticPodPath: /etc/kubernetes/manifests
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: %s
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
maxOpenFiles: 20000
evictionHard: {memory.available: 50Mi}
imageGCHighThresholdPercent: 100
nodeStatusUpdateFrequency: 2s
syncFrequency: 5s
nodeLeaseDurationSeconds: 10
resolvConf: ""
`

// nodeFiles are what a bootstrap such as kubeadm writes on every node.
func (l *Lab) nodeFiles(spec MachineSpec, cgroup string) ([]machine.File, error) {
	name, template := spec.Name, templateFile
	if spec.OtherNetwork {
		template = "" // containerd's default: it waits for a configuration
	}
	kubelet, err := l.Cluster.KubeconfigFor("system:node:"+name, "system:nodes")
	if err != nil {
		return nil, err
	}
	proxy, err := l.Cluster.KubeconfigFor("system:kube-proxy")
	if err != nil {
		return nil, err
	}
	files := []machine.File{
		{Path: "/etc/containerd/config.toml", Content: fmt.Appendf(nil, containerdConfig, ProbeRef, PluginFolder(), template), Mode: 0o644},
		// As cloud-init writes them; and no name server, since none can be reached.
		{Path: "/etc/hosts", Content: []byte("127.0.0.1 localhost\n127.0.1.1 " + name + "\n"), Mode: 0o644},
		{Path: "/etc/resolv.conf", Mode: 0o644},
		{Path: "/var/lib/kubelet/config.yaml", Content: fmt.Appendf(nil, kubeletConfig, cgroup), Mode: 0o644},
	}
	for path, source := range map[string]string{
		"/etc/kubernetes/pki/ca.crt":      l.Cluster.CertificateAuthority(),
		"/etc/kubernetes/kubelet.conf":    kubelet,
		"/etc/kubernetes/kube-proxy.conf": proxy,
	} {
		content, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		files = append(files, machine.File{Path: path, Content: content, Mode: 0o600})
	}
	return files, nil
}

// manifest is a file of the source tree's manifests.
func (l *Lab) manifest(name string) string { return filepath.Join(l.opts.Root, "manifests", name) }

// programs run on every node beside containerd.
func programs(name string, kubeletFlags []string) []machine.Program {
	return []machine.Program{
		{Name: kube.Kubelet, Args: append([]string{
			"--config=/var/lib/kubelet/config.yaml", "--kubeconfig=/etc/kubernetes/kubelet.conf", "--hostname-override=" + name, "--v=2",
		}, kubeletFlags...)},
		{Name: kube.Proxy, Args: []string{
			"--kubeconfig=/etc/kubernetes/kube-proxy.conf", "--hostname-override=" + name,
			"--proxy-mode=nftables", "--cluster-cidr=" + ClusterCIDR.String(),
			// Connection tracking is configured for the whole computer.
			"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0", "--v=2",
		}},
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"

	"underlay/pkg/config"
	"underlay/pkg/openstack"
)

// openCloud reads a cloud.conf and prepares a client. It makes no call. What the
// file has besides errors is said by `underlay config check`.
func openCloud(path string) (*config.Config, *openstack.Client, error) {
	if path == "" {
		return nil, nil, errors.New("give the cloud.conf that the cluster used: --cloud-config FILE")
	}
	cfg, report := config.Load(path)
	if err := report.Err(); err != nil {
		return nil, nil, fmt.Errorf("read the cloud configuration: %w\ncheck it with: underlay config check %s", err, path)
	}
	client, err := openstack.New(cfg.Global, openstack.Options{
		RequestTimeout: cfg.Metadata.RequestTimeout, UserAgent: "underlay/" + version.Get().GitVersion,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make the OpenStack client: %w", err)
	}
	return cfg, client, nil
}

// openCluster prepares a client of the cluster that a kubeconfig names. It makes
// no call.
func openCluster(kubeconfig string) (kubernetes.Interface, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	cfg.QPS = -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes client: %w", err)
	}
	return client, nil
}

// clusterAnswer is how long a cluster has to say that it lives.
const clusterAnswer = 15 * time.Second

// clusterUID is the identity of a cluster: the UID of its kube-system namespace.
func clusterUID(ctx context.Context, client kubernetes.Interface) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, clusterAnswer)
	defer cancel()
	namespace, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read namespace %s: %w", metav1.NamespaceSystem, err)
	}
	return string(namespace.UID), nil
}

// parseCIDRs reads --cluster-cidr, repeated or with commas.
func parseCIDRs(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	var problems []error
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--cluster-cidr: %q is not a CIDR such as 10.244.0.0/16", text))
			continue
		}
		if prefix.Bits() == 0 {
			problems = append(problems, fmt.Errorf("--cluster-cidr: %s is every address there is", text))
			continue
		}
		all = append(all, prefix.Masked())
	}
	return all, errors.Join(problems...)
}

// checkFormat refuses a value of --output that is none.
func checkFormat(output string) error {
	if output != "text" && output != "json" {
		return fmt.Errorf("there is no output format %q: give text or json", output)
	}
	return nil
}

// line writes one line; a reader that is gone stops nothing.
func line(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}

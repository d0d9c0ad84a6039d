package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"underlay/pkg/config"
	"underlay/pkg/openstack"
)

// clusterOptions are the flags of the commands that look at a living cluster.
type clusterOptions struct {
	cloudConfig, kubeconfig, clusterName, output string
	clusterCIDR                                  []string
	ranges                                       []netip.Prefix
	// connect opens the cluster; nil is by kubeconfig.
	connect func(kubeconfig string) (kubernetes.Interface, error)
}

func (o *clusterOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.cloudConfig, "cloud-config", "", "The cloud.conf of the controller manager.")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "How to reach the cluster.")
	flags.StringVar(&o.clusterName, "cluster-name", "kubernetes", "The controller manager's --cluster-name.")
	flags.StringVarP(&o.output, "output", "o", "text", "text or json.")
}

func (o *clusterOptions) check() (err error) {
	var missing error
	if o.kubeconfig == "" {
		missing = errors.New("say how to reach the cluster: --kubeconfig FILE")
	}
	o.ranges, err = parseCIDRs(o.clusterCIDR)
	return errors.Join(missing, err, checkFormat(o.output))
}

// scene is a living cluster and its cloud, as of one moment.
type scene struct {
	config     *config.Config
	cloud      *openstack.Client
	kubernetes kubernetes.Interface
	uid        string
	nodes      []*v1.Node
	services   []*v1.Service
}

// openScene reads the cluster; of the cloud it reads nothing yet.
func (o *clusterOptions) openScene(ctx context.Context) (*scene, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &scene{}
	var err error
	if s.config, s.cloud, err = openCloud(o.cloudConfig); err != nil {
		return nil, err
	}
	connect := o.connect
	if connect == nil {
		connect = openCluster
	}
	if s.kubernetes, err = connect(o.kubeconfig); err != nil {
		return nil, err
	}
	if s.uid, err = clusterUID(ctx, s.kubernetes); err != nil {
		return nil, err
	}
	nodes, err := s.kubernetes.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	for i := range nodes.Items {
		s.nodes = append(s.nodes, &nodes.Items[i])
	}
	services, err := s.kubernetes.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	for i := range services.Items {
		s.services = append(s.services, &services.Items[i])
	}
	return s, nil
}

// quiet keeps the log lines of what works beneath out of a command's output.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }

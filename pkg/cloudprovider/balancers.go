package cloudprovider

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/klog/v2"

	"underlay/pkg/loadbalancer"
)

// newBalancers makes the load balancer feature, or nil where cloud.conf turns it off.
func (p *Provider) newBalancers() *loadbalancer.Controller {
	o := p.options
	if !o.Config.LoadBalancer.Enabled {
		return nil
	}
	return loadbalancer.New(loadbalancer.Options{
		Cloud:        o.Client,
		Config:       o.Config.LoadBalancer,
		Classes:      o.Config.LoadBalancerClasses,
		ClusterCIDRs: p.decision.CIDRs,
		Identity:     identityOf(o.Kubernetes),
		ClusterName:  o.ClusterName,
		Kubernetes:   o.Kubernetes,
		Nodes:        p.listNodes,
		Services:     p.listServices,
		Events:       o.Events,
	})
}

// identityOf reads the UID of the kube-system namespace, which is the cluster's identity.
func identityOf(client kubernetes.Interface) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		namespace, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
		if err != nil {
			return "", fmt.Errorf("read namespace %s: %w", metav1.NamespaceSystem, err)
		}
		return string(namespace.UID), nil
	}
}

// listServices gives the Services of the informer, none before SetInformers.
func (p *Provider) listServices() []*v1.Service {
	lister := p.services.Load()
	if lister == nil {
		return nil
	}
	services, err := (*lister).List(labels.Everything())
	if err != nil {
		klog.Background().Error(err, "List Services of the informer")
		return nil
	}
	return services
}

// drainedBalancers is cloudprovider.LoadBalancer behind a drain.
type drainedBalancers struct {
	cloudprovider.LoadBalancer
	drain *drain
}

// EnsureLoadBalancer is refused while the process stops.
func (b drainedBalancers) EnsureLoadBalancer(ctx context.Context, clusterName string, service *v1.Service, nodes []*v1.Node) (*v1.LoadBalancerStatus, error) {
	if err := b.drain.enter(); err != nil {
		return nil, err
	}
	defer b.drain.leave()
	return b.LoadBalancer.EnsureLoadBalancer(ctx, clusterName, service, nodes)
}

// UpdateLoadBalancer is refused while the process stops.
func (b drainedBalancers) UpdateLoadBalancer(ctx context.Context, clusterName string, service *v1.Service, nodes []*v1.Node) error {
	if err := b.drain.enter(); err != nil {
		return err
	}
	defer b.drain.leave()
	return b.LoadBalancer.UpdateLoadBalancer(ctx, clusterName, service, nodes)
}

// EnsureLoadBalancerDeleted is refused while the process stops.
func (b drainedBalancers) EnsureLoadBalancerDeleted(ctx context.Context, clusterName string, service *v1.Service) error {
	if err := b.drain.enter(); err != nil {
		return err
	}
	defer b.drain.leave()
	return b.LoadBalancer.EnsureLoadBalancerDeleted(ctx, clusterName, service)
}

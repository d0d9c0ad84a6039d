package cloudprovider

import (
	"fmt"

	"k8s.io/client-go/informers"

	"underlay/pkg/attachments"
)

// StartAttachments frees the volumes of Nodes that are deleted from now on, where
// their servers are gone. It comes after Initialize and before the informers
// start, and ends with Stop.
func (p *Provider) StartAttachments(factory informers.SharedInformerFactory) error {
	nodes := factory.Core().V1().Nodes()
	controller := attachments.New(attachments.Options{
		Kubernetes: p.options.Kubernetes,
		Servers:    p.instances,
		NodeExists: func(name string) bool {
			_, err := nodes.Lister().Get(name)
			return err == nil
		},
		Events: p.options.Events,
	})
	if _, err := nodes.Informer().AddEventHandler(controller.NodeHandler()); err != nil {
		return fmt.Errorf("watch nodes for %s: %w", attachments.Name, err)
	}
	p.start(controller.Run)
	return nil
}

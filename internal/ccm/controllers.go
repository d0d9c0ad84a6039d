package ccm

import (
	"context"
	"fmt"
	"maps"

	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/app"
	appconfig "k8s.io/cloud-provider/app/config"
	controllermanager "k8s.io/controller-manager/app"
	"k8s.io/controller-manager/controller"

	"underlay/pkg/attachments"
	provider "underlay/pkg/cloudprovider"
)

// controllers are those that --controllers chooses from: the framework's and ours.
func controllers() map[string]app.ControllerInitFuncConstructor {
	all := maps.Clone(app.DefaultInitFuncConstructors)
	all[attachments.Name] = app.ControllerInitFuncConstructor{
		InitContext: app.ControllerInitContext{ClientName: attachments.Name},
		Constructor: attachmentsConstructor,
	}
	return all
}

func attachmentsConstructor(_ app.ControllerInitContext, config *appconfig.CompletedConfig, cloud cloudprovider.Interface) app.InitFunc {
	return func(context.Context, controllermanager.ControllerContext) (controller.Interface, bool, error) {
		p, ours := cloud.(*provider.Provider)
		if !ours {
			return nil, false, fmt.Errorf("start %s: the cloud provider is a %T", attachments.Name, cloud)
		}
		return nil, true, p.StartAttachments(config.SharedInformers)
	}
}

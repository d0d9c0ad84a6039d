package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/fatih/color"
	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/routes"
)

// exitChanges is the exit code of `underlay plan` when something would change.
const exitChanges = 2

// NewPlanCommand makes `underlay plan`.
func NewPlanCommand() *cobra.Command {
	o := &clusterOptions{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what the controller manager would change in the cloud now",
		Long: `Compares the nodes and Services of a cluster with the cloud, as the controller
manager does, and lists the steps that it would take: routes and address pairs
where --cluster-cidr is given, and the load balancer of each Service. It writes
nothing, neither to the cloud nor to the cluster, and may run beside a controller
manager or before the first one starts.

Give the flags that the controller manager has: another --cluster-name names
other load balancers.

Exit code: 0 nothing would change; 1 something could not be read, or a Service
asks for what cannot be done; 2 something would change.`,
		Example: "  underlay plan --cloud-config cloud.conf --kubeconfig ~/.kube/config --cluster-cidr 10.244.0.0/16",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.plan(quiet(cmd.Context()), cmd.OutOrStdout())
		},
	}
	o.flags(cmd)
	cmd.Flags().StringSliceVar(&o.clusterCIDR, "cluster-cidr", nil, "The controller manager's --cluster-cidr; without it routes are left out.")
	return cmd
}

// forecast is what would be done.
type forecast struct {
	routes    []step.Step
	noRoutes  string // why routes were not looked at
	services  []loadbalancer.Preview
	noService string // why load balancers were not looked at
}

func (o *clusterOptions) plan(ctx context.Context, out io.Writer) error {
	s, err := o.openScene(ctx)
	if err != nil {
		return err
	}
	f, err := o.forecast(ctx, s)
	if err != nil {
		return err
	}
	if o.output == "json" {
		if err := f.writeJSON(out); err != nil {
			return err
		}
	} else {
		f.show(out, newPage(out))
	}
	return f.verdict()
}

func (o *clusterOptions) forecast(ctx context.Context, s *scene) (*forecast, error) {
	f := &forecast{}
	var err error
	nodes := func() []*v1.Node { return s.nodes }
	switch {
	case len(o.ranges) > 0:
		controller := routes.New(routes.Options{
			Router: s.cloud, Ports: s.cloud, RouterID: s.config.Route.RouterID, ClusterCIDRs: o.ranges,
			Nodes: nodes, Ledger: routes.NewConfigMapLedger(s.kubernetes),
		})
		if f.routes, err = controller.Plan(ctx); err != nil {
			return nil, fmt.Errorf("plan routes: %w", err)
		}
	case s.config.Route.Present:
		f.noRoutes = "--cluster-cidr is missing"
	default:
		f.noRoutes = "cloud.conf has no [Route] section, and --cluster-cidr is missing"
	}
	if !s.config.LoadBalancer.Enabled {
		f.noService = "cloud.conf turns load balancers off"
		return f, nil
	}
	controller := loadbalancer.New(loadbalancer.Options{
		Cloud: thorough{s.cloud}, Config: s.config.LoadBalancer, Classes: s.config.LoadBalancerClasses, ClusterCIDRs: o.ranges,
		Identity:    func(context.Context) (string, error) { return s.uid, nil },
		ClusterName: o.clusterName, Kubernetes: s.kubernetes, Nodes: nodes,
		Services: func() []*v1.Service { return s.services },
	})
	if f.services, err = controller.Plan(ctx); err != nil {
		return nil, fmt.Errorf("plan load balancers: %w", err)
	}
	return f, nil
}

// thorough reads the members whole where a controller that goes on running is
// content with the status tree, and reads the rest in time.
type thorough struct{ loadbalancer.Cloud }

// StatusMembers gives members with all their fields: one call a pool more.
func (c thorough) StatusMembers(ctx context.Context, balancerID string) (map[string][]tree.Member, error) {
	all, err := c.Cloud.StatusMembers(ctx, balancerID)
	if err != nil {
		return nil, err
	}
	for pool := range all {
		if all[pool], err = c.Members(ctx, pool); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// changes counts the steps, troubles the Services that cannot be served.
func (f *forecast) changes() int {
	n := len(f.routes)
	for _, s := range f.services {
		n += len(s.Steps)
	}
	return n
}

func (f *forecast) troubles() int {
	n := 0
	for _, s := range f.services {
		if s.Err != nil {
			n++
		}
	}
	return n
}

func (f *forecast) verdict() error {
	switch {
	case f.troubles() > 0:
		return &ExitError{Code: 1}
	case f.changes() > 0:
		return &ExitError{Code: exitChanges}
	default:
		return nil
	}
}

func (f *forecast) show(out io.Writer, p *page) {
	number := 0
	list := func(steps []step.Step) {
		for _, s := range steps {
			number++
			line(out, "%s", p.hang(fmt.Sprintf("%3d. ", number), s.String()))
		}
	}
	switch {
	case f.noRoutes != "":
		line(out, "%s", p.paint("Routes were left out: "+f.noRoutes+".", color.Faint))
	case len(f.routes) > 0:
		line(out, "%s", p.paint("Routes", color.Bold))
		list(f.routes)
	}
	if f.noService != "" {
		line(out, "%s", p.paint("Load balancers were left out: "+f.noService+".", color.Faint))
	}
	for _, s := range f.services {
		if len(s.Steps) == 0 && s.Err == nil && len(s.Notices) == 0 {
			continue
		}
		line(out, "%s", p.paint("Service "+s.Service.String(), color.Bold))
		list(s.Steps)
		for _, notice := range s.Notices {
			line(out, "%s", p.paint(p.hang("     ", "Note: "+notice), color.FgYellow))
		}
		if s.Err != nil {
			line(out, "%s", p.paint(p.hang("     ", "Error: "+s.Err.Error()), color.FgRed))
		}
	}
	line(out, "%s", f.summary())
}

func (f *forecast) summary() string {
	text := "Nothing would change."
	if n := f.changes(); n > 0 {
		text = plural(n, "step") + " would be taken. Nothing was changed."
	}
	if n := f.troubles(); n > 0 {
		text += fmt.Sprintf(" %s cannot be served.", plural(n, "Service"))
	}
	return text
}

// writeJSON writes the forecast for programs; its keys are stable.
func (f *forecast) writeJSON(out io.Writer) error {
	type service struct {
		Service string   `json:"service"`
		Steps   []string `json:"steps"`
		Notices []string `json:"notices,omitempty"`
		Error   string   `json:"error,omitempty"`
	}
	texts := func(steps []step.Step) []string {
		all := []string{}
		for _, s := range steps {
			all = append(all, s.String())
		}
		return all
	}
	services := []service{}
	for _, s := range f.services {
		entry := service{Service: s.Service.String(), Steps: texts(s.Steps), Notices: s.Notices}
		if s.Err != nil {
			entry.Error = s.Err.Error()
		}
		services = append(services, entry)
	}
	return writeIndented(out, struct {
		Changes       int       `json:"changes"`
		Routes        []string  `json:"routes"`
		RoutesLeftOut string    `json:"routesLeftOut,omitempty"`
		Services      []service `json:"services"`
		LeftOut       string    `json:"servicesLeftOut,omitempty"`
	}{f.changes(), texts(f.routes), f.noRoutes, services, f.noService})
}

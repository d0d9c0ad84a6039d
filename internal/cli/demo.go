package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// demoOptions are the flags of `underlay demo`.
type demoOptions struct {
	once, keep, noColor, buildOnly bool
	nodes                          int
	kubeconfig, listen             string
	clusterCIDR                    string
	stageTimeout                   time.Duration
}

// NewDemoCommand makes `underlay demo`: the whole product at work on one machine.
func NewDemoCommand() *cobra.Command {
	o := &demoOptions{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show pod routes and a load balancer on a real Kubernetes and a simulated OpenStack",
		Long: `Starts a real Kubernetes control plane, a simulated OpenStack and the cloud
controller manager on loopback ports, has nodes join and leave and a Service of
type LoadBalancer served, and shows how the tenant router and the load balancer
follow. Needs no root, no containers and no cloud.

The first run builds Kubernetes from source, which takes 5 to 15 minutes on two
cores; the binaries stay in the cache folder for the next runs. Set
KUBEBUILDER_ASSETS to use ready ones.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.once, "once", false, "Stop after the last stage; exit 0 only when everything was right at every stage.")
	flags.IntVar(&o.nodes, "nodes", 3, "Nodes that join at first.")
	flags.BoolVar(&o.keep, "keep", false, "Keep the state folder with all logs at the end.")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "Use this cluster instead of starting one. It must allocate pod CIDRs and have no nodes.")
	flags.StringVar(&o.clusterCIDR, "cluster-cidr", "10.244.0.0/16", "Where pod CIDRs come from.")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "Address of the simulated OpenStack and its live page; port 0 = any free one.")
	flags.BoolVar(&o.noColor, "no-color", false, "Write plain text. Colors are also off when the output is no terminal, or NO_COLOR is set.")
	flags.BoolVar(&o.buildOnly, "build-only", false, "Build what the demo needs, and stop.")
	flags.DurationVar(&o.stageTimeout, "stage-timeout", 2*time.Minute, "How long one stage may take until everything is right.")
	return cmd
}

func runDemo(ctx context.Context, in io.Reader, out io.Writer, o *demoOptions) error {
	cidr, err := netip.ParsePrefix(o.clusterCIDR)
	switch {
	case err != nil:
		return fmt.Errorf("--cluster-cidr: %q is not a CIDR such as 10.244.0.0/16", o.clusterCIDR)
	case o.nodes < 1 || o.nodes > 25:
		return errors.New("--nodes: must be 1 to 25; a Neutron router takes 30 routes by default")
	}
	screen := newScreen(out, o.noColor)
	defer screen.close()
	d := &demo{options: o, screen: screen, in: in, clusterCIDR: cidr.Masked()}
	if o.buildOnly {
		return d.end(d.build(ctx))
	}
	dir, err := os.MkdirTemp("", "underlay-demo-")
	if err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	d.dir = dir
	err = d.show(ctx)
	if err = errors.Join(err, d.stop(ctx, err)); err == nil && o.once {
		screen.line("")
		screen.done("Every route, every address pair and the load balancer were right at every stage.")
	}
	return d.end(err)
}

// demo is one run.
type demo struct {
	options     *demoOptions
	screen      *screen
	in          io.Reader
	clusterCIDR netip.Prefix
	dir         string
	binaries    kube.Binaries
	world       *playground.Playground
	controller  *playground.Controller
	// joined is the number of the newest node.
	joined int
	// serving: the Service was created. told is what the screen says that it has.
	serving bool
	told    served
}

// end turns the outcome into the exit code; what went wrong has been shown.
func (d *demo) end(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return &ExitError{Code: 1, Err: errors.New("interrupted before the end")}
	default:
		d.screen.failure(err)
		return &ExitError{Code: 1}
	}
}

// show does everything up to the stop.
func (d *demo) show(ctx context.Context) error {
	d.screen.title("Underlay", "pod routes without an overlay network, and load balancers",
		"a real Kubernetes "+kube.KubernetesVersion+", a simulated OpenStack, one cloud controller manager")
	if err := d.start(ctx); err != nil {
		return err
	}
	for _, stage := range d.stages() {
		if err := d.play(ctx, stage); err != nil {
			return err
		}
	}
	if d.options.once {
		return nil
	}
	if err := d.handOver(ctx); err != nil {
		return err
	}
	return d.watch(ctx)
}

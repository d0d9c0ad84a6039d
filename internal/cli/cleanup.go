package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"

	"underlay/pkg/loadbalancer/leftovers"
)

// exitLeft is the exit code of `underlay cleanup` when something is left that it
// was not told to remove.
const exitLeft = 2

// cleanupOptions are the flags of `underlay cleanup`.
type cleanupOptions struct {
	cloudConfig, kubeconfig string
	clusterID, clusterName  string
	byName, yes, force      bool
	keepAddresses           bool
	strayPorts              bool
	volumeCluster           string
	deleteVolumes           bool
	clusterCIDR             []string
	router, output          string
	timeout                 time.Duration
	whose                   leftovers.Whose
	ranges                  []netip.Prefix
	// connect opens the cluster; nil is by kubeconfig.
	connect func(kubeconfig string) (kubernetes.Interface, error)
}

// NewCleanupCommand makes `underlay cleanup`.
func NewCleanupCommand() *cobra.Command {
	o := &cleanupOptions{}
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove what a cluster left in an OpenStack project",
		Long: `Lists what a cluster left in the project, and removes it when you say so: load
balancers, floating IPs, security groups and, with --cluster-cidr, router routes
and allowed address pairs. The cluster need not exist any more.

What carries the identity of the cluster, the UID of its kube-system namespace, is
found by --cluster-id. What carries but its name, as openstack-cloud-controller-manager
leaves it, is found by --cluster-name with --by-name. Routes and address pairs carry
neither: those inside --cluster-cidr are found. Nothing else is touched: nothing of
another cluster, no floating IP that a user made. Where others use a load balancer
as well, only the listeners and pools of the cluster go.

Volumes, snapshots and backups hold data: those whose metadata names the cluster,
as the CSI driver's --cluster, are listed and left alone, unless --delete-volumes is
given. One that is attached, or has a snapshot of somebody else's, stays.

Octavia leaves a port behind for each load balancer whose creation it refused.
Such a port carries no owner; it is only listed, unless --stray-ports is given.

Without --cluster-id, --by-name, --volume-cluster, --cluster-cidr and --stray-ports it
lists the clusters that have something in the project. Run it as often as you like.

Exit code: 0 nothing is left; 1 something could not be read or removed; 2 something
is left and was not to be removed, or the arguments cannot be used.`,
		Example: `  underlay cleanup --cloud-config cloud.conf
  underlay cleanup --cloud-config cloud.conf --cluster-id 0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11 --cluster-cidr 10.244.0.0/16
  underlay cleanup --cloud-config cloud.conf --cluster-name blue --by-name --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return &ExitError{Code: exitLeft, Err: err}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			return o.run(quiet(ctx), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *cleanupOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.cloudConfig, "cloud-config", "", "The cloud.conf that the cluster used.")
	flags.StringVar(&o.clusterID, "cluster-id", "", "The cluster, by the UID of its kube-system namespace.")
	flags.StringVar(&o.clusterName, "cluster-name", "", "The cluster's --cluster-name; with --by-name.")
	flags.BoolVar(&o.byName, "by-name", false, "Also take what has no identity, but the names that the cluster gives.")
	flags.StringSliceVar(&o.clusterCIDR, "cluster-cidr", nil, "Also remove routes and address pairs inside this CIDR. May be repeated.")
	flags.StringVar(&o.router, "router", "", "The router with the routes, by id; default the one in cloud.conf, else the only one with something inside.")
	flags.BoolVar(&o.keepAddresses, "keep-floating-ips", false, "Leave the floating IPs to the project.")
	flags.BoolVar(&o.strayPorts, "stray-ports", false, "Also remove ports that Octavia made, ten minutes ago or more, for load balancers that are not there.")
	flags.StringVar(&o.volumeCluster, "volume-cluster", "", "The CSI driver's --cluster; default the value of --cluster-id, and of --cluster-name.")
	flags.BoolVar(&o.deleteVolumes, "delete-volumes", false, "Also delete the cluster's volumes, snapshots and backups, with all data.")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "Refuse if this cluster answers and may be the one to remove.")
	flags.BoolVar(&o.force, "force", false, "Go on although the cluster lives.")
	flags.BoolVarP(&o.yes, "yes", "y", false, "Remove without asking.")
	flags.DurationVar(&o.timeout, "timeout", time.Hour, "Give up after this time.")
	flags.StringVarP(&o.output, "output", "o", "text", "text or json; json removes only with --yes.")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &ExitError{Code: exitLeft, Err: err} })
}

// check reads the flags.
func (o *cleanupOptions) check() error {
	var problems []error
	problem := func(bad bool, text string) {
		if bad {
			problems = append(problems, errors.New(text))
		}
	}
	problem(o.byName && o.clusterName == "", "--by-name needs --cluster-name")
	problem(o.clusterName != "" && !o.byName, "--cluster-name proves nothing, two clusters may have the same: add --by-name if no other cluster of the project has it")
	problem(o.router != "" && len(o.clusterCIDR) == 0, "--router needs --cluster-cidr")
	problem(o.deleteVolumes && o.clusterID == "" && !o.byName && o.volumeCluster == "", "--delete-volumes needs --cluster-id, --by-name or --volume-cluster: whose volumes?")
	problem(o.timeout <= 0, "--timeout: must be more than 0")
	var err error
	o.ranges, err = parseCIDRs(o.clusterCIDR)
	problems = append(problems, err, checkFormat(o.output))
	o.whose = leftovers.Whose{UID: o.clusterID, Name: o.clusterName}
	return errors.Join(problems...)
}

func (o *cleanupOptions) run(ctx context.Context, in io.Reader, out io.Writer) error {
	cfg, client, err := openCloud(o.cloudConfig)
	if err != nil {
		return err
	}
	project, err := leftovers.Look(ctx, client)
	if err != nil {
		return err
	}
	store := openStorage(cfg, client)
	if o.whose == (leftovers.Whose{}) && len(o.ranges) == 0 && !o.strayPorts && o.volumeCluster == "" {
		volumes, err := countVolumes(ctx, store)
		if err != nil {
			return err
		}
		return o.listClusters(out, leftovers.Clusters(project), volumes)
	}
	if err := o.refuseLiving(ctx, out); err != nil {
		return err
	}
	if o.router == "" {
		o.router = cfg.Route.RouterID
	}
	work, err := o.find(ctx, client, store, project)
	if err != nil {
		return err
	}
	return o.carryOut(ctx, in, out, work)
}

// carryOut shows the work, has it confirmed, does it, and says how it went.
func (o *cleanupOptions) carryOut(ctx context.Context, in io.Reader, out io.Writer, work *cleaning) error {
	if o.output == "json" {
		if o.yes {
			work.run(ctx, func(*chore) {})
		}
		if err := work.writeJSON(out); err != nil {
			return err
		}
		return work.verdict()
	}
	p := newPage(out)
	work.list(out, p)
	switch {
	case len(work.all()) == 0:
		return nil
	case o.yes:
	case !interactive(in):
		line(out, "\nNothing was removed. Add --yes to remove all this.")
		return &ExitError{Code: exitLeft}
	case !agreed(in, out):
		line(out, "Nothing was removed.")
		return &ExitError{Code: exitLeft}
	}
	line(out, "")
	work.run(ctx, func(c *chore) { line(out, "%s", c.outcome(p)) })
	line(out, "")
	p.say(out, "%s", work.summary())
	return work.verdict()
}

// refuseLiving keeps a cluster that lives from losing what it uses.
func (o *cleanupOptions) refuseLiving(ctx context.Context, out io.Writer) error {
	if o.kubeconfig == "" {
		return nil
	}
	connect := o.connect
	if connect == nil {
		connect = openCluster
	}
	cluster, err := connect(o.kubeconfig)
	if err != nil {
		return err
	}
	uid, err := clusterUID(ctx, cluster)
	switch {
	case err != nil:
		return o.refuseSilent(out, err)
	case o.clusterID != "" && o.clusterID != uid && !o.byName && len(o.ranges) == 0:
		return nil // it is another
	case o.force:
		o.remark(out, "Warning: cluster %s lives. It makes again what is removed here, until it is stopped.", uid)
		return nil
	default:
		return &ExitError{Code: exitLeft, Err: fmt.Errorf("cluster %s lives, and may be the one that uses this: "+
			"delete its Services and stop its controllers first, or add --force", uid)}
	}
}

// refuseSilent decides about a cluster that does not say which it is.
func (o *cleanupOptions) refuseSilent(out io.Writer, err error) error {
	switch {
	case !answered(err):
		o.remark(out, "The cluster does not answer, and is taken to be gone: %v", err)
		return nil
	case o.force:
		o.remark(out, "Warning: a cluster answers, and it is not known which: %v", err)
		return nil
	default:
		return &ExitError{Code: exitLeft, Err: fmt.Errorf("a cluster answers, and may be the one that uses this, "+
			"but it does not say which it is: correct the kubeconfig, or add --force: %w", err)}
	}
}

// answered says that an API server is there, though it refuses, or though nobody
// knows whose it is.
func answered(err error) bool {
	var refusal apierrors.APIStatus
	var stranger *tls.CertificateVerificationError
	return errors.As(err, &refusal) || errors.As(err, &stranger)
}

// remark says something beside the list, which json has no place for.
func (o *cleanupOptions) remark(out io.Writer, format string, args ...any) {
	if o.output == "text" {
		line(out, format+"\n", args...)
	}
}

// interactive says that somebody sits there.
func interactive(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// agreed asks, and takes nothing but "yes" for it.
func agreed(in io.Reader, out io.Writer) bool {
	_, _ = fmt.Fprint(out, "\nRemove all this? Type yes: ")
	var answer string
	_, err := fmt.Fscanln(in, &answer)
	return err == nil && answer == "yes"
}

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
)

// NewStatusCommand makes `underlay status`.
func NewStatusCommand() *cobra.Command {
	o := &clusterOptions{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show each Service with its load balancer, each node with its route, and each volume",
		Long: `Shows the Services of type LoadBalancer with their addresses, listeners, members
that are healthy of all, and Octavia's word on the load balancer; and the nodes
with their pod CIDRs and the routes that lead to them; and the PersistentVolumes on
Cinder with the status of their volumes, and the nodes that have them. It only reads.

A member counts as healthy when Octavia says ONLINE, or NO_MONITOR where nothing
watches it. A route is "ok" when it leads to an address of the node. A volume that
Cinder does not know is "gone".

Exit code: 0 it could be read; 1 something could not be read.`,
		Example: "  underlay status --cloud-config cloud.conf --kubeconfig ~/.kube/config",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.status(quiet(cmd.Context()), cmd.OutOrStdout())
		},
	}
	o.flags(cmd)
	return cmd
}

// serviceStatus is one Service as status shows it.
type serviceStatus struct {
	Service   string   `json:"service"`
	Addresses []string `json:"addresses"`
	// Balancer is the id of the load balancer, "" while there is none.
	Balancer     string   `json:"loadBalancer"`
	Provisioning string   `json:"provisioningStatus"`
	Operating    string   `json:"operatingStatus"`
	Listeners    []string `json:"listeners"`
	Healthy      int      `json:"healthyMembers"`
	Members      int      `json:"members"`
}

// nodeStatus is one pod CIDR of a node; a node without one has CIDR "".
type nodeStatus struct {
	Node  string `json:"node"`
	Ready bool   `json:"ready"`
	CIDR  string `json:"podCIDR"`
	// NextHop is where the route leads, "" without a route; OK says that this is the node.
	NextHop string `json:"nextHop"`
	OK      bool   `json:"routeOK"`
}

func (o *clusterOptions) status(ctx context.Context, out io.Writer) error {
	s, err := o.openScene(ctx)
	if err != nil {
		return err
	}
	services, err := o.serviceStatuses(ctx, s)
	if err != nil {
		return err
	}
	nodes, err := nodeStatuses(ctx, s)
	if err != nil {
		return err
	}
	volumes, err := volumeStatuses(ctx, s)
	if err != nil {
		return err
	}
	if o.output == "json" {
		return writeIndented(out, struct {
			Services []serviceStatus `json:"services"`
			Nodes    []nodeStatus    `json:"nodes"`
			Volumes  []volumeStatus  `json:"volumes"`
		}{services, nodes, volumes})
	}
	p := newPage(out)
	showServices(out, p, services)
	line(out, "")
	showNodes(out, p, nodes)
	showVolumes(out, p, volumes)
	return nil
}

var (
	fine  = []color.Attribute{color.FgGreen}
	wrong = []color.Attribute{color.FgRed}
	fair  = []color.Attribute{color.FgYellow}
)

func showServices(out io.Writer, p *page, all []serviceStatus) {
	if len(all) == 0 {
		line(out, "No Service of type LoadBalancer.")
		return
	}
	t := &table{head: []string{"SERVICE", "ADDRESSES", "LISTENERS", "MEMBERS", "LOAD BALANCER"}}
	for _, s := range all {
		t.add(plain(s.Service), plain(orDash(s.Addresses)), plain(orDash(s.Listeners)), s.members(), s.word())
	}
	t.write(out, p)
}

// members is "2/3", red when none is healthy.
func (s *serviceStatus) members() cell {
	text := fmt.Sprintf("%d/%d", s.Healthy, s.Members)
	switch {
	case s.Balancer == "":
		return plain("-")
	case s.Healthy == 0:
		return cell{text, wrong}
	case s.Healthy < s.Members:
		return cell{text, fair}
	default:
		return cell{text, fine}
	}
}

// word is Octavia's word: the operating status of one that is ACTIVE, else both.
func (s *serviceStatus) word() cell {
	switch {
	case s.Balancer == "":
		return cell{"none yet", fair}
	case s.Provisioning == "ERROR":
		return cell{"ERROR", wrong}
	case s.Provisioning != "ACTIVE":
		return cell{s.Provisioning + ", " + s.Operating, fair}
	case s.Operating == "ERROR":
		return cell{"members fail", wrong}
	case s.Operating == "ONLINE", s.Operating == "NO_MONITOR":
		return cell{s.Operating, fine}
	default:
		return cell{s.Operating, fair}
	}
}

func showNodes(out io.Writer, p *page, all []nodeStatus) {
	if len(all) == 0 {
		line(out, "No node.")
		return
	}
	t := &table{head: []string{"NODE", "READY", "POD CIDR", "ROUTE"}}
	for _, n := range all {
		ready, cidr := cell{"yes", fine}, n.CIDR
		if !n.Ready {
			ready = cell{"no", wrong}
		}
		if cidr == "" {
			cidr = "-"
		}
		t.add(plain(n.Node), ready, plain(cidr), n.route())
	}
	t.write(out, p)
}

func (n *nodeStatus) route() cell {
	switch {
	case n.CIDR == "":
		return plain("-")
	case n.OK:
		return cell{"ok, via " + n.NextHop, fine}
	case n.NextHop != "":
		return cell{"wrong, via " + n.NextHop, wrong}
	default:
		return cell{"none", fair}
	}
}

func orDash(texts []string) string {
	if len(texts) == 0 {
		return "-"
	}
	return strings.Join(texts, " ")
}

// isReady says that the kubelet reports and has no complaint.
func isReady(node *v1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c v1.NodeCondition) bool {
		return c.Type == v1.NodeReady && c.Status == v1.ConditionTrue
	})
}

package cli

import (
	"cmp"
	"io"
	"strconv"
	"strings"

	"underlay/pkg/loadbalancer/leftovers"
)

// listClusters shows who has something in the project.
func (o *cleanupOptions) listClusters(out io.Writer, clusters []leftovers.Cluster, volumes []volumeCount) error {
	var verdict error
	if len(clusters)+len(volumes) > 0 {
		verdict = &ExitError{Code: exitLeft}
	}
	if o.output == "json" {
		if err := writeClusters(out, clusters, volumes); err != nil {
			return err
		}
		return verdict
	}
	p := newPage(out)
	if len(clusters) == 0 {
		p.say(out, "No cluster has a load balancer, a floating IP or a security group in this project.")
	} else {
		showClusters(out, p, clusters)
	}
	for _, v := range volumes {
		p.say(out, "%s of the CSI driver's cluster %s: see them with --volume-cluster %s.", plural(v.Volumes, "volume"), v.Cluster, v.Cluster)
	}
	p.say(out, "Routes and address pairs carry no owner: add --cluster-cidr to look for them.")
	return verdict
}

func showClusters(out io.Writer, p *page, clusters []leftovers.Cluster) {
	t := &table{head: []string{"CLUSTER ID", "NAME", "BALANCERS", "ADDRESSES", "GROUPS"}}
	unproved := false
	for _, c := range clusters {
		t.add(plain(cmp.Or(c.UID, "-")), plain(strings.Join(c.Names, ",")),
			plain(strconv.Itoa(c.Balancers)), plain(strconv.Itoa(c.FloatingIPs)), plain(strconv.Itoa(c.Groups)))
		unproved = unproved || c.UID == ""
	}
	t.write(out, p)
	line(out, "\nNothing was removed. See what one cluster left with --cluster-id ID.")
	if unproved {
		line(out, "One without an id is known by its name alone: --cluster-name NAME --by-name.")
	}
}

func writeClusters(out io.Writer, clusters []leftovers.Cluster, volumes []volumeCount) error {
	type entry struct {
		ID             string   `json:"id"`
		Names          []string `json:"names"`
		LoadBalancers  int      `json:"loadBalancers"`
		FloatingIPs    int      `json:"floatingIPs"`
		SecurityGroups int      `json:"securityGroups"`
	}
	entries := []entry{}
	for _, c := range clusters {
		entries = append(entries, entry{c.UID, append([]string{}, c.Names...), c.Balancers, c.FloatingIPs, c.Groups})
	}
	return writeIndented(out, struct {
		Clusters []entry       `json:"clusters"`
		Volumes  []volumeCount `json:"volumes"`
	}{entries, volumes})
}

package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"underlay/internal/playground"
)

// stage is one thing that happens to the cluster.
type stage struct {
	title string
	do    func(ctx context.Context) error
}

func nodeName(n int) string { return fmt.Sprintf("node-%d", n) }

func (d *demo) stages() []stage {
	join := func(from, to int) func(context.Context) error {
		return func(ctx context.Context) error {
			for n := from; n <= to; n++ {
				d.joined = n
				if _, err := d.world.Join(ctx, nodeName(n)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	first := d.options.nodes
	newcomer, leaver := nodeName(first+1), nodeName(min(2, first))
	return []stage{
		{title: counted(first, "node") + joins(first), do: join(1, first)},
		{title: "One more joins: " + newcomer, do: join(first+1, first+1)},
		{title: "A Service of type LoadBalancer: " + serviceName, do: d.serve},
		{title: "One leaves: " + leaver, do: func(ctx context.Context) error { return d.world.Leave(ctx, leaver) }},
	}
}

func joins(n int) string {
	if n == 1 {
		return " joins"
	}
	return " join"
}

// actTimeout bounds the few calls that begin a stage. The stage's own time, to be
// right again, starts after them: a slow API server takes nothing of it.
const actTimeout = 30 * time.Second

// begin looks at the world, and then does what the stage is about.
func (d *demo) begin(ctx context.Context, stage stage) (playground.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	before, err := d.world.Observe(ctx)
	if err != nil {
		return playground.Observation{}, err
	}
	d.world.Cloud.ResetCalls()
	return before, stage.do(ctx)
}

// play does one stage, shows what happens, and ends when everything is right.
func (d *demo) play(ctx context.Context, stage stage) error {
	d.screen.section(stage.title)
	began := time.Now()
	before, err := d.begin(ctx, stage)
	if err != nil {
		return fmt.Errorf("stage %q: %w", stage.title, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.options.stageTimeout)
	defer cancel()
	last := before
	err = d.world.Settle(ctx, func(now playground.Observation) {
		d.screen.events(time.Since(began), changes(last, now))
		last = now
		_ = d.tellService(ctx, began) // it is told until it is right, below
		if problems := now.Problems(1); len(problems) > 0 {
			d.screen.status("waiting: " + problems[0])
		}
	})
	d.screen.status("")
	if table := tableOf(before, last); !d.serving || !sameRoutes(before, last) {
		d.screen.routeTable(table)
	}
	if err == nil && d.serving {
		err = d.settleService(ctx, began)
	}
	if err != nil {
		d.screen.quote(d.controller.LogTail(10))
		return fmt.Errorf("stage %q: %w", stage.title, err)
	}
	d.screen.done(d.summary(last))
	return nil
}

// summary says that all is right, and what it cost.
func (d *demo) summary(o playground.Observation) string {
	reads, routerWrites, portWrites, balancerWrites := 0, 0, 0, 0
	for _, call := range d.world.Cloud.Calls() {
		switch {
		case call.Method == http.MethodGet || call.Method == http.MethodHead:
			reads++
		case strings.Contains(call.Pattern, "/routers/"):
			routerWrites++
		case strings.Contains(call.Pattern, "/ports/"):
			portWrites++
		case call.Service == "load-balancer" || strings.Contains(call.Pattern, "/floatingips"):
			balancerWrites++
		}
	}
	routes, pairs := 0, 0
	for _, route := range o.Routes {
		if route.Ours {
			routes++
		}
	}
	for _, node := range o.Nodes {
		pairs += len(node.Pairs)
	}
	text := fmt.Sprintf("%s, %s, %s: all right.  OpenStack calls: %s, %s, %s",
		counted(len(o.Nodes), "node"), counted(routes, "route"), counted(pairs, "address pair"),
		counted(reads, "read"), counted(routerWrites, "router write"), counted(portWrites, "port write"))
	if d.serving {
		text += ", " + counted(balancerWrites, "LB write")
	}
	return text
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

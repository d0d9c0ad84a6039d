package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// controllerLabel is how the product's own binary is called on the screen.
const controllerLabel = "Cloud controller manager"

// build makes the upstream programs that are missing.
func (d *demo) build(ctx context.Context) error {
	return d.screen.step("Kubernetes and etcd", func(say func(string)) (string, error) {
		built := false
		hint := func(p kube.Progress) {
			if p.Phase == kube.Found {
				return
			}
			if !built {
				built = true
				d.screen.note(kube.BuildHint)
			}
			say(bar(p) + p.Describe())
		}
		var err error
		if d.binaries, err = kube.Build(ctx, hint); err != nil {
			return "", err
		}
		where := tilde(filepath.Dir(d.binaries[kube.APIServer]))
		if built {
			return "built into " + where, nil
		}
		return "ready in " + where, nil
	})
}

// bar draws how far the compilation of one program is.
func bar(p kube.Progress) string {
	const width = 20
	if p.Phase != kube.Compiling || p.Total == 0 {
		return ""
	}
	full := min(p.Done, p.Total) * width / p.Total
	return strings.Repeat("█", full) + strings.Repeat("░", width-full) + " "
}

// start brings the world up, one line a part.
func (d *demo) start(ctx context.Context) error {
	opts := playground.Options{
		Dir: d.dir, Listen: d.options.listen, Kubeconfig: d.options.kubeconfig,
		ClusterCIDRs: []netip.Prefix{d.clusterCIDR},
	}
	var err error
	if opts.Kubeconfig == "" {
		if err := d.build(ctx); err != nil {
			return err
		}
		opts.Binaries = d.binaries
	}
	err = d.screen.step(controllerLabel, func(say func(string)) (string, error) {
		say("looking for it, or building it")
		opts.Controller, err = playground.FindController(ctx)
		return tilde(opts.Controller), err
	})
	if err != nil {
		return err
	}
	err = d.screen.step("OpenStack, simulated", func(func(string)) (string, error) {
		d.world, err = playground.OpenCloud(ctx, opts)
		if err != nil {
			return "", err
		}
		return d.screen.paint(link, d.world.URL+"/") + "  live page", nil
	})
	if err != nil {
		return err
	}
	if err := d.startCluster(ctx); err != nil {
		return err
	}
	return d.startController(ctx)
}

func (d *demo) startCluster(ctx context.Context) error {
	label, parts := "Control plane", strings.Join([]string{kube.Etcd, kube.APIServer, kube.ControllerManager}, ", ")
	if d.options.kubeconfig != "" {
		label, parts = "Your cluster", tilde(d.options.kubeconfig)
	}
	return d.screen.step(label, func(say func(string)) (string, error) {
		say("starting " + parts)
		return parts, d.world.StartCluster(ctx)
	})
}

func (d *demo) startController(ctx context.Context) error {
	return d.screen.step(controllerLabel, func(say func(string)) (string, error) {
		say("starting, and waiting for the leader lease")
		var err error
		if d.controller, err = d.world.StartController(ctx, playground.ControllerSpec{Name: playground.ControllerName}); err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err := d.world.AwaitLeader(ctx, d.controller, ""); err != nil {
			return "", err
		}
		return fmt.Sprintf("leads, as process %d", d.controller.PID()), nil
	})
}

// stop ends the world in order, and removes the state folder unless it tells
// why something failed.
func (d *demo) stop(ctx context.Context, failed error) error {
	var err error
	if d.world != nil {
		d.screen.section("Clean stop")
		err = d.stopWorld(ctx)
	}
	telling := d.world != nil && (err != nil || failed != nil && !errors.Is(failed, context.Canceled))
	if d.options.keep || telling {
		d.screen.note("Logs are in " + filepath.Join(d.dir, "log"))
		return err
	}
	return d.screen.step("State folder", func(func(string)) (string, error) {
		return "removed", os.RemoveAll(d.dir)
	})
}

// stopWorld works after Ctrl-C too, when the context has ended.
func (d *demo) stopWorld(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*playground.StopGrace)
	defer cancel()
	defer func() { err = errors.Join(err, d.world.Close(ctx)) }()
	if d.serving && d.controller != nil && d.controller.Running() {
		if err := d.stopService(ctx); err != nil {
			return err
		}
	}
	d.world.StopNodes()
	if d.controller != nil {
		if err := d.stopController(ctx); err != nil {
			return err
		}
	}
	label, done := "Control plane", "stopped"
	if d.options.kubeconfig != "" {
		label, done = "Your cluster", "the demo's nodes removed"
	}
	if d.world.Client == nil {
		return nil
	}
	return d.screen.step(label, func(say func(string)) (string, error) {
		say("stopping")
		return done, d.world.StopCluster(ctx)
	})
}

func (d *demo) stopController(ctx context.Context) error {
	return d.screen.step(controllerLabel, func(say func(string)) (string, error) {
		if !d.controller.Running() {
			return "", d.controller.Err()
		}
		say("stopping")
		if err := d.controller.Stop(playground.StopGrace); err != nil {
			return "", err
		}
		leader, err := d.world.Leader(ctx)
		if err == nil && leader != "" {
			err = fmt.Errorf("the leader lease is still held by %s", leader)
		}
		return "stopped, leader lease released", err
	})
}

// tilde shortens the home folder.
func tilde(path string) string {
	home, err := os.UserHomeDir()
	if err != nil || home == "/" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok {
		return filepath.Join("~", rest)
	}
	return path
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"underlay/pkg/simulator"
	"underlay/test/process"
)

// driver is the driver's process.
type driver struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	conn *grpc.ClientConn
	http string
}

// services are the ways to run the driver, by the manifests whose flags it gets.
var services = []struct {
	name      string
	manifests []string
}{
	{"controller service", []string{"controller.yaml"}},
	{"node service", []string{"node.yaml"}},
	{"both in one process", []string{"controller.yaml", "node.yaml"}},
}

// startDriver runs the driver with the flags of manifests, but with files and
// addresses of this machine.
func startDriver(ctx context.Context, s settings, w *world, dir, name string, manifests ...string) (*driver, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	conf, socket := filepath.Join(dir, "cloud.conf"), filepath.Join(dir, "csi.sock")
	if err := os.WriteFile(conf, []byte(w.CloudConf(w.url)), 0o600); err != nil {
		return nil, err
	}
	args, err := argsOf(s.manifests, manifests, map[string]string{
		"endpoint": "unix://" + socket, "cloud-config": conf, "cluster": "cost", "http-endpoint": address, "registration-folder": dir,
	})
	if err != nil {
		return nil, err
	}
	d := &driver{name: name, http: "http://" + address}
	if d.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	args = append(args, "--metadata-url="+simulator.MetadataURL(w.url, w.nodes[0]))
	d.cmd = exec.CommandContext(context.WithoutCancel(ctx), s.driver, args...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	d.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OS_") || strings.HasPrefix(v, "GO") })
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(err, d.log.Close())
	}
	d.conn, err = grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err == nil {
		err = d.ready(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the %s: %w", name, err), d.stop())
	}
	return d, nil
}

// argsOf are the arguments of the first container of manifests. Those that say
// which service is not provided are left out where both are.
func argsOf(folder string, manifests []string, replaced map[string]string) ([]string, error) {
	var args []string
	for _, name := range manifests {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		var workload appsv1.DaemonSet // a Deployment has its template in the same place
		first, _, _ := strings.Cut(string(text), "\n---\n")
		if err := yaml.Unmarshal([]byte(first), &workload); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		containers := workload.Spec.Template.Spec.Containers
		if len(containers) == 0 {
			return nil, fmt.Errorf("%s has no container", name)
		}
		for _, arg := range containers[0].Args {
			key, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			if value, found := replaced[key]; found {
				arg = "--" + key + "=" + value
			}
			if len(manifests) == 1 || !strings.HasPrefix(key, "provide-") && !slices.Contains(args, arg) {
				args = append(args, arg)
			}
		}
	}
	return args, nil
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ready waits until the driver answers.
func (d *driver) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := d.probe(ctx, "/healthz")
		if err == nil {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return errors.Join(errors.New("it does not answer"), err)
		}
	}
}

// probe gets a page of the driver, as the kubelet and Prometheus do.
func (d *driver) probe(ctx context.Context, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.http+path, nil)
	if err != nil {
		return err
	}
	request.Close = true // a kubelet keeps no connection either
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return nil
}

func (d *driver) usage() (process.Use, error) { return process.Usage(d.cmd.Process.Pid) }

func (d *driver) stop() error {
	if d.conn != nil {
		_ = d.conn.Close()
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return errors.Join(d.cmd.Wait(), d.log.Close())
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

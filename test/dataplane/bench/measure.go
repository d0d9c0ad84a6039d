package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// metric is something that is measured: its name in JSON, and its row of the table.
type metric struct{ name, row string }

var (
	throughput  = metric{"throughput_gbit_s", "TCP throughput, Gbit/s"}
	cost        = metric{"throughput_cpu_s_per_gb", "  CPU time, all of the machine, s per GB"}
	wireSpeed   = metric{"mtu_packets_gbit_s", "the same in packets of the MTU, Gbit/s"}
	wireCost    = metric{"mtu_packets_cpu_s_per_gb", "  CPU time, all of the machine, s per GB"}
	latencyHalf = metric{"round_trip_p50_us", "TCP round trip of 64 bytes, p50, µs"}
	latencyMost = metric{"round_trip_p99_us", "  p99, µs"}
	restCPU     = metric{"rest_cpu_percent", "CPU at rest, all of the machine, %"}
	daemonCPU   = metric{"daemon_cpu_ms_per_min", "network daemon: CPU, ms per minute"}
	daemonRSS   = metric{"daemon_resident_mib", "  resident memory, MiB on a node"}
	podMTU      = metric{"pod_mtu", "MTU of a pod, bytes"}
	metrics     = []metric{throughput, cost, wireSpeed, wireCost, latencyHalf, latencyMost, restCPU, daemonCPU, daemonRSS, podMTU}
)

// exchanges are those of one measurement of latency.
const exchanges = 30000

// measure takes every metric once, on a plane that is installed.
func (c *cluster) measure(ctx context.Context, p plane, seconds int, say func(string)) (map[string]float64, error) {
	pods, err := c.startPods(ctx)
	if err != nil {
		return nil, err
	}
	from, to := pods[0], pods[1]
	got := map[string]float64{}
	steps := []struct {
		what string
		do   func() error
	}{
		{"at rest", func() error { return c.rest(ctx, p, seconds, got) }},
		{"latency", func() error { return c.latency(ctx, from, to, got) }},
		{"throughput", func() error { return c.stream(ctx, from, to, seconds, got, throughput, cost) }},
		{"throughput in packets of the MTU", func() error {
			// Without this, one packet of 64 KiB crosses all of the virtual wires.
			if _, err := from.ip(ctx, "link", "set", "dev", "eth0", "gso_max_segs", "1"); err != nil {
				return err
			}
			return c.stream(ctx, from, to, seconds, got, wireSpeed, wireCost)
		}},
		{"size", func() error { return size(ctx, from, got) }},
	}
	for _, step := range steps {
		say(step.what)
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("measure %s: %s: %w", p.name, step.what, err)
		}
	}
	return got, c.stopPods(ctx)
}

// stream sends as much as it can from one pod to the other.
func (c *cluster) stream(ctx context.Context, from, to pod, seconds int, got map[string]float64, speed, price metric) error {
	before, err := machineTime()
	if err != nil {
		return err
	}
	// Only standard output: iperf3 --json writes its errors there too.
	out, err := c.Kubectl(ctx, "exec", from.name, "-c", "iperf3", "--", "/usr/bin/iperf3", "--json", "--client", to.address, "--time", strconv.Itoa(seconds))
	if err != nil {
		return err
	}
	after, err := machineTime()
	if err != nil {
		return err
	}
	var said struct {
		End struct {
			Received struct {
				Bytes float64 `json:"bytes"`
				Speed float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		return fmt.Errorf("read what iperf3 said: %w: %.300s", err, out)
	}
	if said.End.Received.Bytes == 0 {
		return fmt.Errorf("iperf3 sent nothing: %.300s", out)
	}
	got[speed.name] = said.End.Received.Speed / 1e9
	got[price.name] = (after.busy - before.busy).Seconds() / (said.End.Received.Bytes / 1e9)
	return nil
}

// latency is that of a small question and its answer on an open connection.
func (c *cluster) latency(ctx context.Context, from, to pod, got map[string]float64) error {
	out, err := c.Kubectl(ctx, "exec", from.name, "-c", "probe", "--", "/probe", "pingpong", to.address, strconv.Itoa(exchanges))
	if err != nil {
		return err
	}
	var said struct {
		P50 float64 `json:"p50_us"`
		P99 float64 `json:"p99_us"`
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		return fmt.Errorf("read the latency: %w: %.300s", err, out)
	}
	got[latencyHalf.name], got[latencyMost.name] = said.P50, said.P99
	return nil
}

// rest is what the machine and the network's daemon do while no pod sends.
func (c *cluster) rest(ctx context.Context, p plane, seconds int, got map[string]float64) error {
	before, err := machineTime()
	if err != nil {
		return err
	}
	daemonBefore, _, err := c.daemonUse(ctx, p)
	if err != nil {
		return err
	}
	began := time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(seconds) * time.Second):
	}
	daemonAfter, resident, err := c.daemonUse(ctx, p)
	if err != nil {
		return err
	}
	elapsed := time.Since(began)
	after, err := machineTime()
	if err != nil {
		return err
	}
	got[restCPU.name] = 100 * float64(after.busy-before.busy) / float64(after.all-before.all)
	got[daemonCPU.name] = float64((daemonAfter - daemonBefore).Milliseconds()) / elapsed.Minutes()
	got[daemonRSS.name] = resident
	return nil
}

// size is the MTU of a pod's interface.
func size(ctx context.Context, in pod, got map[string]float64) error {
	out, err := in.ip(ctx, "-json", "link", "show", "dev", "eth0")
	if err != nil {
		return err
	}
	var links []struct{ MTU float64 }
	if err := json.Unmarshal([]byte(strings.TrimSpace(out)), &links); err != nil || len(links) != 1 {
		return fmt.Errorf("read the MTU: %w: %s", err, out)
	}
	got[podMTU.name] = links[0].MTU
	return nil
}

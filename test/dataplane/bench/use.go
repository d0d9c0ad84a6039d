package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"underlay/test/nodes/lab"
)

// tick is the unit of the kernel's times in /proc: USER_HZ is 100 everywhere.
const tick = 10 * time.Millisecond

// processorTime is the time of all processors since the machine has started.
type processorTime struct{ busy, all time.Duration }

// machineTime reads the first line of /proc/stat (proc(5)): user, nice, system,
// idle, iowait, irq, softirq, steal; what follows is part of user and nice.
func machineTime() (processorTime, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return processorTime{}, err
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return parseMachineTime(line)
}

func parseMachineTime(line string) (processorTime, error) {
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return processorTime{}, fmt.Errorf("read /proc/stat: unknown line %q", line)
	}
	var sum processorTime
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return processorTime{}, fmt.Errorf("read /proc/stat: %w", err)
		}
		sum.all += time.Duration(ticks) * tick
		if idle := i == 3 || i == 4; !idle {
			sum.busy += time.Duration(ticks) * tick
		}
	}
	return sum, nil
}

// daemonUse is the processor time that a plane's daemons on all nodes have used, and
// the resident memory of the largest one in MiB; zeros when the plane has none.
func (c *cluster) daemonUse(ctx context.Context, p plane) (used time.Duration, resident float64, err error) {
	if p.daemon == "" {
		return 0, 0, nil
	}
	for _, m := range c.Machines() {
		own, size, err := processUse(ctx, m, p.daemon)
		if err != nil {
			return 0, 0, err
		}
		used += own
		resident = max(resident, size)
	}
	return used, resident, nil
}

// processUse asks a machine for its process of that name.
func processUse(ctx context.Context, m *lab.Machine, name string) (used time.Duration, resident float64, err error) {
	out, err := m.Exec(ctx, "sh", "-euc", `pid=$(pidof -s "$1"); cut -d' ' -f14,15 "/proc/$pid/stat"; grep VmRSS "/proc/$pid/status" | tr -dc '0-9\n'`, "use", name)
	if err != nil {
		return 0, 0, err
	}
	var user, system, kib int64
	if _, err := fmt.Sscan(out, &user, &system, &kib); err != nil {
		return 0, 0, fmt.Errorf("read what %s uses on %s: %w: %q", name, m.Name, err, out)
	}
	return time.Duration(user+system) * tick, float64(kib) / 1024, nil
}

// Package process reads what a running program costs.
package process

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// Use is what a process has used.
type Use struct {
	// CPU is its processor time since it began, in seconds.
	CPU float64
	// Memory and Peak are its resident memory in MiB, now and at most since it
	// began. Own is that part of Memory which is no page of a file.
	Memory, Own, Peak float64
}

// Usage reads /proc, as proc(5) has it.
func Usage(pid int) (Use, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Use{}, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Use{}, err
	}
	var u Use
	_, rest, _ := strings.Cut(string(stat), ") ")
	if fields := strings.Fields(rest); len(fields) > 12 {
		const ticks = 100 // USER_HZ, the same on every Linux that Go runs on
		u.CPU = (number(fields[11]) + number(fields[12])) / ticks
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		mib := number(strings.TrimSuffix(strings.TrimSpace(value), " kB")) / 1024
		switch name {
		case "VmRSS":
			u.Memory = mib
		case "RssAnon":
			u.Own = mib
		case "VmHWM":
			u.Peak = mib
		}
	}
	return u, nil
}

// number is 0 where the text is none.
func number(text string) float64 {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsInf(n, 0) {
		return 0
	}
	return n
}

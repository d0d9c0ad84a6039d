//go:build linux

package testbed

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long processes may take to end when asked to; what runs
// after that is killed. Their state is thrown away, so nothing is lost.
const stopGrace = 8 * time.Second

// record notes a started process, so that a later run of this program finds it.
// The time of its start tells it from another process that gets its id later.
func (b *Testbed) record(name string, pid int) error {
	note := fmt.Sprintf("%d %s\n", pid, stat(pid).started)
	if err := os.WriteFile(filepath.Join(b.path(runDir), name+".pid"), []byte(note), 0o644); err != nil {
		return fmt.Errorf("record process %s: %w", name, err)
	}
	return nil
}

// recorded are the ids of the noted processes, alive or not, by name; 0 when
// the process is not the one that was noted.
func (b *Testbed) recorded() map[string]int {
	files, err := filepath.Glob(filepath.Join(b.path(runDir), "*.pid"))
	if err != nil {
		return nil
	}
	all := map[string]int{}
	for _, file := range files {
		note, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		text, started, _ := strings.Cut(strings.TrimSpace(string(note)), " ")
		pid, err := strconv.Atoi(text)
		if err != nil || started == "" || stat(pid).started != started || !b.inRoot(pid) {
			pid = 0
		}
		all[strings.TrimSuffix(filepath.Base(file), ".pid")] = pid
	}
	return all
}

// isUp says whether a complete bring-up still runs completely.
func (b *Testbed) isUp() bool {
	if _, err := os.Stat(b.EnvFile()); err != nil {
		return false
	}
	recorded := b.recorded()
	for _, pid := range recorded {
		if pid == 0 {
			return false
		}
	}
	return len(recorded) > 0
}

// stop ends the processes that were started here, and what they have started.
func (b *Testbed) stop() error {
	family := b.family()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for pid := range family {
			_ = syscall.Kill(pid, signal) // it fails only when the process has ended
		}
		for deadline := time.Now().Add(stopGrace); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			maps.DeleteFunc(family, func(pid int, started string) bool { return stat(pid).started != started })
			if len(family) == 0 {
				return nil
			}
		}
	}
	return fmt.Errorf("end processes %v: they do not end", slices.Sorted(maps.Keys(family)))
}

// family are the recorded processes that run, and those in the root that
// descend from them or share a session with one, each with the time of its start.
func (b *Testbed) family() map[int]string {
	family := map[int]string{}
	sessions := map[int]bool{}
	for _, pid := range b.recorded() {
		if pid != 0 {
			family[pid], sessions[pid] = stat(pid).started, true
		}
	}
	inRoot := b.processesInRoot()
	for grown := len(family) > 0; grown; {
		grown = false
		for pid, s := range inRoot {
			_, known := family[pid]
			_, child := family[s.parent]
			if !known && (child || sessions[s.session]) {
				family[pid], grown = s.started, true
			}
		}
	}
	return family
}

func (b *Testbed) processesInRoot() map[int]processStat {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	found := map[int]processStat{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || !b.inRoot(pid) {
			continue
		}
		if s := stat(pid); s.started != "" {
			found[pid] = s
		}
	}
	return found
}

// inRoot says whether a process sees the testbed's root as its own.
func (b *Testbed) inRoot(pid int) bool {
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/root", pid))
	return err == nil && link == b.root
}

type processStat struct {
	parent, session int
	started         string // clock ticks since boot
}

// stat reads /proc/PID/stat (proc_pid_stat(5)); zero when there is no such process.
func stat(pid int) processStat {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}
	}
	// The name, field 2, is in parentheses and may contain anything.
	text := string(content)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const first, parent, session, started = 3, 4, 6, 22
	if len(fields) <= started-first || fields[0] == "Z" { // one that has ended and is not waited for
		return processStat{}
	}
	parentID, parentErr := strconv.Atoi(fields[parent-first])
	sessionID, sessionErr := strconv.Atoi(fields[session-first])
	if parentErr != nil || sessionErr != nil {
		return processStat{}
	}
	return processStat{parent: parentID, session: sessionID, started: fields[started-first]}
}

package config

import (
	"bytes"
	"strconv"
	"strings"
)

// isolation is the default on the operating system: memory is watched on Linux
// only.
func isolation(system string) Isolation {
	if system == "linux" {
		return IsolationProcess
	}
	return IsolationNone
}

// The files that say how much memory there is: the control group's of either
// version, as a process in a container sees them, and the machine's.
const (
	groupTwo = "/sys/fs/cgroup/memory.max"
	groupOne = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
	machine  = "/proc/meminfo"
)

// share is the part of the memory that jobs may have: the rest is for the
// worker itself, for the system and, in development, for the embedded parts.
const (
	shareOf   = 4
	sharePart = 3
)

// measureMemory sets a budget that nobody set. Where the memory is not known
// there is none.
func measureMemory(c *Config, read func(name string) ([]byte, error)) {
	if c.Worker.Memory != 0 || read == nil {
		return
	}
	total := int64(0)
	for name, parse := range map[string]func([]byte) int64{groupTwo: groupLimit, groupOne: groupLimit, machine: machineTotal} {
		data, err := read(name)
		if err != nil {
			continue // not this kind of system
		}
		if n := parse(data); n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	const step = 1 << 20 // nobody wants to read single bytes
	c.Worker.Memory = total / shareOf * sharePart / step * step
	if c.Worker.Memory > 0 {
		c.origins["worker.memory"] = "three quarters of the memory here"
	}
}

// groupLimit reads a number of bytes; "max" is no limit.
func groupLimit(data []byte) int64 {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// machineTotal reads the line of all memory, in KiB.
func machineTotal(data []byte) int64 {
	for line := range strings.SplitSeq(string(data), "\n") {
		rest, ok := strings.CutPrefix(line, "MemTotal:")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil {
			return 0
		}
		const kib = 1 << 10
		return n * kib
	}
	return 0
}

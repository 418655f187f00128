// Package host describes the machine that the program runs on.
package host

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// CPU returns the CPU's name as Linux has it, or its architecture.
func CPU() string {
	for key, value := range fields("/proc/cpuinfo") {
		if key == "model name" {
			return value
		}
	}
	return runtime.GOARCH + " CPU"
}

// Memory returns the machine's total and available memory in bytes, within
// the control group's limit; 0 if unknown.
func Memory() (total, free int64) {
	for key, value := range fields("/proc/meminfo") {
		kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
		switch key {
		case "MemTotal":
			total = kilobytes << 10
		case "MemAvailable":
			free = kilobytes << 10
		}
	}
	limit, used := number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory.current")
	if limit > 0 && limit < total {
		total, free = limit, min(free, limit-used)
	}
	return total, max(free, 0)
}

// number reads a file with one number; 0 if there is none ("max" included).
func number(path string) int64 {
	text, _ := os.ReadFile(path)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// fields iterates over the lines "key: value" of a file, none if it is missing.
func fields(path string) func(func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		text, _ := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			key, value, found := strings.Cut(line, ":")
			if found && !yield(strings.TrimSpace(key), strings.TrimSpace(value)) {
				return
			}
		}
	}
}

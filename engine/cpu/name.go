package cpu

import (
	"os"
	"runtime"
	"strings"
)

// Name returns the CPU's name as the operating system has it, or its architecture.
func Name() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH + " CPU"
}

package cpu

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"upscaled/engine/host"
	"upscaled/models/artifact"
)

// timings holds measured times of convolutions in nanoseconds per position, kept in
// a file of the CPU. A file that cannot be read or written is ignored: measuring
// again costs milliseconds.
type timings struct {
	lock    *sync.Mutex
	path    string // "" keeps nothing
	times   map[string]float64
	changed bool
}

// timingsVersion is part of the file's name; it changes with the kernels.
const timingsVersion = 3

// loadTimings reads what an earlier process measured, below folder.
func loadTimings(folder string) timings {
	t := timings{lock: &sync.Mutex{}, times: map[string]float64{}}
	if folder == "" {
		return t
	}
	t.path = filepath.Join(folder, "tuning", fmt.Sprintf("cpu-%d-%s.json", timingsVersion, fileName(host.CPU())))
	if text, err := os.ReadFile(t.path); err == nil {
		times := map[string]float64{}
		if json.Unmarshal(text, &times) == nil {
			t.times = times
		}
	}
	return t
}

// fileName replaces what a file's name may not contain.
func fileName(cpu string) string {
	name := []rune(cpu)
	for i, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			name[i] = '-'
		}
	}
	return string(name)
}

// get returns the time of a shape, measuring it first if it is not known.
// Measurements are one at a time, so that they do not disturb each other.
func (t *timings) get(c choice, in, out int, measure func() (float64, error)) (float64, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	key := fmt.Sprintf("%s %d %d", c.name(), in, out)
	if known, ok := t.times[key]; ok && known > 0 {
		return known, nil
	}
	measured, err := measure()
	if err == nil {
		t.times[key], t.changed = measured, true
	}
	return measured, err
}

// save writes the file if anything was measured. Readers see the old file or the
// new one.
func (t *timings) save() {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.path == "" || !t.changed {
		return
	}
	t.changed = false
	text, err := json.MarshalIndent(t.times, "", "\t")
	if err == nil {
		_ = artifact.WriteFile(t.path, text)
	}
}

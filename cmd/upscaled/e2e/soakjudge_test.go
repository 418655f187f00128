//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// soakSample is one look at a server: what it takes, by the names of
// soakBounds. Counts are plain, bytes are MiB.
type soakSample struct {
	at     time.Duration // since the load began
	values map[string]float64
}

// soakBound says how much a value may grow while the load stays the same: the
// median of the last quarter of the time is at most share times that of the
// second quarter, and constant more. The first quarter is for warming up.
// Medians of quarters forgive the peaks that single images make. A constant
// below 0 says nothing of growth: what is stored follows the number of results,
// which follows what else the machine does, so that it is judged by result.
type soakBound struct {
	name            string
	share, constant float64
	// idle is how much more than before the load may be left behind when all of
	// it is over and has expired; below 0 nothing is said of that, as of memory
	// that the system has lent and asks back when it needs some.
	idle float64
}

const mebibyte = 1 << 20

const soakHeap = "server heap, MiB"

// blockMebibytes is the size of the store's files. One is filled before what
// has expired in it is taken out, in each of four streams that are written to.
const blockMebibytes = 8

// soakBounds are the promises. Constants allow for what a few images more or less
// in work make at this load; see the figures in the operations guide.
func soakBounds() []soakBound {
	return []soakBound{
		{"server memory, MiB", 1.1, 24, -1},
		{"engine memory, MiB", 1.1, 48, -1},
		{soakHeap, 1.1, 8, 4},
		{"server goroutines", 1.1, 10, 6},
		{"server threads", 1.1, 4, -1},
		{"engine threads", 1.1, 4, -1},
		{"server descriptors", 1.1, 10, 6},
		{"engine descriptors", 1.1, 4, 2},
		{"stored pictures, MiB", 1, -1, 0},
		{"the same a result, KiB", 1.25, 32, -1},
		{"stored records", 1, -1, 3},
		{"the same a result", 1.25, 2, -1},
		{"disk, MiB", 1, -1, 4 * blockMebibytes},
		{"disk, files", 1.2, 10, 10},
		{"temporary files", 1, 0, 0},
	}
}

// soakQuarter returns a value in one of the four quarters of a run, 0 to 3.
func soakQuarter(samples []soakSample, name string, quarter int) []float64 {
	var found []float64
	length := samples[len(samples)-1].at
	for _, s := range samples {
		if at := int(4 * s.at / (length + 1)); at == quarter {
			found = append(found, s.values[name])
		}
	}
	return found
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// grew returns a sentence on growth under the load, or "" if there is none.
func (b soakBound) grew(samples []soakSample) string {
	const fewest = 5
	if len(samples) == 0 {
		return b.name + ": nothing was measured"
	}
	second, last := soakQuarter(samples, b.name, 1), soakQuarter(samples, b.name, 3)
	if len(second) < fewest || len(last) < fewest {
		return fmt.Sprintf("%s: %d and %d samples of a quarter are too few", b.name, len(second), len(last))
	}
	before, after := median(second), median(last)
	if allowed := b.share*before + b.constant; b.constant >= 0 && after > allowed {
		return fmt.Sprintf("%s grew from %.1f to %.1f (medians of the second and the last quarter), more than %.1f", b.name, before, after, allowed)
	}
	return ""
}

// left returns a sentence on leftovers after the load, or "" if there are
// none.
func (b soakBound) left(before, after soakSample) string {
	if now, was := after.values[b.name], before.values[b.name]; b.idle >= 0 && now > was+b.idle {
		return fmt.Sprintf("%s: %.1f before the load and %.1f after it, more than %.1f above", b.name, was, now, b.idle)
	}
	return ""
}

// soakTable returns the measurements as a table.
func soakTable(before soakSample, samples []soakSample, after soakSample) string {
	var table strings.Builder
	fmt.Fprintf(&table, "%-22s %9s %9s %9s %9s %9s %9s\n", "", "before", "1st qtr", "2nd qtr", "last qtr", "most", "after")
	for _, b := range soakBounds() {
		fmt.Fprintf(&table, "%-22s %9.1f", b.name, before.values[b.name])
		most := 0.0
		for quarter := range 4 {
			values := soakQuarter(samples, b.name, quarter)
			if len(values) == 0 {
				continue
			}
			most = max(most, slices.Max(values))
			if quarter != 2 {
				fmt.Fprintf(&table, " %9.1f", median(values))
			}
		}
		fmt.Fprintf(&table, " %9.1f %9.1f\n", most, after.values[b.name])
	}
	return table.String()
}

// The judge finds leaks that are made on purpose, and lets noise, single peaks
// and warming up pass.
func TestSoakJudge(t *testing.T) {
	t.Parallel()
	const looks = 240 // of 30 minutes, one in 7.5 s
	made := func(value func(share float64, i int) float64) []soakSample {
		var all []soakSample
		for i := range looks {
			at := time.Duration(i) * 7500 * time.Millisecond
			all = append(all, soakSample{at, map[string]float64{"x": value(float64(i)/looks, i)}})
		}
		return all
	}
	noise := func(i int) float64 { return float64((i*7919)%41) - 20 } // -20..20
	bound := soakBound{name: "x", share: 1.1, constant: 24, idle: 6}
	for name, c := range map[string]struct {
		value func(share float64, i int) float64
		grew  bool
	}{
		"flat":                        {func(float64, int) float64 { return 500 }, false},
		"noise":                       {func(_ float64, i int) float64 { return 500 + 2*noise(i) }, false},
		"warming up":                  {func(s float64, i int) float64 { return min(500, 100+1600*s) + noise(i) }, false},
		"single peaks":                {func(_ float64, i int) float64 { return 500 + 3000*float64((i%10)/9) }, false},
		"a fall":                      {func(s float64, i int) float64 { return 500 - 100*s + noise(i) }, false},
		"a leak of 10 MiB a minute":   {func(s float64, i int) float64 { return 500 + 300*s + noise(i) }, true},
		"a leak below the allowance":  {func(s float64, i int) float64 { return 500 + 60*s + noise(i) }, false},
		"a leak that begins late":     {func(s float64, i int) float64 { return 500 + max(0, s-0.6)*800 + noise(i) }, true},
		"a step that does not return": {func(s float64, i int) float64 { return 500 + 150*float64(int(s+0.5)) + noise(i) }, true},
		"a leak of one a minute":      {func(s float64, _ int) float64 { return 60 + 60*s }, false},
		"a leak of two a minute":      {func(s float64, _ int) float64 { return 60 + 120*s }, true},
	} {
		if said := bound.grew(made(c.value)); (said != "") != c.grew {
			t.Errorf("%s: %q", name, said)
		}
	}
	if bound.grew(nil) == "" || bound.grew(made(func(float64, int) float64 { return 1 })[:12]) == "" {
		t.Error("nothing measured passes")
	}
	if bound.constant = -1; bound.grew(made(func(s float64, _ int) float64 { return 900 * s })) != "" {
		t.Error("what follows the load")
	}
	idle := func(v float64) soakSample { return soakSample{values: map[string]float64{"x": v}} }
	if bound.left(idle(60), idle(66)) != "" || bound.left(idle(60), idle(67)) == "" {
		t.Error("what is left behind")
	}
	if bound.idle = -1; bound.left(idle(60), idle(600)) != "" {
		t.Error("what may be left behind")
	}
}

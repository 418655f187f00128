// Package tune measures once per GPU and model how the GPU runs the model fastest:
// the algorithm of convolutions, the size of tiles and how many run at once.
// Batches are not tried: a tile of twice the area does the same work with less
// margin.
package tune

import (
	"cmp"
	"context"
	"fmt"
	"math/rand"
	"slices"
	"sync"
	"time"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Variant is one way to run models on the device.
type Variant struct {
	Name    string
	Runtime engine.Runtime
}

// Options configure Measure.
type Options struct {
	Net *network.Network
	// Precision "" is each variant's own.
	Precision network.Precision
	Variants  []Variant
	// Sides of square tiles in input pixels, and numbers of tiles at once; both
	// ascend.
	Sides, Parallel []int
	// Budget bounds the time. A device that ends no trial in it gets the smallest
	// tiles.
	Budget time.Duration
	// Progress, if not nil, receives each trial.
	Progress func(Trial)
}

// Trial is the result of one combination.
type Trial struct {
	Variant  string `json:"variant"`
	Side     int    `json:"side"`
	Parallel int    `json:"parallel"`
	// MegapixelsPerSecond counts the input pixels that tiles keep.
	MegapixelsPerSecond float64 `json:"megapixels_per_second"`
	// Problem is why it could not run, "" if it did.
	Problem string `json:"problem,omitempty"`
}

// Result has the best combination and all that were tried.
type Result struct {
	Best   Trial   `json:"best"`
	Trials []Trial `json:"trials"`
	// Seconds of measuring.
	Seconds float64 `json:"seconds"`
}

// worthwhile is the speedup that larger tiles, or more at once, must bring, as they
// cost memory.
const worthwhile = 1.03

// Measure tries the variants at the smallest side, then larger sides with the best
// one, then more tiles at once. It fails if nothing could run.
func Measure(ctx context.Context, o Options) (Result, error) {
	m := &measuring{options: o, began: time.Now()}
	limited, stop := context.WithTimeout(ctx, o.Budget)
	defer stop()
	for _, v := range o.Variants {
		m.try(limited, v, o.Sides[0], 1, 1)
	}
	for _, side := range o.Sides[1:] {
		if m.result.Best.Side == 0 || !m.try(limited, m.variant(), side, 1, worthwhile) {
			break
		}
	}
	for _, parallel := range o.Parallel {
		if parallel > 1 && m.result.Best.Side > 0 && !m.try(limited, m.variant(), m.result.Best.Side, parallel, worthwhile) {
			break
		}
	}
	m.result.Seconds = time.Since(m.began).Seconds()
	if err := ctx.Err(); err != nil {
		return m.result, fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	if m.result.Best.Side == 0 && limited.Err() != nil {
		m.result.Best = Trial{Variant: o.Variants[0].Name, Side: o.Sides[0], Parallel: 1}
	}
	if m.result.Best.Side == 0 {
		return m.result, fmt.Errorf("measure the device: %w", m.err)
	}
	return m.result, nil
}

type measuring struct {
	options Options
	began   time.Time
	result  Result
	err     error // of the first trial that could not be run
}

func (m *measuring) variant() Variant {
	at := slices.IndexFunc(m.options.Variants, func(v Variant) bool { return v.Name == m.result.Best.Variant })
	return m.options.Variants[max(at, 0)]
}

// try measures one combination, makes it the best one if it is times as fast as the
// best so far, and reports whether to continue in its direction.
func (m *measuring) try(ctx context.Context, v Variant, side, parallel int, times float64) bool {
	if ctx.Err() != nil {
		return false
	}
	trial := Trial{Variant: v.Name, Side: side, Parallel: parallel}
	rate, err := m.rate(ctx, v.Runtime, side, parallel)
	if err != nil {
		if trial.Problem = fault.Sentence(err); ctx.Err() != nil {
			trial.Problem = "It took too long."
		}
		if m.err == nil {
			m.err = err
		}
	}
	trial.MegapixelsPerSecond = rate / 1e6
	m.result.Trials = append(m.result.Trials, trial)
	if m.options.Progress != nil {
		m.options.Progress(trial)
	}
	if err != nil {
		return false
	}
	if trial.MegapixelsPerSecond > times*m.result.Best.MegapixelsPerSecond {
		m.result.Best = trial
	}
	// A tie is no reason to stop: the next step may be the one that pays.
	return trial.MegapixelsPerSecond > 0.9*m.result.Best.MegapixelsPerSecond
}

// Bounds of one trial: enough runs for a steady figure.
const (
	leastRuns  = 4
	mostRuns   = 40
	trialSpan  = 400 * time.Millisecond
	tileMargin = 48 // pixels that a tile loses on each side, roughly
)

// rate returns the kept input pixels per second with that many tiles at once.
func (m *measuring) rate(ctx context.Context, r engine.Runtime, side, parallel int) (float64, error) {
	info := m.options.Net.Info()
	side -= side % max(info.Multiple, 1)
	o := network.Options{
		Precision: cmp.Or(m.options.Precision, r.Device().Precision), Sample: network.Uint8, Channels: 3, Borders: network.AllBorders,
		Width: side, Height: side,
	}
	session, err := r.Open(ctx, m.options.Net, o)
	if err != nil {
		return 0, err
	}
	defer session.Close()
	memory, pinned := r.(engine.TileMemory)
	buffer := func(side int) (imagedata.Raster, func()) {
		if !pinned {
			return imagedata.NewRaster(side, side, 3, 8), func() {}
		}
		tile := memory.AllocateTile(side, side, 3, 8)
		return tile, func() { memory.FreeTile(tile) }
	}
	var group sync.WaitGroup
	errs := make([]error, parallel)
	counts := make([]int, parallel)
	lanes := make([][2]imagedata.Raster, parallel)
	for lane := range lanes {
		in, freeIn := buffer(side)
		out, freeOut := buffer(side * info.Scale)
		defer freeIn()
		defer freeOut()
		noise := rand.New(rand.NewSource(1))
		for i := range in.Pix {
			in.Pix[i] = uint8(noise.Int())
		}
		lanes[lane] = [2]imagedata.Raster{in, out}
	}
	began := time.Now()
	for lane, tile := range lanes {
		group.Go(func() {
			for counts[lane] < leastRuns || time.Since(began) < trialSpan && counts[lane] < mostRuns {
				if errs[lane] = session.Run(ctx, tile[0], tile[1]); errs[lane] != nil {
					return
				}
				counts[lane]++
			}
		})
	}
	group.Wait()
	spent := time.Since(began).Seconds()
	runs := 0
	for lane := range parallel {
		if errs[lane] != nil {
			return 0, errs[lane]
		}
		runs += counts[lane]
	}
	kept := max(side-2*tileMargin, 1)
	return float64(runs*kept*kept) / spent, nil
}

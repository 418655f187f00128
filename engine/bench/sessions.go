// Package bench measures the engine: bare sessions against each other, and whole
// images from bytes to bytes.
package bench

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"time"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// Case is a bare session to measure.
type Case struct {
	Model   string `json:"model"`
	Device  string `json:"device"`
	Threads int    `json:"threads"`
	// Tile is the side of the square input in pixels.
	Tile int `json:"tile"`
	// Reference measures the graph as published in place of the rewritten one.
	Reference bool `json:"straightforward"`

	Net     *network.Network `json:"-"`
	Runtime engine.Runtime   `json:"-"`
}

// Timing is the time of a session: medians over the counted runs.
type Timing struct {
	Case
	// Milliseconds of one run, fastest and median.
	Milliseconds float64 `json:"milliseconds"`
	Fastest      float64 `json:"fastest_milliseconds"`
	// MegapixelsPerSecond counts input pixels, Gigaflops the network's
	// arithmetic whatever the runtime really did.
	MegapixelsPerSecond float64 `json:"megapixels_per_second"`
	Gigaflops           float64 `json:"gigaflops_per_second"`
	// MicrosecondsPerPixel of input.
	MicrosecondsPerPixel float64 `json:"microseconds_per_pixel"`
}

// opened is a case with its session and buffers.
type opened struct {
	session engine.Session
	in, out imagedata.Raster
	times   []time.Duration
}

// Sessions measures cases in turn, A B C A B C ..., so that a machine whose speed
// drifts favors none. The first round warms up and is not counted. done is called
// after every run.
func Sessions(ctx context.Context, cases []Case, runs int, done func(run, of int)) ([]Timing, error) {
	all := make([]opened, 0, len(cases))
	defer func() {
		for _, o := range all {
			_ = o.session.Close()
		}
	}()
	for _, c := range cases {
		o, err := c.open(ctx)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", c.Model, err)
		}
		all = append(all, o)
	}
	for run := range runs + 1 {
		for i := range all {
			started := time.Now()
			if err := all[i].session.Run(ctx, all[i].in, all[i].out); err != nil {
				return nil, fmt.Errorf("run %s: %w", cases[i].Model, err)
			}
			if run > 0 {
				all[i].times = append(all[i].times, time.Since(started))
			}
			done(run*len(all)+i+1, (runs+1)*len(all))
		}
	}
	timings := make([]Timing, len(cases))
	for i, c := range cases {
		timings[i] = c.timing(all[i].times)
	}
	return timings, nil
}

func (c Case) open(ctx context.Context) (opened, error) {
	o := network.Options{
		Precision: c.Runtime.Device().Precision, Sample: network.Uint8, Channels: 3,
		Borders: network.AllBorders, Reference: c.Reference,
	}
	session, err := c.Runtime.Open(ctx, c.Net, o)
	if err != nil {
		return opened{}, err
	}
	in := imagedata.NewRaster(c.Tile, c.Tile, 3, 8)
	random := rand.New(rand.NewSource(1))
	for i := range in.Pix {
		in.Pix[i] = uint8(random.Int())
	}
	width, height := engine.OutputSize(c.Net.Info(), o.Borders, c.Tile, c.Tile)
	return opened{session: session, in: in, out: imagedata.NewRaster(width, height, 3, 8)}, nil
}

func (c Case) timing(times []time.Duration) Timing {
	slices.Sort(times)
	median := times[len(times)/2]
	pixels := float64(c.Tile) * float64(c.Tile)
	return Timing{
		Case: c, Milliseconds: milliseconds(median), Fastest: milliseconds(times[0]),
		MegapixelsPerSecond:  pixels / median.Seconds() / 1e6,
		Gigaflops:            pixels * c.Net.Info().FlopsPerPixel / median.Seconds() / 1e9,
		MicrosecondsPerPixel: median.Seconds() * 1e6 / pixels,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Best returns the timing with the least time per pixel of a model, and whether
// there is one. Reference graphs do not count.
func Best(timings []Timing, model string) (best Timing, found bool) {
	for _, t := range timings {
		if t.Model == model && !t.Reference && (!found || t.MicrosecondsPerPixel < best.MicrosecondsPerPixel) {
			best, found = t, true
		}
	}
	return best, found
}

package bench

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"upscaled/engine"
)

// Throughput is many pictures upscaled from bytes to bytes, several at once.
type Throughput struct {
	Model       string `json:"model"`
	InputWidth  int    `json:"input_width"`
	InputHeight int    `json:"input_height"`
	Pictures    int    `json:"pictures"`
	// AtOnce is how many were in work together.
	AtOnce int `json:"at_once"`

	WallSeconds       float64 `json:"wall_seconds"`
	PicturesPerSecond float64 `json:"pictures_per_second"`
	// NetworkMilliseconds is what the device was busy with one picture, all
	// devices together.
	NetworkMilliseconds float64 `json:"network_milliseconds"`
	// BusyShare is the part of the wall time during which the devices ran
	// tiles, 1 for all of it.
	BusyShare float64 `json:"busy_share"`
	// Gigaflops a second while busy, of the pictures' own pixels: what tiles
	// compute twice is not counted. PeakShare is that over the device's
	// measured matrix peak, 0 where that was not measured.
	Gigaflops float64 `json:"gigaflops_per_second"`
	PeakShare float64 `json:"peak_share,omitempty"`
}

// Batch upscales one picture so many times. The first one, which opens
// sessions, is not counted.
func Batch(ctx context.Context, e *engine.Engine, q engine.Request, pictures, atOnce int) (Throughput, error) {
	q.Output = &counter{}
	first, err := e.Upscale(ctx, q)
	if err != nil {
		return Throughput{}, err
	}
	before, began := busy(e), time.Now()
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for range pictures {
		group.Go(func() error {
			own := q
			own.Output = &counter{}
			_, err := e.Upscale(running, own)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Throughput{}, err
	}
	wall, worked := time.Since(began).Seconds(), (busy(e) - before).Seconds()
	flopsPerPixel := first.Stats.Flops / max(float64(first.Stats.Pixels), 1)
	return Throughput{
		Model: first.Model, InputWidth: first.Input.Width, InputHeight: first.Input.Height, Pictures: pictures, AtOnce: atOnce,
		WallSeconds: wall, PicturesPerSecond: float64(pictures) / wall,
		NetworkMilliseconds: 1000 * worked / float64(pictures),
		BusyShare:           worked / wall / float64(len(e.Devices())),
		Gigaflops:           float64(first.Stats.Needed) * flopsPerPixel * float64(pictures) / max(worked, 1e-9) / 1e9,
	}, nil
}

// busy sums up what the devices have worked.
func busy(e *engine.Engine) time.Duration {
	var sum time.Duration
	for _, d := range e.Devices() {
		sum += d.Busy
	}
	return sum
}

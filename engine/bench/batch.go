package bench

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"upscaled/engine"
)

// Throughput is the result of many images upscaled from bytes to bytes, several at
// once.
type Throughput struct {
	Model       string `json:"model"`
	InputWidth  int    `json:"input_width"`
	InputHeight int    `json:"input_height"`
	Pictures    int    `json:"pictures"`
	// AtOnce is the number of images in work together.
	AtOnce int `json:"at_once"`

	WallSeconds       float64 `json:"wall_seconds"`
	PicturesPerSecond float64 `json:"pictures_per_second"`
	// NetworkMilliseconds is the time that the devices were busy per image, all
	// devices together.
	NetworkMilliseconds float64 `json:"network_milliseconds"`
	// BusyShare is the part of the wall time during which the devices ran tiles.
	BusyShare float64 `json:"busy_share"`
	// Gigaflops per second while busy, counting the images' own pixels only,
	// without overlap. PeakShare is their share of the device's measured peak, 0
	// if unknown.
	Gigaflops float64 `json:"gigaflops_per_second"`
	PeakShare float64 `json:"peak_share,omitempty"`
}

// Batch upscales one image that many times. The first run, which opens sessions, is
// not counted.
func Batch(ctx context.Context, e *engine.Engine, q engine.Request, pictures, atOnce int) (Throughput, error) {
	q.Output = io.Discard
	first, err := e.Upscale(ctx, q)
	if err != nil {
		return Throughput{}, err
	}
	before, began := busy(e), time.Now()
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for range pictures {
		group.Go(func() error {
			_, err := e.Upscale(running, q)
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

// busy returns the total busy time of the devices.
func busy(e *engine.Engine) time.Duration {
	var sum time.Duration
	for _, d := range e.Devices() {
		sum += d.Busy
	}
	return sum
}

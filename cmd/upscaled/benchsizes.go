package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"upscaled/engine"
	"upscaled/engine/bench"
	"upscaled/engine/imagedata"
	"upscaled/engine/upscaler"
)

// benchThroughput measures pictures a second for each device, network and
// size.
func (a *app) benchThroughput(ctx context.Context, f benchFlags) error {
	if f.pictures < 1 || f.atOnce < 1 {
		return usageError{fmt.Errorf("--pictures and --at-once must be at least 1")}
	}
	var photos [][]byte
	for _, size := range f.sizes {
		var width, height int
		if n, err := fmt.Sscanf(size, "%dx%d", &width, &height); n != 2 || err != nil || fmt.Sprintf("%dx%d", width, height) != size ||
			width < 16 || height < 16 || width*height > 100e6 {
			return usageError{fmt.Errorf("--sizes holds %q; write width x height, such as 1920x1080", size)}
		}
		photo, err := bench.Photo(width, height)
		if err != nil {
			return err
		}
		photos = append(photos, photo)
	}
	if f.savePhoto != "" {
		const mode = 0o644
		return os.WriteFile(f.savePhoto, photos[0], mode)
	}
	var result benchResult
	for _, device := range f.devices {
		if err := a.benchDevice(ctx, f, device, photos, &result); err != nil {
			return err
		}
	}
	if f.json {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(result)
	}
	return a.throughputTable(result)
}

// benchDevice adds one device's figures.
func (a *app) benchDevice(ctx context.Context, f benchFlags, device string, photos [][]byte, result *benchResult) error {
	o, err := a.engineOptions()
	if err != nil {
		return err
	}
	o.Device, o.Threads = device, f.threads[0]
	names := f.models
	for i := 0; i == 0 || i < len(names); i++ {
		if len(names) > 0 {
			o.Model = names[i] // the one that a GPU is measured for
		}
		u, err := a.open(ctx, o)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			names = []string{o.Store.Default(u.Runtime().Device().Kind)}
		}
		if result.PeakGigaflops == 0 {
			peak, err := u.PeakFlops(ctx)
			if err != nil {
				return err
			}
			result.PeakGigaflops = peak / 1e9
		}
		if err := a.benchPhotos(ctx, f, u, names[i], photos, result); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) benchPhotos(ctx context.Context, f benchFlags, u *upscaler.Upscaler, model string, photos [][]byte, result *benchResult) error {
	for _, photo := range photos {
		t, err := bench.Batch(ctx, u.Engine, engine.Request{Input: photo, Model: model, Format: imagedata.JPEG}, f.pictures, f.atOnce)
		if err != nil {
			return err
		}
		t.Model, t.PeakShare = model, t.Gigaflops/result.PeakGigaflops
		result.Throughput = append(result.Throughput, t)
		if isTerminal(a.stderr) {
			fmt.Fprintf(a.stderr, "%s %dx%d: %.2f pictures a second\n", model, t.InputWidth, t.InputHeight, t.PicturesPerSecond)
		}
	}
	return nil
}

func (a *app) throughputTable(r benchResult) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Matrix peak, measured: %.1f TFLOP/s\n\n", r.PeakGigaflops/1e3)
	fmt.Fprintln(w, "MODEL\tINPUT\tNETWORK MS\tPICTURES/S\tDEVICE BUSY\tTFLOP/S\tOF PEAK")
	for _, t := range r.Throughput {
		fmt.Fprintf(w, "%s\t%dx%d\t%.1f\t%.2f\t%.1f %%\t%.2f\t%.0f %%\n", t.Model, t.InputWidth, t.InputHeight, t.NetworkMilliseconds,
			t.PicturesPerSecond, 100*t.BusyShare, t.Gigaflops/1e3, 100*t.PeakShare)
	}
	return w.Flush()
}

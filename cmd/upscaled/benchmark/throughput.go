package benchmark

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"upscaled/cmd/upscaled/report"
	"upscaled/engine"
	"upscaled/engine/bench"
	"upscaled/engine/imagedata"
	"upscaled/engine/upscaler"
)

// throughput measures images per second for each device, model and
// size.
func (f *Run) throughput(ctx context.Context) error {
	if f.Pictures < 1 || f.AtOnce < 1 {
		return f.Usage(fmt.Errorf("--pictures and --at-once must be at least 1"))
	}
	var photos [][]byte
	for _, size := range f.Sizes {
		var width, height int
		if n, err := fmt.Sscanf(size, "%dx%d", &width, &height); n != 2 || err != nil || fmt.Sprintf("%dx%d", width, height) != size ||
			width < 16 || height < 16 || width*height > 100e6 {
			return f.Usage(fmt.Errorf("--sizes holds %q; write width x height, such as 1920x1080", size))
		}
		photo, err := bench.Photo(width, height)
		if err != nil {
			return err
		}
		photos = append(photos, photo)
	}
	if f.SavePhoto != "" {
		const mode = 0o644
		return os.WriteFile(f.SavePhoto, photos[0], mode)
	}
	var result result
	for _, device := range f.Devices {
		if err := f.device(ctx, device, photos, &result); err != nil {
			return err
		}
	}
	if f.JSON {
		return report.WriteJSON(f.Stdout, result)
	}
	return f.throughputTable(result)
}

// device adds one device's figures.
func (f *Run) device(ctx context.Context, device string, photos [][]byte, result *result) error {
	o := f.Options
	o.Device, o.Threads = device, f.Threads[0]
	names := f.Models
	for i := 0; i == 0 || i < len(names); i++ {
		if len(names) > 0 {
			o.Model = names[i] // the one that a GPU is measured for
		}
		u, err := f.Open(ctx, o)
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
		if err := f.photos(ctx, u, names[i], photos, result); err != nil {
			return err
		}
	}
	return nil
}

func (f *Run) photos(ctx context.Context, u *upscaler.Upscaler, model string, photos [][]byte, result *result) error {
	for _, photo := range photos {
		t, err := bench.Batch(ctx, u.Engine, engine.Request{Input: photo, Model: model, Format: imagedata.JPEG}, f.Pictures, f.AtOnce)
		if err != nil {
			return err
		}
		t.Model, t.PeakShare = model, t.Gigaflops/result.PeakGigaflops
		result.Throughput = append(result.Throughput, t)
		if f.Terminal {
			fmt.Fprintf(f.Stderr, "%s %dx%d: %.2f images per second\n", model, t.InputWidth, t.InputHeight, t.PicturesPerSecond)
		}
	}
	return nil
}

func (f *Run) throughputTable(r result) error {
	w := tabwriter.NewWriter(f.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Matrix peak, measured: %.1f TFLOP/s\n\n", r.PeakGigaflops/1e3)
	fmt.Fprintln(w, "MODEL\tINPUT\tMODEL MS\tIMAGES/S\tDEVICE BUSY\tTFLOP/S\tOF PEAK")
	for _, t := range r.Throughput {
		fmt.Fprintf(w, "%s\t%dx%d\t%.1f\t%.2f\t%.1f %%\t%.2f\t%.0f %%\n", t.Model, t.InputWidth, t.InputHeight, t.NetworkMilliseconds,
			t.PicturesPerSecond, 100*t.BusyShare, t.Gigaflops/1e3, 100*t.PeakShare)
	}
	return w.Flush()
}

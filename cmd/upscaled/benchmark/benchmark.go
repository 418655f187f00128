// Package benchmark measures models on devices for the command bench and writes
// the results as tables or JSON.
package benchmark

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"upscaled/cmd/upscaled/report"
	"upscaled/engine"
	"upscaled/engine/bench"
	"upscaled/engine/imagedata"
	"upscaled/engine/upscaler"
	"upscaled/models/fault"
)

// Run holds the options of a benchmark. The fields up to SavePhoto are the flags of
// 'upscaled bench'.
type Run struct {
	Models, Devices []string
	Tiles, Threads  []int
	Runs            int
	CompareGraph    bool
	Input           string
	JSON            bool
	Sizes           []string
	Pictures        int
	AtOnce          int
	SavePhoto       string

	// Options are the engine's, but for device, threads and model; Open opens one.
	Options upscaler.Options
	Open    func(context.Context, upscaler.Options) (*upscaler.Upscaler, error)
	// Usage marks an error as a mistake on the command line.
	Usage          func(error) error
	Stdout, Stderr io.Writer
	// Terminal reports that Stderr is a terminal, which shows progress.
	Terminal bool
}

// result is the JSON form of all results.
type result struct {
	Sessions []bench.Timing `json:"sessions"`
	Pictures []bench.Whole  `json:"pictures"`
	// PeakGigaflops is the device's matrix peak, measured; only for --sizes.
	PeakGigaflops float64            `json:"peak_gigaflops_per_second,omitempty"`
	Throughput    []bench.Throughput `json:"throughput,omitempty"`
}

// Do measures and writes the results to Stdout.
func (f *Run) Do(ctx context.Context) error {
	if f.Runs < 1 {
		return f.Usage(fmt.Errorf("--runs must be at least 1, not %d", f.Runs))
	}
	for _, tile := range f.Tiles {
		if tile < 16 || tile > 4096 {
			return f.Usage(fmt.Errorf("--tiles must be between 16 and 4096, not %d", tile))
		}
	}
	if f.SavePhoto != "" && len(f.Sizes) == 0 {
		return f.Usage(fmt.Errorf("--save-photo needs --sizes"))
	}
	if len(f.Sizes) > 0 {
		return f.throughput(ctx)
	}
	cases, err := f.cases(ctx)
	if err != nil {
		return err
	}
	var result result
	result.Sessions, err = bench.Sessions(ctx, cases, f.Runs, func(run, of int) {
		if f.Terminal {
			fmt.Fprintf(f.Stderr, "\rbare sessions: run %d of %d ", run, of)
		}
	})
	if f.Terminal {
		fmt.Fprint(f.Stderr, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if result.Pictures, err = f.wholes(ctx, cases, result.Sessions); err != nil {
		return err
	}
	if f.JSON {
		return report.WriteJSON(f.Stdout, result)
	}
	return f.tables(result)
}

// cases crosses devices, threads, models, tiles and graphs.
func (f *Run) cases(ctx context.Context) ([]bench.Case, error) {
	o := f.Options
	var cases []bench.Case
	for _, device := range f.Devices {
		for _, threads := range f.Threads {
			o.Device, o.Threads = device, threads
			u, err := f.Open(ctx, o)
			if err != nil {
				return nil, err
			}
			runtime := u.Runtime()
			names := f.Models
			if len(names) == 0 {
				names = []string{u.Store().Default(runtime.Device().Kind)}
			}
			for _, name := range names {
				net, err := u.Store().Load(ctx, name, nil)
				if err != nil {
					return nil, err
				}
				for _, tile := range f.Tiles {
					c := bench.Case{
						Model: name, Device: runtime.Device().Kind, Threads: threads, Tile: tile, Net: net, Runtime: runtime,
					}
					cases = append(cases, c)
					if c.Reference = true; f.CompareGraph {
						cases = append(cases, c)
					}
				}
			}
		}
	}
	return cases, nil
}

// wholes upscales one image with every model of the first runtime.
func (f *Run) wholes(ctx context.Context, cases []bench.Case, timings []bench.Timing) ([]bench.Whole, error) {
	input, err := f.image()
	if err != nil {
		return nil, err
	}
	var pictures []bench.Whole
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.Model] || c.Runtime != cases[0].Runtime {
			continue
		}
		seen[c.Model] = true
		e := engine.New(engine.Options{Runtime: c.Runtime, Library: f.Options.Store, Limits: imagedata.DefaultLimits()})
		best, found := bench.Best(timings, c.Model)
		whole, err := bench.Image(ctx, e, engine.Request{Input: input, Model: c.Model}, best, found)
		e.Close()
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, whole)
	}
	return pictures, nil
}

func (f *Run) image() ([]byte, error) {
	if f.Input == "" {
		return bench.Photo(1500, 1000)
	}
	data, err := os.ReadFile(f.Input)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "The image %s cannot be read.", f.Input)
	}
	return data, nil
}

func (f *Run) tables(r result) error {
	w := tabwriter.NewWriter(f.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BARE SESSIONS\tDEVICE\tTHREADS\tTILE\tGRAPH\tMS\tMP/S\tGFLOP/S\tAGAINST PUBLISHED")
	for _, t := range r.Sessions {
		graph, ratio := "ours", ""
		if t.Reference {
			graph = "published"
		} else if plain, found := published(r.Sessions, t); found {
			ratio = fmt.Sprintf("%.2fx", plain.Milliseconds/t.Milliseconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%.1f\t%.4f\t%.0f\t%s\n", t.Model, t.Device, threadCount(t.Threads), t.Tile, graph,
			t.Milliseconds, t.MegapixelsPerSecond, t.Gigaflops, ratio)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "WHOLE IMAGE\tINPUT\tTILES\tSECONDS\tIN SESSION\tFIRST TILE\tOVERLAP\tMP/S\tAGAINST BARE\tPEAK MEMORY")
	for _, p := range r.Pictures {
		fmt.Fprintf(w, "%s\t%dx%d\t%d of %dx%d\t%.2f\t%.1f %%\t%.2f s\t%.2fx\t%.4f\t%.2fx\t%.0f MB\n", p.Model, p.InputWidth, p.InputHeight,
			p.Tiles, p.TileWidth, p.TileHeight, p.WallSeconds, 100*p.SessionShare, p.FirstTileSeconds, p.Overlap,
			p.MegapixelsPerSecond, p.AgainstBare, float64(p.PeakBytes)/1e6)
	}
	return w.Flush()
}

// published finds the timing of the unrewritten graph to compare with.
func published(all []bench.Timing, like bench.Timing) (bench.Timing, bool) {
	for _, t := range all {
		if t.Reference && t.Model == like.Model && t.Tile == like.Tile && t.Threads == like.Threads && t.Device == like.Device {
			return t, true
		}
	}
	return bench.Timing{}, false
}

func threadCount(n int) string {
	if n == 0 {
		return "all"
	}
	return strconv.Itoa(n)
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"upscaled/engine"
	"upscaled/engine/bench"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

const benchHelp = `Measures bare sessions in turn (medians), then a whole picture from bytes to
bytes. Nothing is written to disk. Run it on an idle machine; compare figures of
one run only, since machines drift.`

const benchExample = `  upscaled bench
  upscaled bench --models realesr-general-x4v3,realesrgan-x4plus --tiles 192 --compare-graph
  upscaled bench --threads 1,2 --tiles 64,192,512 --json
  upscaled bench --input photo.jpg --runs 9
  upscaled bench --devices cuda:0 --sizes 512x512,1920x1080,3840x2160 --pictures 20`

// benchFlags are the verb's own settings.
type benchFlags struct {
	models, devices []string
	tiles, threads  []int
	runs            int
	compareGraph    bool
	input           string
	json            bool
	sizes           []string
	pictures        int
	atOnce          int
	savePhoto       string
}

func newBenchCommand(a *app) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure speed and memory", Long: benchHelp, Example: benchExample,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.models, "models", nil, "networks to measure (default: the first device's default network)")
	flags.StringSliceVar(&f.devices, "devices", []string{"auto"}, "devices to measure: auto, cpu, cuda:N, tensorrt:N or webgpu")
	flags.IntSliceVar(&f.tiles, "tiles", []int{128, 192, 256}, "tile sides to measure, in pixels")
	flags.IntSliceVar(&f.threads, "threads", []int{0}, "processor threads to measure; 0 is one for each core")
	flags.IntVar(&f.runs, "runs", 5, "counted runs of each session")
	flags.BoolVar(&f.compareGraph, "compare-graph", false, "also measure the graphs as published, without this program's rewriting")
	flags.StringVar(&f.input, "input", "", "picture to upscale as a whole (default: a generated photo of 1.5 megapixels)")
	flags.StringSliceVar(&f.sizes, "sizes", nil, "measure pictures a second instead, JPEG to JPEG, of these input sizes, such as 512x512,1920x1080")
	flags.IntVar(&f.pictures, "pictures", 10, "pictures counted for each of --sizes")
	flags.IntVar(&f.atOnce, "at-once", 4, "pictures in work at once for --sizes")
	flags.StringVar(&f.savePhoto, "save-photo", "", "write the generated JPEG of the first of --sizes to this file and measure nothing")
	flags.BoolVar(&f.json, "json", false, "write one JSON object to standard output instead of tables")
	return cmd
}

// benchResult is the JSON form.
type benchResult struct {
	Sessions []bench.Timing `json:"sessions"`
	Pictures []bench.Whole  `json:"pictures"`
	// PeakGigaflops is the device's matrix peak, measured; only for --sizes.
	PeakGigaflops float64            `json:"peak_gigaflops_per_second,omitempty"`
	Throughput    []bench.Throughput `json:"throughput,omitempty"`
}

func (a *app) bench(ctx context.Context, f benchFlags) error {
	if f.runs < 1 {
		return usageError{fmt.Errorf("--runs must be at least 1, not %d", f.runs)}
	}
	for _, tile := range f.tiles {
		if tile < 16 || tile > 4096 {
			return usageError{fmt.Errorf("--tiles must be between 16 and 4096, not %d", tile)}
		}
	}
	if f.savePhoto != "" && len(f.sizes) == 0 {
		return usageError{fmt.Errorf("--save-photo needs --sizes")}
	}
	if len(f.sizes) > 0 {
		return a.benchThroughput(ctx, f)
	}
	cases, err := a.benchCases(ctx, f)
	if err != nil {
		return err
	}
	var result benchResult
	result.Sessions, err = bench.Sessions(ctx, cases, f.runs, func(run, of int) {
		if isTerminal(a.stderr) {
			fmt.Fprintf(a.stderr, "\rbare sessions: run %d of %d ", run, of)
		}
	})
	if isTerminal(a.stderr) {
		fmt.Fprint(a.stderr, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if result.Pictures, err = a.benchPictures(ctx, f, cases, result.Sessions); err != nil {
		return err
	}
	if f.json {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(result)
	}
	return a.benchTables(result)
}

// benchCases crosses devices, threads, models, tiles and graphs.
func (a *app) benchCases(ctx context.Context, f benchFlags) ([]bench.Case, error) {
	o, err := a.engineOptions()
	if err != nil {
		return nil, err
	}
	var cases []bench.Case
	for _, device := range f.devices {
		for _, threads := range f.threads {
			o.Device, o.Threads = device, threads
			u, err := a.open(ctx, o)
			if err != nil {
				return nil, err
			}
			runtime := u.Runtime()
			names := f.models
			if len(names) == 0 {
				names = []string{u.Store().Default(runtime.Device().Kind)}
			}
			for _, name := range names {
				net, err := u.Store().Load(ctx, name, nil)
				if err != nil {
					return nil, err
				}
				for _, tile := range f.tiles {
					c := bench.Case{
						Model: name, Device: runtime.Device().Kind, Threads: threads, Tile: tile, Net: net, Runtime: runtime,
					}
					cases = append(cases, c)
					if c.Reference = true; f.compareGraph {
						cases = append(cases, c)
					}
				}
			}
		}
	}
	return cases, nil
}

// benchPictures upscales one picture with every model of the first runtime.
func (a *app) benchPictures(ctx context.Context, f benchFlags, cases []bench.Case, timings []bench.Timing) ([]bench.Whole, error) {
	input, err := f.picture()
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
		e := engine.New(engine.Options{Runtime: c.Runtime, Library: a.store, Limits: imagedata.DefaultLimits()})
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

func (f benchFlags) picture() ([]byte, error) {
	if f.input == "" {
		return bench.Photo(1500, 1000)
	}
	data, err := os.ReadFile(f.input)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "The picture %s cannot be read.", f.input)
	}
	return data, nil
}

func (a *app) benchTables(r benchResult) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
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
	fmt.Fprintln(w, "WHOLE PICTURE\tINPUT\tTILES\tSECONDS\tIN SESSION\tFIRST TILE\tOVERLAP\tMP/S\tAGAINST BARE\tPEAK MEMORY")
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

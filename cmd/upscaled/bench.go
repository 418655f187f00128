package main

import (
	"upscaled/cmd/upscaled/benchmark"

	"github.com/spf13/cobra"
)

const benchHelp = `Measures bare sessions in turn (medians), then a whole image from bytes to
bytes. Nothing is written to disk. Run it on an idle machine; compare figures of
one run only, since machines drift.`

const benchExample = `  upscaled bench
  upscaled bench --models realesr-general-x4v3,realesrgan-x4plus --tiles 192 --compare-graph
  upscaled bench --threads 1,2 --tiles 64,192,512 --json
  upscaled bench --input photo.jpg --runs 9
  upscaled bench --devices cuda:0 --sizes 512x512,1920x1080,3840x2160 --pictures 20`

func newBenchCommand(a *app) *cobra.Command {
	var f benchmark.Run
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure speed and memory", Long: benchHelp, Example: benchExample,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			f.Stdout, f.Stderr, f.Terminal, f.Open = a.stdout, a.stderr, isTerminal(a.stderr), a.open
			f.Usage = func(err error) error { return usageError{err} }
			if f.Options, err = a.engineOptions(); err != nil {
				return err
			}
			return f.Do(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.Models, "models", nil, "models to measure (default: the first device's default model)")
	flags.StringSliceVar(&f.Devices, "devices", []string{"auto"}, "devices to measure: auto, cpu, cuda:N and others, see --device")
	flags.IntSliceVar(&f.Tiles, "tiles", []int{128, 192, 256}, "tile sides to measure, in pixels")
	flags.IntSliceVar(&f.Threads, "threads", []int{0}, "CPU threads to measure; 0 is one for each core")
	flags.IntVar(&f.Runs, "runs", 5, "counted runs of each session")
	flags.BoolVar(&f.CompareGraph, "compare-graph", false, "also measure the graphs as published, without this program's rewriting")
	flags.StringVar(&f.Input, "input", "", "image to upscale as a whole (default: a generated photo of 1.5 megapixels)")
	flags.StringSliceVar(&f.Sizes, "sizes", nil, "measure images per second instead, JPEG to JPEG, of these input sizes, such as 512x512,1920x1080")
	flags.IntVar(&f.Pictures, "pictures", 10, "images counted for each of --sizes")
	flags.IntVar(&f.AtOnce, "at-once", 4, "images in work at once for --sizes")
	flags.StringVar(&f.SavePhoto, "save-photo", "", "write the generated JPEG of the first of --sizes to this file and measure nothing")
	flags.BoolVar(&f.JSON, "json", false, "write one JSON object to standard output instead of tables")
	return cmd
}

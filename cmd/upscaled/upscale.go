package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/flags"
	"upscaled/cmd/upscaled/progress"
	"upscaled/cmd/upscaled/report"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
)

const upscaleHelp = `Upscales images and films. Arguments are files, folders, globs, or - for standard
input. The output is NAME.upscaled.EXT beside the input unless --out says
otherwise; an existing file is never overwritten without --overwrite, and an input
never without --replace. The command can be left out if the first argument is a file or
folder that exists. The flags -i, -n and -g of realesrgan-ncnn-vulkan are understood
too.`

const upscaleExample = `  upscaled upscale photo.jpg
  upscaled upscale --scale 2 --format webp --quality 85 *.jpg
  upscaled upscale --recursive --skip-existing --out large/ photos/
  upscaled upscale --fit 3840x2160 --out 'wall/{name}-{width}x{height}.png' photos/
  upscaled upscale --model realesrgan-x4plus --out - - < small.png > large.png
  upscaled upscale --watch --out large/ incoming/`

func newUpscaleCommand(a *app) *cobra.Command {
	u := &upscaling{app: a}
	f := &u.flags
	cmd := &cobra.Command{
		Use:     "upscale FILE...",
		Short:   "Upscale images and films",
		Long:    upscaleHelp,
		Example: upscaleExample,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return u.run(cmd, slices.Concat(f.Inputs, arguments))
		},
	}
	a.hasSettings(cmd, cmd.Flags(), false, a.settings.compute(), f.Faces.Settings(true), f.Films.Settings())
	f.Declare(cmd.Flags())
	return cmd
}

// upscaling is one run of upscale.
type upscaling struct {
	*app
	flags   flags.Upscale
	format  imagedata.Format // of the outputs; "" keeps the inputs'
	options batch.Options
}

// run plans everything, then upscales the images.
func (u *upscaling) run(cmd *cobra.Command, arguments []string) error {
	start := time.Now()
	ctx, f := cmd.Context(), &u.flags
	request, format, err := f.Request(cmd.Flags(), u.settings.model)
	if err != nil {
		return usageError{err}
	}
	films, err := f.Films.Options(cmd.Flags())
	if err != nil {
		return usageError{err}
	}
	films.Limits.Pixels = f.MaxPixels
	u.format = format
	expansion := batch.Expansion{Recursive: f.Recursive, Hidden: f.Hidden, Page: f.Page, Skip: f.Out, Stdin: u.stdin}
	if pages, chosen := map[string]int{"all": batch.AllPages, "each": batch.EachPage}[f.Pages]; chosen {
		expansion.Page = pages
	}
	u.options = batch.Options{
		Request: request, Parallel: f.Jobs, Overwrite: f.Overwrite || f.Replace, SkipExisting: f.Skip, KeepTimes: f.KeepTimes,
		DryRun: f.DryRun, Stdout: u.stdout, Temporaries: &u.temporaries, Films: films, FFmpeg: f.Films.FFmpeg,
	}
	if f.Watch {
		return u.watch(ctx, arguments, expansion)
	}
	selection, err := batch.Expand(ctx, arguments, expansion)
	if err != nil {
		return err
	}
	jobs, err := u.plan(selection)
	if err != nil {
		return err
	}
	if may := func(job batch.Job) bool { return encode.Capabilities(job.Format).Lossless }; f.Lossless && len(jobs) > 0 && !slices.ContainsFunc(jobs, may) {
		return usageError{errors.New("--lossless is for WebP, AVIF and JPEG XL, and no output is one; add --format webp")}
	}
	if err := u.mayReplace(jobs); err != nil {
		return err
	}
	u.report = u.newReporter(f, jobs)
	defer u.report.Close()
	u.begin(jobs, selection)
	if len(jobs)+len(selection.Failures) == 0 {
		return fault.New(fault.NotFound, "There are no images to upscale.")
	}
	var outcomes []batch.Outcome
	stopped := u.prepare(ctx, jobs)
	if stopped == nil {
		outcomes = batch.Run(ctx, jobs, u.options, u.report)
	}
	return u.conclude(ctx, report.Summarize(selection.Failures, outcomes, time.Since(start)), stopped)
}

// begin reports the planned jobs and the inputs that were left out.
func (u *upscaling) begin(jobs []batch.Job, selection batch.Selection) {
	u.report.Begin(jobs)
	if len(u.flags.Foreign) > 0 {
		u.note("Understood as for realesrgan-ncnn-vulkan: " + strings.Join(u.flags.Foreign, ", ") + ".")
	}
	for _, note := range selection.Notes {
		u.report.Noted(note)
	}
	for _, failure := range selection.Failures {
		u.report.Refused(failure)
	}
}

// mayReplace asks whether the inputs may be replaced, if that is wanted.
func (u *upscaling) mayReplace(jobs []batch.Job) error {
	f := &u.flags
	switch {
	case !f.Replace, f.Yes, f.DryRun, len(jobs) == 0:
		return nil
	case !isTerminal(u.stdin):
		return usageError{errors.New("--replace overwrites the originals; add --yes, since there is no terminal to ask on")}
	case progress.Confirm(u.stdin, u.stderr, fmt.Sprintf("Replace %d of your files by their upscaled versions? The originals are gone then.", len(jobs))):
		return nil
	}
	return fault.New(fault.Invalid, "Nothing was replaced.")
}

// plan names the outputs. Its errors are usage errors.
func (u *upscaling) plan(selection batch.Selection) ([]batch.Job, error) {
	naming, err := batch.NewNaming(u.flags.Out, u.format, selection)
	if err != nil {
		return nil, usageError{err}
	}
	if u.flags.Replace {
		naming = batch.InPlace()
	}
	jobs, err := batch.Plan(selection, naming)
	if err != nil {
		return nil, usageError{err}
	}
	if len(jobs) == 1 && jobs[0].Output == batch.Standard && isTerminal(u.stdout) {
		return nil, usageError{errors.New("standard output is a terminal; send it to a file or use --out")}
	}
	return jobs, nil
}

// prepare opens the engine and loads the model, unless no job needs them. A missing
// model is thus one error instead of one for each image.
func (u *upscaling) prepare(ctx context.Context, jobs []batch.Job) error {
	options := &u.options
	jobs = batch.Needed(jobs, *options)
	if len(jobs) == 0 {
		return nil
	}
	u.settings.offline = u.settings.offline || options.DryRun
	opened, err := u.openUpscaler(ctx, options.Films.Limits)
	if err != nil {
		return err
	}
	options.Engine = opened
	options.Parallel = cmp.Or(options.Parallel, atOnce(opened))
	err = opened.Prepare(ctx, options.Request)
	if hasName := jobs[0].Output != ""; options.DryRun && hasName && fault.KindOf(err) == fault.ModelMissing {
		u.note("Sizes are shown once the model is installed, which the first run does.")
		options.Engine, err = batch.Unsized{Engine: opened}, nil
	}
	return err
}

// atOnce returns how many images to process concurrently. On a CPU, one is decoded
// or encoded while another is upscaled; four images keep a GPU busy, more if there are cores that decode and encode them.
func atOnce(e engine.Upscaler) int {
	const least, each, most = 2, 4, 8
	gpus := 0
	for _, d := range engine.DevicesOf(e) {
		if d.StaticShapes {
			gpus++
		}
	}
	if gpus == 0 {
		return least
	}
	return min(max(runtime.GOMAXPROCS(0)/2, each*gpus), most*gpus)
}

// conclude reports the summary and returns the error that holds the exit code.
// stopped is the error that kept the run from starting, or nil.
func (u *upscaling) conclude(ctx context.Context, summary report.Summary, stopped error) error {
	if stopped = unlessInterrupted(ctx, stopped); stopped != nil {
		u.report.Refused(batch.Failure{Err: stopped})
		summary.ExitCode = exitCode(stopped)
	} else {
		summary.ExitCode = batchCode(ctx, summary.Failures)
	}
	u.report.Ended(summary)
	if summary.ExitCode == exitOK {
		return nil
	}
	return codedError{fmt.Errorf("%d images failed", summary.Failed), summary.ExitCode}
}

// batchCode returns the exit code of a run: the failures' own if they all have the
// same, otherwise exitFailed.
func batchCode(ctx context.Context, failures []batch.Failure) int {
	if ctx.Err() != nil {
		return exitInterrupted
	}
	code := exitOK
	for _, failure := range failures {
		switch own := exitCode(unlessInterrupted(ctx, failure.Err)); {
		case code == exitOK:
			code = own
		case code != own:
			return exitFailed
		}
	}
	return code
}

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/report"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

const upscaleHelp = `Upscales images. Arguments are files, folders, globs, or - for standard
input. The output is NAME.upscaled.EXT beside the input unless --out says
otherwise; an existing file is never overwritten without --overwrite, and an input
never at all.`

const upscaleExample = `  upscaled upscale photo.jpg
  upscaled upscale --scale 2 --format webp --quality 85 *.jpg
  upscaled upscale --recursive --skip-existing --out large/ photos/
  upscaled upscale --fit 3840x2160 --out 'wall/{name}-{width}x{height}.png' photos/
  upscaled upscale --model realesrgan-x4plus --out - - < small.png > large.png`

func newUpscaleCommand(a *app) *cobra.Command {
	var flags upscaleFlags
	cmd := &cobra.Command{
		Use:     "upscale IMAGE...",
		Short:   "Upscale images",
		Long:    upscaleHelp,
		Example: upscaleExample,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return a.upscale(cmd, flags, arguments)
		},
	}
	flags.declare(cmd.Flags())
	a.hasSettings(cmd, cmd.Flags(), false, a.settings.compute(), flags.faces.Settings(true))
	return cmd
}

// upscale plans everything, then upscales the images.
func (a *app) upscale(cmd *cobra.Command, flags upscaleFlags, arguments []string) error {
	start := time.Now()
	ctx := cmd.Context()
	request, format, err := flags.request(cmd.Flags(), a.settings.model)
	if err != nil {
		return err
	}
	expansion := batch.Expansion{Recursive: flags.recursive, Hidden: flags.hidden, Page: flags.page, Skip: flags.out, Stdin: a.stdin}
	if flags.pages != "" {
		expansion.Page = batch.AllPages
	}
	selection, err := batch.Expand(ctx, arguments, expansion)
	if err != nil {
		return err
	}
	jobs, err := a.plan(selection, flags.out, format)
	if err != nil {
		return err
	}
	if isWebP := func(job batch.Job) bool { return job.Format == imagedata.WebP }; flags.lossless && len(jobs) > 0 && !slices.ContainsFunc(jobs, isWebP) {
		return usageError{errors.New("--lossless is for WebP only and no output is one; add --format webp")}
	}
	a.report = a.newReporter(flags, jobs)
	defer a.report.Close()
	a.report.Begin(jobs)
	for _, note := range selection.Notes {
		a.report.Noted(note)
	}
	for _, failure := range selection.Failures {
		a.report.Refused(failure)
	}
	if len(jobs)+len(selection.Failures) == 0 {
		return fault.New(fault.NotFound, "There are no images to upscale.")
	}
	options := batch.Options{
		Request: request, Parallel: flags.jobs, Overwrite: flags.overwrite, SkipExisting: flags.skip, KeepTimes: flags.keepTimes,
		Stdout: a.stdout, Temporaries: &a.temporaries,
	}
	var outcomes []batch.Outcome
	stopped := a.prepare(ctx, jobs, &options, imagedata.Limits{Pixels: flags.maxPixels})
	if stopped == nil {
		outcomes = batch.Run(ctx, jobs, options, a.report)
	}
	return a.conclude(ctx, report.Summarize(selection.Failures, outcomes, time.Since(start)), stopped)
}

// plan names the outputs. Its errors are usage errors.
func (a *app) plan(selection batch.Selection, out string, format imagedata.Format) ([]batch.Job, error) {
	naming, err := batch.NewNaming(out, format, selection)
	if err != nil {
		return nil, usageError{err}
	}
	jobs, err := batch.Plan(selection, naming)
	if err != nil {
		return nil, usageError{err}
	}
	if len(jobs) == 1 && jobs[0].Output == batch.Standard && isTerminal(a.stdout) {
		return nil, usageError{errors.New("standard output is a terminal; send it to a file or use --out")}
	}
	return jobs, nil
}

// prepare opens the engine and loads the model, unless no job needs them. A missing
// model is thus one error instead of one for each image.
func (a *app) prepare(ctx context.Context, jobs []batch.Job, options *batch.Options, limits imagedata.Limits) error {
	if !batch.Needed(jobs, *options) {
		return nil
	}
	opened, err := a.openUpscaler(ctx, limits)
	if err != nil {
		return err
	}
	options.Engine = opened
	if options.Parallel == 0 {
		options.Parallel = atOnce(opened)
	}
	return opened.Prepare(ctx, options.Request)
}

// atOnce returns how many images to process concurrently. On a CPU, one is decoded
// or encoded while another is upscaled; with GPUs, the cores decode and encode.
func atOnce(e engine.Upscaler) int {
	const least, most = 2, 8
	gpus := 0
	for _, d := range engine.DevicesOf(e) {
		if d.StaticShapes {
			gpus++
		}
	}
	if gpus == 0 {
		return least
	}
	return min(max(runtime.GOMAXPROCS(0)/2, least+gpus), most*gpus)
}

// conclude reports the summary and returns the error that holds the exit code.
// stopped is the error that kept the run from starting, or nil.
func (a *app) conclude(ctx context.Context, summary report.Summary, stopped error) error {
	if stopped = unlessInterrupted(ctx, stopped); stopped != nil {
		a.report.Refused(batch.Failure{Err: stopped})
		summary.ExitCode = exitCode(stopped)
	} else {
		summary.ExitCode = batchCode(ctx, summary.Failures)
	}
	a.report.Ended(summary)
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

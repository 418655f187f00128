package main

import (
	"context"
	"errors"
	"os"
	"time"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/report"
	"upscaled/cmd/upscaled/watch"
)

// quiet is how long a file must not have changed to be complete.
const quiet = time.Second

// watch upscales the images of folders and those that appear in them, until ctx ends.
func (u *upscaling) watch(ctx context.Context, roots []string, expansion batch.Expansion) error {
	f := &u.flags
	for _, root := range roots {
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			return usageError{errors.New("--watch takes folders, and " + root + " is none")}
		}
	}
	if err := watch.CheckOutput(roots, f.Out, f.Recursive); err != nil {
		return usageError{err}
	}
	if _, err := u.plan(batch.Selection{Folder: true}); err != nil {
		return err
	}
	u.options.SkipExisting = !u.options.Overwrite
	u.report = u.newReporter(f, nil)
	defer u.report.Close()
	var leave func(string) bool
	if f.Recursive {
		leave = expansion.Leave
	}
	folders, err := watch.Open(roots, leave)
	if err != nil {
		return err
	}
	defer folders.Close()
	var total report.Summary
	var failed error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	settled := watch.NewSettled(quiet)
	expansion.Take = settled.Take
	settled.Run(ctx, folders.Changes, func() {
		var summary report.Summary
		if summary, failed = u.watched(ctx, roots, expansion); failed != nil {
			stop()
		}
		total.Add(summary)
	})
	if failed == nil {
		u.report.Ended(total)
	}
	return failed
}

// watched upscales the files that are complete.
func (u *upscaling) watched(ctx context.Context, roots []string, expansion batch.Expansion) (report.Summary, error) {
	selection, err := batch.Expand(ctx, roots, expansion)
	selection.Notes = nil // they would be repeated after every change
	if err != nil || len(selection.Inputs)+len(selection.Failures) == 0 {
		return report.Summary{}, nil
	}
	jobs, err := u.plan(selection)
	if err != nil { // such as two images of one name; others come later
		u.report.Refused(batch.Failure{Err: err})
		return report.Summary{Failed: len(selection.Inputs)}, nil
	}
	if jobs = batch.Needed(jobs, u.options); u.options.Engine == nil {
		if err := u.prepare(ctx, jobs); err != nil {
			return report.Summary{}, err
		}
	}
	u.begin(jobs, selection)
	u.flags.Foreign = nil
	start := time.Now()
	return report.Summarize(selection.Failures, batch.Run(ctx, jobs, u.options, u.report), time.Since(start)), nil
}

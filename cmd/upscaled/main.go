// Command upscaled upscales images with Real-ESRGAN on ONNX Runtime.
//
// This package parses settings, connects the parts and turns errors into exit
// codes. Package engine upscales, batch runs it over many files and report shows
// the progress.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// garbagePercent is the growth of the Go heap between collections. The heap is a
// few large buffers that are reused, so collecting early is cheap and lowers the
// peak by hundreds of megabytes.
const garbagePercent = 20

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if len(os.Args) > 1 { // images that were dropped on the program in Windows' Explorer
		cobra.MousetrapHelpText = ""
	}
	a := newApp(streams{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}, os.LookupEnv)
	a.engineProcess = ownProcess
	instrument(a)
	ctx, stop := interruptible(context.Background(), func() {
		a.abandon()
		os.Exit(exitInterrupted)
	})
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

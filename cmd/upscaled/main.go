// Command upscaled upscales images with Real-ESRGAN on ONNX Runtime.
//
// This package parses settings, connects the parts and turns errors into exit
// codes; the work is done by package engine. What the verb upscale does with
// many files is in package batch, what it shows meanwhile in package progress.
package main

import (
	"context"
	"io"
	"os"
	"runtime/debug"
)

// garbagePercent is how much the Go heap may grow between collections. The heap
// is a few large buffers that are used again, so collecting early costs nothing
// and keeps hundreds of megabytes of dead bands out of the peak.
const garbagePercent = 20

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
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

// streams are the three standard streams; tests give their own.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

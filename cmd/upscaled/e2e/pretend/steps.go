//go:build e2e

package pretend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// StepVariable is the environment variable with the path of a file that holds
// the step at which a Steps process kills itself, as kill -9 does.
const StepVariable = "UPSCALED_TEST_STEP_FILE"

// Steps of the engine, which come between queue.AfterRead and queue.AfterResult.
// StepTile is followed by the number of the tile, starting at 1.
const (
	StepDecode = "decode"
	StepTile   = "tile "
	StepEncode = "encode"
)

// Qualities that decide what a Steps engine does.
const (
	Good    = 61
	Endless = 62 // runs until it is canceled
	Stumble = 63 // fails once in each process, in a way that may pass
	Bad     = 64 // fails for good
)

// EndlessScale makes jobs of APIs without qualities run until they are canceled.
const EndlessScale = 2

// DieAt kills the process if the step's name is in the file of StepVariable.
func DieAt(step string) {
	if text, err := os.ReadFile(os.Getenv(StepVariable)); err == nil && string(text) == step {
		die(syscall.SIGKILL)
	}
}

type stepped struct {
	Engine
	tiles    atomic.Int64
	stumbled atomic.Bool
}

func newStepped(limits imagedata.Limits) *stepped {
	s := &stepped{}
	before := func(context.Context) error {
		DieAt(fmt.Sprint(StepTile, s.tiles.Add(1)))
		return nil
	}
	s.Engine = Engine{engine.New(engine.Options{
		Runtime: &enginetest.Runtime{Before: before}, Library: enginetest.Library{Network: enginetest.Net(4, 4)}, Limits: limits,
	})}
	return s
}

// Upscale does what the request's quality says.
func (s *stepped) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	switch {
	case q.Quality == Endless, q.Size.Scale == EndlessScale:
		<-ctx.Done()
		return engine.Result{}, ctx.Err()
	case q.Quality == Bad:
		return engine.Result{}, fault.New(fault.Invalid, "The image is damaged.")
	case q.Quality == Stumble && s.stumbled.CompareAndSwap(false, true):
		return engine.Result{}, errors.New("stumbled")
	case q.Quality == Good:
		DieAt(StepDecode)
		s.tiles.Store(0)
		q.Output = steppedOutput{q.Output}
	}
	return s.Engine.Upscale(ctx, q)
}

// steppedOutput is the output of the encoder.
type steppedOutput struct{ io.Writer }

func (s steppedOutput) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	DieAt(StepEncode)
	return n, err
}

//go:build e2e

// Package pretend holds the engines of whole-program tests: the real engine on a
// fake runtime, which is fast, slow, fails, blocks or crashes on request. Sizes,
// formats and metadata of results are right; pixels are not a model's.
package pretend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// Variable is the environment variable that holds a Mode.
const Variable = "UPSCALED_TEST_PROGRAM"

// Mode chooses an engine.
type Mode string

const (
	Plain     Mode = "pretend"   // as fast as it can
	Unhurried Mode = "unhurried" // many tiles, each takes a while
	Blocked   Mode = "blocked"   // never finishes, reports Begun
	Moody     Mode = "moody"     // the quality asked for decides; see Fails
	Slow      Mode = "slow"      // each image takes a while; see FaultsVariable
	Isolated  Mode = "isolated"  // Slow in a process of its own; see PoisonWidth
	Steps     Mode = "steps"     // kills itself at a failpoint; see StepVariable
)

// Begun is logged when an engine starts an image that it will not finish.
const Begun = "pretended: an image is begun"

// Qualities that decide what a Moody engine does.
const (
	Fails  = 61
	Retry  = 62 // fails on the first attempt only
	Blocks = 63 // runs until it is canceled
)

// ErrUsage stands for a mistake on the command line that the engine found.
var ErrUsage = errors.New("--device is nonsense")

// Engine is a fake with the methods that package main asks of an engine.
type Engine struct{ *engine.Engine }

// Prepare loads nothing.
func (Engine) Prepare(context.Context, engine.Request) error { return nil }

// Upscaler is an engine for package main.
type Upscaler interface {
	film.Engine
	Prepare(context.Context, engine.Request) error
	Close()
}

// Open returns the engine of a mode. log receives Begun and injected faults.
func Open(mode Mode, limits imagedata.Limits, log io.Writer) (Upscaler, error) {
	switch mode {
	case Unhurried:
		return unhurried(limits), nil
	case Blocked:
		return blocked{New(limits), log}, nil
	case Moody:
		return moody{New(limits), &sync.Once{}, log}, nil
	case Slow:
		return slow{faulty(limits, log)}, nil
	case Isolated:
		if err := refusal(os.Getenv(RefusalVariable)); err != nil {
			return nil, err
		}
		return poisoned{slow{faulty(limits, log)}}, nil
	case Steps:
		return newStepped(limits), nil
	}
	return New(limits), nil
}

// New returns the plain engine.
func New(limits imagedata.Limits) Engine {
	return Engine{engine.New(engine.Options{
		Runtime: &enginetest.Runtime{}, Library: library(), Limits: limits, Detector: detector,
	})}
}

// unhurried runs many tiles that each take a while, as a CPU does, so that the
// page has progress to show.
func unhurried(limits imagedata.Limits) Engine {
	const tile = 60 * time.Millisecond
	return Engine{engine.New(engine.Options{
		Library: library(), Limits: limits, Detector: detector, TileMemory: 64 << 20,
		Runtime: &enginetest.Runtime{Speed: enginetest.Speed{Tile: tile}},
	})}
}

type blocked struct {
	Engine
	log io.Writer
}

// Upscale lets the warm-up pass, which discards its result.
func (b blocked) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	if q.Output == io.Discard {
		return b.Engine.Upscale(ctx, q)
	}
	return block(ctx, b.log)
}

func block(ctx context.Context, log io.Writer) (engine.Result, error) {
	fmt.Fprintln(log, Begun)
	<-ctx.Done()
	return engine.Result{}, ctx.Err()
}

type moody struct {
	Engine
	once *sync.Once
	log  io.Writer
}

// Upscale does what the request's quality says.
func (m moody) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	switch q.Quality {
	case Fails:
		return engine.Result{}, fault.New(fault.Invalid, "The image is of no use.")
	case Blocks:
		return block(ctx, m.log)
	case Retry:
		first := false
		m.once.Do(func() { first = true })
		if first {
			return engine.Result{}, fault.New(fault.Internal, "The engine stumbled.")
		}
	}
	return m.Engine.Upscale(ctx, q)
}

type slow struct{ Engine }

// Upscale waits before it works.
func (s slow) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	const work = 80 * time.Millisecond
	select {
	case <-time.After(work):
	case <-ctx.Done():
	}
	return s.Engine.Upscale(ctx, q)
}

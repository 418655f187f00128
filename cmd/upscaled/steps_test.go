package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/queue"
)

// stepsProgram, as the value of programVariable, makes the test's own
// executable a server that ends itself, as kill -9 does, at the step that the
// file of stepVariable names.
const (
	stepsProgram = "steps"
	stepVariable = "UPSCALED_TEST_STEP_FILE"
)

// The steps of the engine, which come between StepRead and StepResult. After
// stepTile comes the number of the tile, 1 for the first.
const (
	stepDecode = "decode"
	stepTile   = "tile "
	stepEncode = "encode"
)

// What becomes of a picture is told by the quality that is asked for.
const (
	qualityGood    = 61
	qualityEndless = 62 // runs until it is canceled
	qualityStumble = 63 // fails once in each process, in a way that may pass
	qualityBad     = 64 // fails for good
)

// scaleEndless makes jobs of APIs without qualities run until they are canceled.
const scaleEndless = 2

func stepsMain() {
	a := newApp(streams{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}, os.LookupEnv)
	file := os.Getenv(stepVariable)
	a.passed = func(step queue.Step, _ string) { dieAt(file, string(step)) }
	a.openUpscaler = func(_ context.Context, limits imagedata.Limits) (upscaler, error) {
		made := &steppedEngine{file: file}
		before := func(context.Context) error {
			dieAt(file, fmt.Sprint(stepTile, made.tiles.Add(1)))
			return nil
		}
		made.pretendEngine = pretendEngine{engine.New(engine.Options{
			Runtime: &enginetest.Runtime{Before: before}, Library: enginetest.Library{Network: enginetest.Net(4, 4)}, Limits: limits,
		})}
		a.onClose(func() error { made.Close(); return nil })
		return made, nil
	}
	ctx, stop := interruptible(context.Background(), func() { os.Exit(exitInterrupted) })
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// dieAt ends the process where the file has the step's name.
func dieAt(file, step string) {
	if text, err := os.ReadFile(file); err == nil && string(text) == step {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// arm makes the next process, or the one that runs, end at a step; "" at none.
// The file changes as a whole: it is read all the time.
func arm(file, step string) error {
	if err := os.WriteFile(file+".new", []byte(step), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func stepFile(folder string) string { return filepath.Join(folder, "step") }

type steppedEngine struct {
	pretendEngine
	file     string
	tiles    atomic.Int64
	stumbled atomic.Bool
}

func (s *steppedEngine) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	switch {
	case q.Quality == qualityEndless, q.Size.Scale == scaleEndless:
		<-ctx.Done()
		return engine.Result{}, ctx.Err()
	case q.Quality == qualityBad:
		return engine.Result{}, fault.New(fault.Invalid, "The picture is damaged.")
	case q.Quality == qualityStumble && s.stumbled.CompareAndSwap(false, true):
		return engine.Result{}, errors.New("stumbled")
	case q.Quality == qualityGood:
		dieAt(s.file, stepDecode)
		s.tiles.Store(0)
		q.Output = steppedOutput{q.Output, s.file}
	}
	return s.pretendEngine.Upscale(ctx, q)
}

// steppedOutput is where the encoder writes to.
type steppedOutput struct {
	io.Writer
	file string
}

func (s steppedOutput) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	dieAt(s.file, stepEncode)
	return n, err
}

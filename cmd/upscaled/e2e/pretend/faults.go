//go:build e2e

package pretend

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"strconv"
	"syscall"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

// Environment variables of the Slow and Isolated engines.
const (
	// FaultsVariable is how many of a thousand tiles meet a fault.
	FaultsVariable = "UPSCALED_TEST_FAULTS"
	// FilesVariable is how many files the process may have open.
	FilesVariable = "UPSCALED_TEST_FILES"
	// RefusalVariable keeps an Isolated engine from being opened: "missing",
	// "usage" or "crash".
	RefusalVariable = "UPSCALED_TEST_REFUSAL"
)

// PoisonWidth is the width in pixels of images that crash an Isolated engine.
const PoisonWidth = 13

// Injected marks each fault in the log, before it happens.
const Injected = "fault injected: "

// faulty is New unless FaultsVariable asks for faults.
func faulty(limits imagedata.Limits, log io.Writer) Engine {
	rate, err := strconv.Atoi(os.Getenv(FaultsVariable))
	if err != nil {
		return New(limits)
	}
	before := func(context.Context) error { return failTile(rate, log) }
	return Engine{engine.New(engine.Options{
		Runtime: &enginetest.Runtime{Before: before}, Library: library(),
		Limits: limits, Detector: detector,
	})}
}

// failTile fails as devices do: out of memory, an error of the runtime and, one
// time in a hundred, a crash of the whole process.
func failTile(rate int, log io.Writer) error {
	if rand.Intn(1000) >= rate {
		return nil
	}
	switch kind := rand.Intn(100); {
	case kind == 0:
		fmt.Fprintln(log, Injected+"crash")
		die(syscall.SIGKILL)
	case kind < 50:
		fmt.Fprintln(log, Injected+"memory")
		return fault.New(fault.DeviceMemory, "The device has not enough free memory.")
	}
	fmt.Fprintln(log, Injected+"runtime")
	return fault.New(fault.Internal, "The runtime failed.")
}

// LimitFiles applies FilesVariable.
func LimitFiles() error {
	files, err := strconv.ParseUint(os.Getenv(FilesVariable), 10, 64)
	if err != nil {
		return nil
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: files, Max: files})
}

// refusal is why an Isolated engine cannot be opened.
func refusal(why string) error {
	switch why {
	case "missing":
		return fault.New(fault.ModelMissing, "The pretended model is not installed.")
	case "usage":
		return ErrUsage
	case "crash":
		die(syscall.SIGSEGV)
	}
	return nil
}

// die ends the process as a fault in native code or kill -9 does.
func die(signal syscall.Signal) {
	_ = syscall.Kill(os.Getpid(), signal)
	select {}
}

type poisoned struct{ slow }

// Upscale crashes on images of PoisonWidth.
func (p poisoned) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	if info, err := decode.Probe(q.Input, imagedata.Limits{}); err == nil && info.Width == PoisonWidth {
		die(syscall.SIGSEGV)
	}
	return p.slow.Upscale(ctx, q)
}

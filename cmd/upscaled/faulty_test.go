package main

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
	"upscaled/models/fault"
)

// faultsVariable makes the slow program's runtime fail: of a thousand tiles so
// many meet a fault. filesVariable is how many files it may have open.
const (
	faultsVariable = "UPSCALED_TEST_FAULTS"
	filesVariable  = "UPSCALED_TEST_FILES"
)

// injected marks each fault in the log, before it happens.
const injected = "fault injected: "

// newFaultyEngine is newPretendEngine unless faultsVariable asks for faults.
func newFaultyEngine(limits imagedata.Limits, log io.Writer) pretendEngine {
	rate, err := strconv.Atoi(os.Getenv(faultsVariable))
	if err != nil {
		return newPretendEngine(limits)
	}
	// Warming up asks for no size and must pass: a program that cannot even do
	// that is not started by its supervisor either.
	before := func(context.Context) error { return failTile(rate, log) }
	return pretendEngine{engine.New(engine.Options{
		Runtime: &enginetest.Runtime{Before: before}, Library: enginetest.Library{Network: enginetest.Net(4, 4)},
		Limits: limits, Faces: pretendFaces{},
	})}
}

// failTile fails as devices do: memory that ran out, an error of the runtime
// and, one time in a hundred, a crash of the whole process.
func failTile(rate int, log io.Writer) error {
	if rand.Intn(1000) >= rate {
		return nil
	}
	switch kind := rand.Intn(100); {
	case kind == 0:
		fmt.Fprintln(log, injected+"crash")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case kind < 50:
		fmt.Fprintln(log, injected+"memory")
		return fault.New(fault.DeviceMemory, "The device has not enough free memory.")
	default:
		fmt.Fprintln(log, injected+"runtime")
		return fault.New(fault.Internal, "The runtime failed.")
	}
}

// limitFiles applies filesVariable.
func limitFiles() {
	files, err := strconv.ParseUint(os.Getenv(filesVariable), 10, 64)
	if err != nil {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: files, Max: files}); err != nil {
		panic(err)
	}
}

package main

import (
	"context"
	"errors"

	"upscaled/models/fault"
)

// Exit codes; the guide lists them in cli.md.
const (
	exitOK = 0
	// exitFailed: at least one image or a check failed.
	exitFailed = 1
	// exitUsage: the command line or a setting is invalid; nothing was done.
	exitUsage = 2
	// exitMissing: ONNX Runtime or a model is missing and could not be downloaded.
	exitMissing = 3
	// exitMemory: the device has too little memory for any plan.
	exitMemory = 4
	// exitDevice: the GPU stopped working; starting the program again may help.
	exitDevice = 5
	// exitInternal: a defect in the program, as EX_SOFTWARE of sysexits.h.
	exitInternal = 70
	// exitInterrupted: SIGINT or SIGTERM, as shells report SIGINT.
	exitInterrupted = 130
)

// usageError is a mistake in the command line or a setting, found before
// anything was done.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// codedError has its own exit code and was already shown to the user.
type codedError struct {
	error
	code int
}

// unlessInterrupted makes a cancellation that no signal caused a failure: an operation
// whose time was over.
func unlessInterrupted(ctx context.Context, err error) error {
	//guard:interrupted TestTimeoutIsNoInterruption
	if ctx.Err() == nil && fault.KindOf(err) == fault.Canceled {
		return fault.New(fault.Internal, "An operation took too long and was given up (%v).", err)
	}
	return err
}

// exitCode is the only place that turns an error into the code of the process.
func exitCode(err error) int {
	if coded, ok := errors.AsType[codedError](err); ok {
		return coded.code
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return kindCode(fault.KindOf(err))
}

// kindCode is exitCode for an error's kind alone.
func kindCode(kind fault.Kind) int {
	switch kind {
	case "":
		return exitOK
	case fault.Canceled:
		return exitInterrupted
	case fault.ModelMissing, fault.FetchFailed:
		return exitMissing
	case fault.DeviceMemory:
		return exitMemory
	case fault.DeviceLost:
		return exitDevice
	case fault.Internal:
		return exitInternal
	}
	return exitFailed
}

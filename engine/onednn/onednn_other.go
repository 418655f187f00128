//go:build !linux

package onednn

import (
	"context"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/models/network"
)

var errElsewhere = fault.New(fault.Unsupported, "oneDNN is used on Linux only; use ONNX Runtime.")

// Runtime does not exist on this system.
type Runtime struct{}

// Probe fails with fault.Unsupported on this system.
func Probe(string) (Library, error) { return Library{}, errElsewhere }

// Open fails with fault.Unsupported on this system.
func Open(Options) (*Runtime, error) { return nil, errElsewhere }

// Device implements engine.Runtime.
func (*Runtime) Device() engine.Device { return engine.Device{} }

// Library returns the zero value.
func (*Runtime) Library() Library { return Library{} }

// Close does nothing.
func (*Runtime) Close() error { return nil }

// Open implements engine.Runtime.
func (*Runtime) Open(context.Context, *network.Network, network.Options) (engine.Session, error) {
	return nil, errElsewhere
}

// Package enginetest has a runtime that computes without any library, for
// tests of everything above the runtime, and the conformance suite that every
// engine.Runtime passes.
package enginetest

import (
	"context"
	"fmt"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// Net returns a fake model for Runtime, whose facts edit may change. Every output
// sample is the sum of all input samples within the receptive radius plus a mark
// of its position in the scaled pixel, modulo the sample's range. An output is
// wrong as soon as one pixel within the radius is missing, shifted or padded by
// mistake.
func Net(scale, radius int, edit ...func(*network.Info)) *network.Network {
	info := network.Info{
		Architecture: "pretend", Scale: scale, Radius: radius, Multiple: 1,
		FlopsPerPixel: 1000, BytesPerPixel: 1000,
	}
	for _, f := range edit {
		f(&info)
	}
	return network.Describe(fmt.Sprintf("pretend-%+v", info), info)
}

// Library is an engine.Library with one model under every name and, unless
// Restorer is nil, a face restorer under RestorerName.
type Library struct {
	Network, Restorer *network.Network
	RestorerName      string
}

// Load implements engine.Library.
func (l Library) Load(context.Context, string, *float64) (*network.Network, error) {
	return l.Network, nil
}

// Default implements engine.Library.
func (l Library) Default(string) string { return "pretend" }

// LoadRestorer implements engine.Library.
func (l Library) LoadRestorer(_ context.Context, name string) (*network.Network, string, error) {
	if l.Restorer == nil || name != l.RestorerName {
		return nil, "", fault.New(fault.ModelMissing, "No face restorer is installed.")
	}
	return l.Restorer, l.RestorerName, nil
}

// Package enginetest has a runtime that computes without any library, for
// tests of everything above the runtime, and the conformance suite that every
// engine.Runtime passes.
package enginetest

import (
	"context"
	"fmt"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Network is a pretend network: every output sample is a sum over all input
// samples within the receptive radius, plus a mark of its place in the scaled
// pixel, modulo the sample's range. So an output is wrong as soon as one pixel
// within the radius is missing, shifted or padded where it should not be.
type Network struct {
	Name        string
	Description network.Info
}

// Net makes a pretend network of a scale and radius.
func Net(scale, radius int) Network {
	return Network{
		Name: fmt.Sprintf("pretend-%dx-%d", scale, radius),
		Description: network.Info{
			Architecture: "pretend", Scale: scale, Radius: radius, Multiple: 1,
			FlopsPerPixel: 1000, BytesPerPixel: 1000,
		},
	}
}

// ID implements engine.Network.
func (n Network) ID() string { return fmt.Sprint(n.Name, n.Description) }

// Facts implements engine.Network.
func (n Network) Info() network.Info { return n.Description }

// Graph implements engine.Network; there is none.
func (n Network) Graph(network.Options) ([]byte, error) {
	return nil, fault.New(fault.Unsupported, "The pretend network has no graph.")
}

// Library is an engine.Library with one network under every name.
type Library struct{ Network engine.Network }

// Load implements engine.Library.
func (l Library) Load(context.Context, string, *float64) (engine.Network, error) {
	return l.Network, nil
}

// Default implements engine.Library.
func (l Library) Default(string) string { return "pretend" }

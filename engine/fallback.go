package engine

import (
	"context"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// WithFallback gives a runtime that opens sessions on first, and on second
// those of networks that first cannot run: it says fault.Unsupported. It
// describes itself as first. Both stay the caller's to close.
func WithFallback(first, second Runtime) Runtime { return fallback{first, second} }

type fallback struct{ first, second Runtime }

// Device implements Runtime. Memory that first does not tell is second's.
func (f fallback) Device() Device {
	d := f.first.Device()
	if d.Memory == 0 {
		other := f.second.Device()
		d.Memory, d.Free = other.Memory, other.Free
	}
	return d
}

// Open implements Runtime. A precision that is first's own becomes second's.
func (f fallback) Open(ctx context.Context, net *network.Network, o network.Options) (Session, error) {
	session, err := f.first.Open(ctx, net, o)
	if fault.KindOf(err) != fault.Unsupported {
		return session, err
	}
	if o.Precision == f.first.Device().Precision {
		o.Precision = f.second.Device().Precision
	}
	return f.second.Open(ctx, net, o)
}

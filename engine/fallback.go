package engine

import (
	"context"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// WithFallback returns a runtime that opens sessions on first, and on second for
// models that first reports as fault.Unsupported. It describes itself as first. The
// caller closes both.
func WithFallback(first, second Runtime) Runtime { return fallback{first, second} }

type fallback struct{ first, second Runtime }

// Device implements Runtime. Memory that first does not know is second's.
func (f fallback) Device() Device {
	d := f.first.Device()
	if d.Memory == 0 {
		other := f.second.Device()
		d.Memory, d.Free = other.Memory, other.Free
	}
	return d
}

// Open implements Runtime. A precision that is first's default becomes second's
// default.
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

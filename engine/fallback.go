package engine

import (
	"context"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// WithFallback returns a runtime that opens sessions on first, and on second for
// models that first reports as fault.Unsupported. It describes itself as first.
// second is called when such a model is opened, and may fail; it should return the
// same runtime each time. The caller closes both.
func WithFallback(first Runtime, second func(context.Context) (Runtime, error)) Runtime {
	return fallback{first, second}
}

type fallback struct {
	first  Runtime
	second func(context.Context) (Runtime, error)
}

// Device implements Runtime.
func (f fallback) Device() Device { return f.first.Device() }

// Open implements Runtime. A precision that is first's default becomes second's
// default.
func (f fallback) Open(ctx context.Context, net *network.Network, o network.Options) (Session, error) {
	session, err := f.first.Open(ctx, net, o)
	if fault.KindOf(err) != fault.Unsupported {
		return session, err
	}
	second, err := f.second(ctx)
	if err != nil {
		return nil, err
	}
	if o.Precision == f.first.Device().Precision {
		o.Precision = second.Device().Precision
	}
	return second.Open(ctx, net, o)
}

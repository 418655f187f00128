package upscaler

import (
	"context"

	"upscaled/engine"
	"upscaled/engine/ort"
	"upscaled/models/fault"
)

// native is ONNX Runtime on the first device. It is opened when it is first needed,
// which on CPUs may be never.
type native struct {
	open func(context.Context) (*ort.Runtime, error)
	// installed reports whether open has nothing to download.
	installed func() bool
	turn      chan struct{} // of capacity 1; held while runtime is read or opened
	runtime   *ort.Runtime
}

func newNative(open func(context.Context) (*ort.Runtime, error), installed func() bool) *native {
	return &native{open: open, installed: installed, turn: make(chan struct{}, 1)}
}

// get opens the runtime unless it is open. It may be called concurrently, and again
// after it failed.
func (n *native) get(ctx context.Context) (*ort.Runtime, error) {
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
	}
	var err error
	if n.runtime == nil {
		n.runtime, err = n.open(ctx)
	}
	return n.runtime, err
}

// asRuntime is get for engine.WithFallback.
func (n *native) asRuntime(ctx context.Context) (engine.Runtime, error) {
	runtime, err := n.get(ctx)
	if err != nil {
		return nil, err
	}
	return runtime, nil
}

func (n *native) close() error {
	if n.runtime == nil {
		return nil
	}
	return n.runtime.Close()
}

package ort

import (
	"context"
	"runtime"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// session implements engine.Session. ONNX Runtime allows concurrent runs of one
// session; the lock only keeps Close from overtaking them.
type session struct {
	mutex   sync.RWMutex
	inner   *onnx.DynamicAdvancedSession // nil once closed
	info    network.Info
	options network.Options
	// turn is the runtime's. spare holds unused outputs if it is not nil.
	turn  *sync.Mutex
	spare sync.Pool
}

// Close implements engine.Session. It does not wait for the device's turn, which a
// run may hold that nobody waits for.
func (s *session) Close() error {
	if s.turn != nil {
		if !s.turn.TryLock() {
			inBackground(func() {
				s.turn.Lock()
				defer s.turn.Unlock()
				s.mutex.Lock()
				_ = s.destroy()
			})
			return nil
		}
		defer s.turn.Unlock()
	}
	s.mutex.Lock()
	return s.destroy()
}

// destroy unlocks the mutex.
func (s *session) destroy() error {
	defer s.mutex.Unlock()
	if s.inner == nil {
		return nil
	}
	err := s.inner.Destroy()
	s.inner = nil
	return err
}

// Run implements engine.Session.
func (s *session) Run(ctx context.Context, in, out imagedata.Raster) error {
	if s.turn == nil {
		return s.compute(ctx, in, out)
	}
	if err := s.check(in, out); err != nil {
		return err
	}
	// A run that ctx ended may write when out is another image's.
	own, ok := s.spare.Get().(*imagedata.Raster)
	if !ok || own.Width != out.Width || own.Height != out.Height {
		own = new(imagedata.NewRaster(out.Width, out.Height, out.Channels, out.Depth()))
	}
	_, err := await(ctx, s.turn, func() (struct{}, error) { return struct{}{}, s.compute(ctx, in, *own) }, func(struct{}) {})
	if err == nil {
		copy(out.Pix, own.Pix)
		copy(out.Pix16, own.Pix16)
		s.spare.Put(own)
	}
	return err
}

// compute is Run until the device has ended.
func (s *session) compute(ctx context.Context, in, out imagedata.Raster) error {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if s.inner == nil {
		return fault.New(fault.Internal, "The session is closed.")
	}
	if err := s.check(in, out); err != nil {
		return err
	}
	input, unpinIn, err := tensor(in)
	if err != nil {
		return translate(err, "bind the input")
	}
	defer unpinIn()
	output, unpinOut, err := tensor(out)
	if err != nil {
		return translate(err, "bind the output")
	}
	defer unpinOut()
	return s.run(ctx, input, output)
}

// warmUp runs the session's one shape once, so that opening it includes the choice
// of algorithms and the building of kernels.
func (s *session) warmUp(ctx context.Context) error {
	depth := 8
	if s.options.Sample == network.Uint16 {
		depth = 16
	}
	in := imagedata.NewRaster(s.options.Width, s.options.Height, s.options.Channels, depth)
	width, height := engine.OutputSize(s.info, s.options.Borders, in.Width, in.Height)
	return s.compute(ctx, in, imagedata.NewRaster(width, height, in.Channels, depth))
}

// run stops soon after ctx ends: ONNX Runtime checks the flag between the nodes of
// the graph.
func (s *session) run(ctx context.Context, input, output onnx.Value) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	options, err := onnx.NewRunOptions()
	if err != nil {
		return translate(err, "set up a run")
	}
	defer options.Destroy()
	stop := context.AfterFunc(ctx, func() { _ = options.Terminate() })
	err = s.inner.RunWithOptions([]onnx.Value{input}, []onnx.Value{output}, options)
	stop()
	if err != nil && ctx.Err() != nil {
		return canceled(ctx)
	}
	return translate(err, "run the model")
}

func (s *session) check(in, out imagedata.Raster) error {
	width, height := engine.OutputSize(s.info, s.options.Borders, in.Width, in.Height)
	depth := 8
	if s.options.Sample == network.Uint16 {
		depth = 16
	}
	for _, r := range []imagedata.Raster{in, out} {
		if r.Channels != s.options.Channels || r.Depth() != depth || len(r.Pix)+len(r.Pix16) != r.Width*r.Height*r.Channels {
			return fault.New(fault.Internal, "A tile's buffers do not fit its session.")
		}
	}
	if out.Width != width || out.Height != height || width < 1 || height < 1 {
		return fault.New(fault.Internal, "A tile's result does not fit its session.")
	}
	return nil
}

// tensor binds a raster's memory without a copy. The returned function unpins the
// memory and frees the tensor.
func tensor(r imagedata.Raster) (onnx.Value, func(), error) {
	shape := onnx.NewShape(1, int64(r.Height), int64(r.Width), int64(r.Channels))
	if r.Pix16 != nil {
		return bound(shape, r.Pix16)
	}
	return bound(shape, r.Pix)
}

func bound[T uint8 | uint16](shape onnx.Shape, data []T) (onnx.Value, func(), error) {
	var pinner runtime.Pinner
	pinner.Pin(&data[0])
	t, err := onnx.NewTensor(shape, data)
	if err != nil {
		pinner.Unpin()
		return nil, nil, err
	}
	return t, func() {
		_ = t.Destroy()
		pinner.Unpin()
	}, nil
}

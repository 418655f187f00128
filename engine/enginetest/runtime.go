package enginetest

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Runtime is an engine.Runtime for Networks of this package.
type Runtime struct {
	// MostPixels is the largest tile that fits the pretended memory; 0 for any.
	MostPixels int
	// Black makes float16 sessions answer zeros, as overflowing ones do.
	Black bool
	// Precision is the device's; "" is float32.
	Precision network.Precision
	// Static and Parallel are the device's StaticShapes and Parallel.
	Static   bool
	Parallel int
	// Streams makes sessions engine.Streamers, of images up to Widest pixels
	// wide; 0 for any.
	Streams bool
	Widest  int
	// Before, where not nil, is called at the start of every run.
	Before func(ctx context.Context) error

	// Opened, Closed and Ran count.
	Opened, Closed, Ran atomic.Int64
}

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	precision := r.Precision
	if precision == "" {
		precision = network.Float32
	}
	return engine.Device{Kind: "cpu", Name: "pretend", Precision: precision, StaticShapes: r.Static, Parallel: r.Parallel}
}

// Open implements engine.Runtime.
func (r *Runtime) Open(ctx context.Context, net *network.Network, o network.Options) (engine.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	r.Opened.Add(1)
	s := &session{runtime: r, facts: net.Info(), options: o}
	if r.Streams && o.Borders == network.AllBorders {
		return streaming{s}, nil
	}
	return s, nil
}

// streaming is a session that also hands out rows.
type streaming struct{ *session }

// Widest implements engine.Streamer.
func (s streaming) Widest() int {
	if s.runtime.Widest > 0 {
		return s.runtime.Widest
	}
	return math.MaxInt
}

// Share implements engine.Streamer.
func (s streaming) Share(width, _ int) float64 { return float64(width) / float64(s.Widest()) }

// Stream implements engine.Streamer, in bands of 1, 2, 3 ... rows and with one
// buffer for all of them.
func (s streaming) Stream(ctx context.Context, in imagedata.Raster, emit func(imagedata.Raster) error) error {
	width, height := engine.OutputSize(s.facts, network.AllBorders, in.Width, in.Height)
	whole := imagedata.NewRaster(width, height, in.Channels, in.Depth())
	if err := s.Run(ctx, in, whole); err != nil {
		return err
	}
	for from, rows := 0, 1; from < height; from, rows = from+rows, rows+1 {
		band := whole.Rows(from, min(from+rows, height))
		lent := imagedata.NewRaster(width, band.Height, in.Channels, in.Depth())
		copy(lent.Pix, band.Pix)
		copy(lent.Pix16, band.Pix16)
		if err := emit(lent); err != nil {
			return err
		}
		clear(lent.Pix)
		clear(lent.Pix16)
	}
	return nil
}

type session struct {
	runtime *Runtime
	facts   network.Info
	options network.Options
	mutex   sync.RWMutex
	closed  bool
}

// Close implements engine.Session.
func (s *session) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.closed {
		s.closed = true
		s.runtime.Closed.Add(1)
	}
	return nil
}

// Run implements engine.Session.
func (s *session) Run(ctx context.Context, in, out imagedata.Raster) error {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if s.closed {
		return fault.New(fault.Internal, "The session is closed.")
	}
	if err := s.check(in, out); err != nil {
		return err
	}
	if s.runtime.Before != nil {
		if err := s.runtime.Before(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	if most := s.runtime.MostPixels; most > 0 && in.Width*in.Height > most {
		return fault.New(fault.DeviceMemory, "The device has not enough free memory.")
	}
	s.runtime.Ran.Add(1)
	if s.runtime.Black && s.options.Precision == network.Float16 {
		clear(out.Pix)
		clear(out.Pix16)
		return nil
	}
	Compute(s.facts, s.options.Borders, in, out)
	return nil
}

func (s *session) check(in, out imagedata.Raster) error {
	wrong := fault.New(fault.Internal, "A tile's buffers do not fit its session.")
	f := s.facts
	for _, r := range []imagedata.Raster{in, out} {
		depth16 := s.options.Sample == network.Uint16
		if r.Channels != s.options.Channels || (r.Pix16 != nil) != depth16 || len(r.Pix)+len(r.Pix16) != r.Width*r.Height*r.Channels {
			return wrong
		}
	}
	if o := s.options; o.Width > 0 && (in.Width != o.Width || in.Height != o.Height) {
		return wrong
	}
	width, height := engine.OutputSize(f, s.options.Borders, in.Width, in.Height)
	if out.Width != width || out.Height != height || width < 1 || height < 1 {
		return wrong
	}
	if in.Width%f.Multiple != 0 || in.Height%f.Multiple != 0 ||
		f.FixedWidth > 0 && (in.Width != f.FixedWidth || in.Height != f.FixedHeight) {
		return wrong
	}
	return nil
}

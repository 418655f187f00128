package enginetest

import (
	"cmp"
	"context"
	"math"
	"sync"
	"sync/atomic"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Runtime is an engine.Runtime for Networks of this package. It behaves as its
// fields say: as a CPU that takes no time, or as a card (card.go).
type Runtime struct {
	// Precision is the device's; "" is float32.
	Precision network.Precision
	// Static and Parallel are the device's StaticShapes and Parallel.
	Static   bool
	Parallel int
	// Streams makes sessions engine.Streamers, of images up to Widest pixels
	// wide; 0 for any.
	Streams bool
	Widest  int
	// Memory is the device's in bytes; 0 is as much as is asked for. SetMemory
	// changes it later. Secret leaves it out of the device's description.
	Memory int64
	Secret bool
	// Hunger multiplies the memory that sessions take; 0 is 1.
	Hunger float64
	// Black is the probability that a part of a float16 tile is black, as where sums
	// overflow.
	Black float64
	// Speed is how long everything takes; none takes no time.
	Speed Speed
	// Before, where not nil, is called at the start of every run.
	Before func(ctx context.Context) error

	// Opened and Closed count sessions, Ran tiles, Refused requests for more memory
	// than is free, and Pinned the tiles of AllocateTile that are not freed yet.
	Opened, Closed, Ran, Refused, Pinned atomic.Int64

	card card
}

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	d := engine.Device{Kind: "cpu", Name: "pretend", Precision: cmp.Or(r.Precision, network.Float32), StaticShapes: r.Static, Parallel: r.Parallel}
	if !r.Secret {
		d.Memory, d.Free = r.room()
	}
	return d
}

// AllocateTile implements engine.TileMemory.
func (r *Runtime) AllocateTile(width, height, channels, depth int) imagedata.Raster {
	r.Pinned.Add(1)
	return imagedata.NewRaster(width, height, channels, depth)
}

// FreeTile implements engine.TileMemory.
func (r *Runtime) FreeTile(imagedata.Raster) { r.Pinned.Add(-1) }

// Open implements engine.Runtime. A session of a fixed shape holds its memory until
// it is closed, others take it for each run.
func (r *Runtime) Open(ctx context.Context, net *network.Network, o network.Options) (engine.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	s := &session{runtime: r, facts: net.Info(), options: o, idle: sync.NewCond(&sync.Mutex{})}
	held := s.bytes(o.Width, o.Height)
	if err := r.take(held); err != nil {
		return nil, err
	}
	if err := r.wait(ctx, nil, r.Speed.Open, nothing); err != nil {
		r.give(held)
		return nil, err
	}
	s.held = held
	r.Opened.Add(1)
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
	held    int64 // bytes
	// idle is signaled when a run ends; its mutex guards runs and closed. Unlike an
	// RWMutex it lets a test's clock run on.
	idle   *sync.Cond
	runs   int
	closed bool
}

// Close implements engine.Session.
func (s *session) Close() error {
	s.idle.L.Lock()
	defer s.idle.L.Unlock()
	for s.runs > 0 {
		s.idle.Wait()
	}
	if !s.closed {
		s.closed = true
		s.runtime.give(s.held)
		s.runtime.Closed.Add(1)
	}
	return nil
}

// Run implements engine.Session.
func (s *session) Run(ctx context.Context, in, out imagedata.Raster) error {
	s.idle.L.Lock()
	if s.closed {
		s.idle.L.Unlock()
		return fault.New(fault.Internal, "The session is closed.")
	}
	s.runs++
	s.idle.L.Unlock()
	defer func() {
		s.idle.L.Lock()
		s.runs--
		s.idle.L.Unlock()
		s.idle.Broadcast()
	}()
	if err := s.check(in, out); err != nil {
		return err
	}
	if s.runtime.Before != nil {
		if err := s.runtime.Before(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return canceled(err)
	}
	return s.compute(ctx, in, out)
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

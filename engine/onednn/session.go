//go:build linux

package onednn

import (
	"context"
	"sync"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// session implements engine.Session and engine.Streamer. Runs share the weights;
// each has its own rings.
type session struct {
	runtime   *Runtime
	info      network.Info
	options   network.Options
	program   *network.Sequential
	producers []int
	weights   weightStore
	// own is set if this package's own kernels compute, in bfloat16 from rings of
	// float16.
	own bool

	// lock keeps Close from overtaking runs.
	lock   sync.RWMutex
	closed bool
}

func newSession(r *Runtime, f network.Info, o network.Options, p *network.Sequential) *session {
	s := &session{runtime: r, info: f, options: o, program: p}
	s.own = r.ownKernels(p, o.Precision)
	if o.Precision == network.BFloat16 && o.Sample == network.Uint16 && !s.own {
		s.program = split(p)
	}
	s.producers = producers(p)
	s.weights = newWeightStore(len(p.Convolutions))
	return s
}

// split doubles the channels of tensor 0 and of the first layer's weights: the
// second half holds the residue that bfloat16 cuts off 16-bit samples.
func split(p *network.Sequential) *network.Sequential {
	other := *p
	other.Tensors = append([]network.Tensor(nil), p.Tensors...)
	other.Tensors[0].Channels *= 2
	other.Convolutions = append([]network.Convolution(nil), p.Convolutions...)
	for i, c := range other.Convolutions {
		if c.From != 0 {
			continue
		}
		size := c.In * 9
		var twice []float32
		for o := range c.Out {
			filter := c.Weight[o*size:][:size]
			twice = append(append(twice, filter...), filter...)
		}
		other.Convolutions[i].In, other.Convolutions[i].Weight = 2*c.In, twice
	}
	return &other
}

// Close implements engine.Session.
func (s *session) Close() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	idle := s.runtime.takeIdle(s)
	return s.runtime.do(func() error {
		idle.free()
		s.weights.free()
		return nil
	})
}

// Run implements engine.Session.
func (s *session) Run(ctx context.Context, in, out imagedata.Raster) error {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if err := s.check(in); err != nil {
		return err
	}
	width, height := engine.OutputSize(s.info, s.options.Borders, in.Width, in.Height)
	if !s.fits(out) || out.Width != width || out.Height != height || width < 1 || height < 1 {
		return fault.New(fault.Internal, "A tile's result does not fit its session.")
	}
	return s.stream(ctx, in, s.cropping(out))
}

// cropping returns a receiver of the model's rows that copies the part within the
// session's borders to out.
func (s *session) cropping(out imagedata.Raster) func(imagedata.Raster) error {
	x0, skip, row := 0, 0, 0
	if !s.options.Borders.Left {
		x0 = s.info.Radius * s.info.Scale * out.Channels
	}
	if !s.options.Borders.Top {
		skip = s.info.Radius * s.info.Scale
	}
	return func(rows imagedata.Raster) error {
		line, wide := out.Width*out.Channels, rows.Width*rows.Channels
		for y := range rows.Height {
			if to := row + y - skip; to >= 0 && to < out.Height {
				if out.Pix16 != nil {
					copy(out.Pix16[to*line:][:line], rows.Pix16[y*wide+x0:])
				} else {
					copy(out.Pix[to*line:][:line], rows.Pix[y*wide+x0:])
				}
			}
		}
		row += rows.Height
		return nil
	}
}

// Stream implements engine.Streamer.
func (s *session) Stream(ctx context.Context, in imagedata.Raster, emit func(imagedata.Raster) error) error {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if err := s.check(in); err != nil {
		return err
	}
	if s.options.Borders != network.AllBorders {
		return fault.New(fault.Internal, "Only whole images can be streamed.")
	}
	return s.stream(ctx, in, emit)
}

// Widest implements engine.Streamer: rings of single rows still fit the memory.
func (s *session) Widest() int {
	const columns, tall = 1024, 4096 // rings need the same of every taller image
	p := &plan{program: s.program, width: columns, height: tall, rows: 1}
	p.measure()
	return int(s.runtime.options.Memory*columns/p.bytes(s.elementSize())) * max(1, s.program.PixelUnshuffle)
}

// Share implements engine.Streamer.
func (s *session) Share(width, height int) float64 {
	fold := max(1, s.program.PixelUnshuffle)
	p := newPlan(s.program, width/fold, height/fold, s.elementSize(), s.runtime.options.Memory)
	return float64(p.bytes(s.elementSize())) / float64(s.runtime.options.Memory)
}

// elementSize is the element size of the ring buffers in bytes. The first ring,
// which holds the image's samples, is ignored: it is small.
func (s *session) elementSize() int {
	if s.options.Precision == network.BFloat16 {
		return 2
	}
	return 4
}

func (s *session) check(in imagedata.Raster) error {
	if s.closed {
		return fault.New(fault.Internal, "The session is closed.")
	}
	m := max(1, s.info.Multiple)
	if !s.fits(in) || in.Width < 1 || in.Height < 1 || in.Width%m != 0 || in.Height%m != 0 ||
		s.options.Width > 0 && (in.Width != s.options.Width || in.Height != s.options.Height) {
		return fault.New(fault.Internal, "A tile's buffers do not fit its session.")
	}
	return nil
}

func (s *session) fits(r imagedata.Raster) bool {
	depth := 8
	if s.options.Sample == network.Uint16 {
		depth = 16
	}
	return r.Channels == s.options.Channels && r.Depth() == depth &&
		len(r.Pix)+len(r.Pix16) == r.Width*r.Height*r.Channels
}

// stream runs an image step by step. Other images may run between steps.
func (s *session) stream(ctx context.Context, in imagedata.Raster, emit func(imagedata.Raster) error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	held, err := s.acquire(in.Width/s.program.PixelUnshuffle, in.Height/s.program.PixelUnshuffle)
	if err != nil {
		return err
	}
	defer s.release(held)
	at := held.plan.start()
	for !held.plan.finished(at) {
		var out imagedata.Raster
		err := s.runtime.doUnless(ctx.Done(), func() (err error) {
			out, err = held.step(ctx, at, in)
			return err
		})
		if err != nil {
			return err
		}
		if out.Height > 0 {
			if err := emit(out); err != nil {
				return err
			}
		}
	}
	return nil
}

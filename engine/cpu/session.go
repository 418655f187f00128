package cpu

import (
	"context"
	"sync"

	"upscaled/engine"
	"upscaled/engine/cpu/kernels"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// session implements engine.Session and engine.Streamer. Runs share the packed
// weights; each has its own rings.
type session struct {
	runtime *Runtime
	info    network.Info
	options network.Options
	model   *network.Sequential
	choice  choice
	types   []kernels.Type // of each tensor's ring

	packing sync.Once
	convs   []*kernels.Conv
	prelu   []kernels.Memory
	packErr error

	// lock keeps Close from overtaking runs.
	lock   sync.RWMutex
	closed bool
}

func newSession(r *Runtime, info network.Info, o network.Options, m *network.Sequential, c choice) *session {
	s := &session{runtime: r, info: info, options: o, model: m, choice: c}
	for i := range m.Tensors {
		// The image's samples are kept as they are.
		t := kernels.Float32
		if i > 0 {
			t = c.kernel.Type()
		}
		s.types = append(s.types, t)
	}
	return s
}

// preciseConvs is how many of a model's first convolutions have precise weights:
// all later layers see what these round. It gains 1 dB for general-x4v3 and takes
// 6 % of its time; 8 more would gain 0.2 dB.
const preciseConvs = 9

// pack packs the weights when they are first needed.
func (s *session) pack() error {
	s.packing.Do(func() { s.packErr = s.packAll() })
	return s.packErr
}

func (s *session) packAll() error {
	for i, c := range s.model.Convolutions {
		kernel := s.choice.kernel
		if s.types[c.From] != kernel.Type() {
			kernel = s.choice.set.Exact
		}
		conv, err := kernel.Pack(c.In, c.Out, c.Weight, c.Bias, i < preciseConvs)
		if err != nil {
			return err
		}
		s.convs = append(s.convs, conv)
		var slopes kernels.Memory
		if c.PReLU != nil {
			if slopes, err = kernels.Allocate(4 * c.Out); err != nil {
				return err
			}
			copy(slopes.Floats(c.Out), c.PReLU)
		}
		s.prelu = append(s.prelu, slopes)
	}
	return nil
}

// scratch returns how many bytes a thread needs.
func (s *session) scratch() int {
	most := 0
	for _, c := range s.convs {
		most = max(most, c.Scratch())
	}
	return most
}

// Close implements engine.Session.
func (s *session) Close() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.runtime.idle.free(s)
	for _, c := range s.convs {
		c.Free()
	}
	for i := range s.prelu {
		s.prelu[i].Free()
	}
	return nil
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
	return s.stream(ctx, in, s.crop(out))
}

// crop returns a receiver of the model's rows that copies the part within the
// session's borders to out.
func (s *session) crop(out imagedata.Raster) func(imagedata.Raster) error {
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

// Widest implements engine.Streamer: the lowest bands still fit the memory.
func (s *session) Widest() int {
	const columns, tall = 1024, 4096 // every taller image needs the same
	p := s.plan(columns, tall, 1)
	return int(s.runtime.options.Memory*columns/p.bytes()) * max(1, s.model.PixelUnshuffle)
}

// Share implements engine.Streamer.
func (s *session) Share(width, height int) float64 {
	block, memory := max(1, s.model.PixelUnshuffle), s.runtime.options.Memory
	p := s.plan(width/block, height/block, memory)
	return float64(p.bytes()) / float64(memory)
}

func (s *session) plan(width, height int, memory int64) *plan {
	return newPlan(s.model, width, height, s.choice.kernel.RowMultiple(), s.runtime.options.Threads, s.types, memory)
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
	return s.pack()
}

func (s *session) fits(r imagedata.Raster) bool {
	depth := 8
	if s.options.Sample == network.Uint16 {
		depth = 16
	}
	return r.Channels == s.options.Channels && r.Depth() == depth &&
		len(r.Pix)+len(r.Pix16) == r.Width*r.Height*r.Channels
}

// stream runs an image step by step.
func (s *session) stream(ctx context.Context, in imagedata.Raster, emit func(imagedata.Raster) error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	r, err := s.acquire(in.Width/s.model.PixelUnshuffle, in.Height/s.model.PixelUnshuffle)
	if err != nil {
		return err
	}
	defer s.release(r)
	at := r.plan.start(r.tables)
	for !r.plan.finished(at) {
		out, err := r.run(ctx, at, in)
		if err != nil {
			return err
		}
		if out.Height == 0 {
			continue
		}
		if err := emit(out); err != nil {
			return err
		}
	}
	return nil
}

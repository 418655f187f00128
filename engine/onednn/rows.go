//go:build linux

package onednn

// #include <stdlib.h>
// #include "rows.h"
import "C"

import (
	"context"
	"unsafe"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// rows is what one run at a time holds of the picture between convolutions.
// It lives outside of the collected heap and is used on the computing thread.
type rows struct {
	session *session
	plan    *plan
	kernels kernels
	// stacks are rings of what convolutions read, kept those of what is added.
	stacks, kept []C.od_ring
	slopes       []*C.float
	// window and result have room for the largest band.
	window unsafe.Pointer
	result *C.float
	blocks []unsafe.Pointer // everything to be freed
	out    imagedata.Raster // the rows that a step finished, used again
}

// acquire takes the rows that an earlier run left, or makes new ones in their
// place.
func (s *session) acquire(width, height int) (*rows, error) {
	held := s.runtime.takeIdle(nil)
	if held != nil && held.session == s && held.plan.width == width && held.plan.height == height {
		return held, nil
	}
	h := &rows{session: s, kernels: newKernels(s.program)}
	h.plan = newPlan(s.program, width, height, s.bytes(), s.runtime.options.Memory)
	err := s.runtime.do(func() error {
		held.free()
		return h.allocate()
	})
	return h, err
}

// release keeps rows for the next run, in place of any others: what is kept is
// never more than one run's.
func (s *session) release(h *rows) {
	s.runtime.idleLock.Lock()
	h, s.runtime.idle = s.runtime.idle, h
	s.runtime.idleLock.Unlock()
	if h != nil {
		_ = s.runtime.do(func() error {
			h.free()
			return nil
		})
	}
}

// takeIdle takes what the last run left, or nil; only that of a session where
// one is given.
func (r *Runtime) takeIdle(of *session) *rows {
	r.idleLock.Lock()
	defer r.idleLock.Unlock()
	h := r.idle
	if h != nil && of != nil && h.session != of {
		return nil
	}
	r.idle = nil
	return h
}

// number is the type of the numbers that a stack holds. This package's own
// kernels take the picture's samples as they are.
func (h *rows) number(stack int) C.int {
	switch {
	case h.session.options.Precision != network.BFloat16, h.session.own && stack == 0:
		return C.OD_F32
	case h.session.own:
		return C.OD_F16
	}
	return C.OD_BF16
}

func (h *rows) allocate() error {
	p := h.session.program
	window, result := 0, 0
	for i, s := range p.Tensors {
		width := h.plan.width * s.Scale
		main := C.od_ring{_type: h.number(i), capacity: C.int(h.plan.capacity[i]), channels: C.int(s.Channels), width: C.int(width)}
		main.data = h.room(h.plan.capacity[i] * width * s.Channels * int(C.od_number_size(main._type)))
		kept := C.od_ring{_type: C.OD_F32, capacity: C.int(h.plan.kept[i]), channels: C.int(s.Kept), width: C.int(width)}
		if s.Kept > 0 && h.plan.kept[i] > 0 {
			kept.data = h.room(h.plan.kept[i] * width * s.Kept * 4)
		}
		h.stacks, h.kept = append(h.stacks, main), append(h.kept, kept)
	}
	for i, c := range p.Convolutions {
		positions := h.plan.width * h.plan.zoom(i)
		most := max(1, h.plan.rows/h.plan.zoom(i))
		if h.session.own {
			window = C.od_room * h.session.runtime.options.Threads
		} else {
			window = max(window, (most+2)*positions*c.In*h.session.bytes())
		}
		if !h.session.own || c.To < 0 {
			result = max(result, most*positions*c.Out*4)
		}
		var slopes *C.float
		if c.PReLU != nil {
			slopes = (*C.float)(h.room(4 * c.Out))
			if slopes != nil {
				copy(unsafe.Slice((*float32)(slopes), c.Out), c.PReLU)
			}
		}
		h.slopes = append(h.slopes, slopes)
	}
	h.window, h.result = h.room(window), (*C.float)(h.room(result))
	for _, block := range h.blocks {
		if block == nil {
			h.free()
			return fault.New(fault.DeviceMemory, "There is not enough memory to run the network.")
		}
	}
	return nil
}

// room gives aligned memory, or nil when there is none.
func (h *rows) room(bytes int) unsafe.Pointer {
	const line = 64
	block := C.aligned_alloc(line, C.size_t((bytes+line)/line*line))
	h.blocks = append(h.blocks, block)
	return block
}

// free may be called on nil and repeated.
func (h *rows) free() {
	if h == nil {
		return
	}
	h.kernels.free()
	for _, block := range h.blocks {
		C.free(block)
	}
	h.blocks = nil
}

// step takes the next rows of the picture in and computes what they allow. It
// gives the picture's rows that this finished; they are valid until the next
// step.
func (h *rows) step(ctx context.Context, at *progress, in imagedata.Raster) (imagedata.Raster, error) {
	p := h.session.program
	h.takeIn(in, at.taken, min(at.taken+h.plan.rows, h.plan.height))
	last := len(p.Convolutions) - 1
	first := at.done[last] * p.PixelShuffle
	out := imagedata.Raster{Width: h.plan.width * h.plan.zoom(last) * p.PixelShuffle, Channels: p.Channels}
	err := h.plan.step(at, h.session.makers, func(i, y, rows int) error {
		if err := ctx.Err(); err != nil {
			return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
		}
		if err := h.band(i, y, rows); err != nil || i < last {
			return err
		}
		from := y*p.PixelShuffle - first
		h.reserve(&out, in.Depth(), from+rows*p.PixelShuffle)
		h.hand(out.Rows(from, from+rows*p.PixelShuffle), in, y, rows)
		return nil
	})
	return out, err
}

// reserve makes out as many rows high.
func (h *rows) reserve(out *imagedata.Raster, depth, height int) {
	if h.out.Height < height || h.out.Width != out.Width || h.out.Depth() != depth {
		larger := imagedata.NewRaster(out.Width, height, out.Channels, depth)
		copy(larger.Pix, out.Pix)
		copy(larger.Pix16, out.Pix16)
		h.out = larger
	}
	*out = h.out.Rows(0, height)
}

func (h *rows) band(i, y, height int) error {
	c := &h.session.program.Convolutions[i]
	b := C.od_band{
		from: h.stacks[c.From],
		in:   C.int(c.In), out: C.int(c.Out), enlarge: C.int(c.Upsample), y: C.int(y), height: C.int(height),
		width: C.int(h.plan.width * h.plan.zoom(i)), last: C.int(h.plan.heightOf(i)),
		window: h.window, result: h.result, slopes: h.slopes[i], at: C.int(c.At),
	}
	for n, a := range c.Residuals {
		b.added[n] = C.od_added{ring: h.kept[a.Tensor], factor: C.float(a.Factor)}
	}
	if c.To >= 0 {
		b.to = h.stacks[c.To]
		if c.At == 0 {
			b.kept = h.kept[c.To]
		}
	}
	if h.session.own {
		return h.session.weights.run(i, c, &b)
	}
	k, err := h.kernel(i, height)
	if err != nil {
		return err
	}
	b.conv, b.weights = k.conv, k.weights
	return failed(C.od_band_run(&b), "run a convolution")
}

// takeIn puts rows y0 up to y1 of stack 0 into its ring.
func (h *rows) takeIn(in imagedata.Raster, y0, y1 int) {
	if y0 == y1 {
		return
	}
	p := h.session.program
	C.od_picture_in(&h.stacks[0], samples(in.Rows(y0*p.PixelUnshuffle, y1*p.PixelUnshuffle)), C.int(in.Depth()), C.int(p.Channels), C.int(p.PixelUnshuffle), C.int(y0), C.int(y1-y0))
}

// hand makes picture rows of the last convolution's rows from y on.
func (h *rows) hand(out, in imagedata.Raster, y, height int) {
	p := h.session.program
	var added unsafe.Pointer
	if p.AddsInput {
		added = samples(in.Rows(y, y+height))
	}
	last := len(p.Convolutions) - 1
	C.od_picture_out(h.result, C.int(height), C.int(h.plan.width*h.plan.zoom(last)), C.int(p.PixelShuffle), C.int(p.Channels), added, samples(out), C.int(in.Depth()))
}

func samples(r imagedata.Raster) unsafe.Pointer {
	if r.Pix16 != nil {
		return unsafe.Pointer(&r.Pix16[0])
	}
	return unsafe.Pointer(&r.Pix[0])
}

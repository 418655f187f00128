//go:build linux

package onednn

// #include <stdlib.h>
// #include "band.h"
import "C"

import (
	"context"
	"unsafe"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// rings holds the rows of an image between convolutions during one run. It lives
// outside of the garbage-collected heap and is used on the computing thread.
type rings struct {
	session *session
	plan    *plan
	kernels kernels
	// tensors are what convolutions read, kept what they add as residuals.
	tensors, kept []C.od_ring
	slopes        []*C.float
	// scratch and result fit the largest band.
	scratch unsafe.Pointer
	result  *C.float
	blocks  []unsafe.Pointer // everything to free
	out     imagedata.Raster // the rows that a step completed, used again
}

// acquire reuses the rings of an earlier run, or replaces them.
func (s *session) acquire(width, height int) (*rings, error) {
	held := s.runtime.takeIdle(nil)
	if held != nil && held.session == s && held.plan.width == width && held.plan.height == height {
		return held, nil
	}
	h := &rings{session: s, kernels: newKernels(s.program)}
	h.plan = newPlan(s.program, width, height, s.elementSize(), s.runtime.options.Memory)
	err := s.runtime.do(func() error {
		held.free()
		return h.allocate()
	})
	return h, err
}

// release keeps rings for the next run in place of any others, so that never more
// than one run's are kept.
func (s *session) release(h *rings) {
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

// takeIdle returns the rings that the last run left, or nil. A non-nil session
// takes only its own.
func (r *Runtime) takeIdle(of *session) *rings {
	r.idleLock.Lock()
	defer r.idleLock.Unlock()
	h := r.idle
	if h != nil && of != nil && h.session != of {
		return nil
	}
	r.idle = nil
	return h
}

// elementType returns the type of a tensor's elements. This package's own kernels
// read the image's samples as float32.
func (h *rings) elementType(tensor int) C.int {
	switch {
	case h.session.options.Precision != network.BFloat16, h.session.own && tensor == 0:
		return C.OD_F32
	case h.session.own:
		return C.OD_F16
	}
	return C.OD_BF16
}

func (h *rings) allocate() error {
	p := h.session.program
	scratch, result := 0, 0
	for i, s := range p.Tensors {
		width := h.plan.width * s.Scale
		main := C.od_ring{_type: h.elementType(i), capacity: C.int(h.plan.capacity[i]), channels: C.int(s.Channels), width: C.int(width)}
		main.data = h.alloc(h.plan.capacity[i] * width * s.Channels * int(C.od_element_size(main._type)))
		kept := C.od_ring{_type: C.OD_F32, capacity: C.int(h.plan.kept[i]), channels: C.int(s.Kept), width: C.int(width)}
		if s.Kept > 0 && h.plan.kept[i] > 0 {
			kept.data = h.alloc(h.plan.kept[i] * width * s.Kept * 4)
		}
		h.tensors, h.kept = append(h.tensors, main), append(h.kept, kept)
	}
	for i, c := range p.Convolutions {
		positions := h.plan.width * h.plan.scale(i)
		most := max(1, h.plan.rows/h.plan.scale(i))
		if h.session.own {
			scratch = C.od_scratch * h.session.runtime.options.Threads
		} else {
			scratch = max(scratch, (most+2)*positions*c.In*h.session.elementSize())
		}
		if !h.session.own || c.To < 0 {
			result = max(result, most*positions*c.Out*4)
		}
		var slopes *C.float
		if c.PReLU != nil {
			slopes = (*C.float)(h.alloc(4 * c.Out))
			if slopes != nil {
				copy(unsafe.Slice((*float32)(slopes), c.Out), c.PReLU)
			}
		}
		h.slopes = append(h.slopes, slopes)
	}
	h.scratch, h.result = h.alloc(scratch), (*C.float)(h.alloc(result))
	for _, block := range h.blocks {
		if block == nil {
			h.free()
			return fault.New(fault.DeviceMemory, "There is not enough memory to run the model.")
		}
	}
	return nil
}

// alloc returns memory aligned to cache lines, or nil if there is none.
func (h *rings) alloc(bytes int) unsafe.Pointer {
	const line = 64
	block := C.aligned_alloc(line, C.size_t((bytes+line)/line*line))
	h.blocks = append(h.blocks, block)
	return block
}

// free may be called on nil and repeated.
func (h *rings) free() {
	if h == nil {
		return
	}
	h.kernels.free()
	for _, block := range h.blocks {
		C.free(block)
	}
	h.blocks = nil
}

// step reads the image's next rows and computes as far as they allow. It returns
// the image rows that this completed, valid until the next step.
func (h *rings) step(ctx context.Context, at *progress, in imagedata.Raster) (imagedata.Raster, error) {
	p := h.session.program
	h.readImage(in, at.taken, min(at.taken+h.plan.rows, h.plan.height))
	last := len(p.Convolutions) - 1
	first := at.done[last] * p.PixelShuffle
	out := imagedata.Raster{Width: h.plan.width * h.plan.scale(last) * p.PixelShuffle, Channels: p.Channels}
	err := h.plan.step(at, h.session.producers, func(i, y, rows int) error {
		if err := ctx.Err(); err != nil {
			return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
		}
		if err := h.runBand(i, y, rows); err != nil || i < last {
			return err
		}
		from := y*p.PixelShuffle - first
		h.reserve(&out, in.Depth(), from+rows*p.PixelShuffle)
		h.writeImage(out.Rows(from, from+rows*p.PixelShuffle), in, y, rows)
		return nil
	})
	return out, err
}

// reserve makes out that many rows high.
func (h *rings) reserve(out *imagedata.Raster, depth, height int) {
	if h.out.Height < height || h.out.Width != out.Width || h.out.Depth() != depth {
		larger := imagedata.NewRaster(out.Width, height, out.Channels, depth)
		copy(larger.Pix, out.Pix)
		copy(larger.Pix16, out.Pix16)
		h.out = larger
	}
	*out = h.out.Rows(0, height)
}

func (h *rings) runBand(i, y, height int) error {
	c := &h.session.program.Convolutions[i]
	b := C.od_band{
		from: h.tensors[c.From],
		in:   C.int(c.In), out: C.int(c.Out), upsample: C.int(c.Upsample), y: C.int(y), height: C.int(height),
		width: C.int(h.plan.width * h.plan.scale(i)), last: C.int(h.plan.heightOf(i)),
		scratch: h.scratch, result: h.result, slopes: h.slopes[i], at: C.int(c.At),
	}
	for n, a := range c.Residuals {
		b.residual[n] = C.od_residual{ring: h.kept[a.Tensor], factor: C.float(a.Factor)}
	}
	if c.To >= 0 {
		b.to = h.tensors[c.To]
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

// readImage copies rows y0 up to y1 of tensor 0 into its ring.
func (h *rings) readImage(in imagedata.Raster, y0, y1 int) {
	if y0 == y1 {
		return
	}
	p := h.session.program
	C.od_image_in(&h.tensors[0], samples(in.Rows(y0*p.PixelUnshuffle, y1*p.PixelUnshuffle)), C.int(in.Depth()), C.int(p.Channels), C.int(p.PixelUnshuffle), C.int(y0), C.int(y1-y0))
}

// writeImage converts the last convolution's rows from y on to image rows.
func (h *rings) writeImage(out, in imagedata.Raster, y, height int) {
	p := h.session.program
	var added unsafe.Pointer
	if p.AddsInput {
		added = samples(in.Rows(y, y+height))
	}
	last := len(p.Convolutions) - 1
	C.od_image_out(h.result, C.int(height), C.int(h.plan.width*h.plan.scale(last)), C.int(p.PixelShuffle), C.int(p.Channels), added, samples(out), C.int(in.Depth()))
}

func samples(r imagedata.Raster) unsafe.Pointer {
	if r.Pix16 != nil {
		return unsafe.Pointer(&r.Pix16[0])
	}
	return unsafe.Pointer(&r.Pix[0])
}

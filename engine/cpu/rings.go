package cpu

import (
	"context"
	"slices"
	"sync"

	"upscaled/engine/cpu/kernels"
	"upscaled/engine/imagedata"
)

// rings is what one run holds of an image between convolutions.
type rings struct {
	session *session
	plan    *plan
	step    *kernels.Step
	// tensors are rings of convolutions' inputs, kept those of residuals.
	tensors, kept []kernels.Ring
	// result holds the largest band of the last convolution.
	result  kernels.Memory
	scratch int
	out     imagedata.Raster // the rows that a step finished, reused
}

// idleRings are rings that wait for another run of their session and size, so that
// small images and changing sizes do not allocate each time.
type idleRings struct {
	lock sync.Mutex
	all  []*rings // least recently used first
	most int64    // bytes of all together
}

// take removes rings of a session and size, or returns nil.
func (i *idleRings) take(s *session, width, height int) *rings {
	i.lock.Lock()
	defer i.lock.Unlock()
	for at, r := range i.all {
		if r.session == s && r.plan.width == width && r.plan.height == height {
			i.all = slices.Delete(i.all, at, at+1)
			return r
		}
	}
	return nil
}

// put keeps rings and frees the oldest beyond the limit.
func (i *idleRings) put(r *rings) {
	i.lock.Lock()
	defer i.lock.Unlock()
	i.all = append(i.all, r)
	sum := int64(0)
	for at, r := range slices.Backward(i.all) {
		if sum += r.bytes(); sum <= i.most {
			continue
		}
		for _, old := range i.all[:at+1] {
			old.free()
		}
		i.all = slices.Delete(i.all, 0, at+1)
		return
	}
}

// free frees the rings of a session, or all if it is nil.
func (i *idleRings) free(s *session) {
	i.lock.Lock()
	defer i.lock.Unlock()
	i.all = slices.DeleteFunc(i.all, func(r *rings) bool {
		if s != nil && r.session != s {
			return false
		}
		r.free()
		return true
	})
}

// acquire returns the rings of an earlier run or new ones.
func (s *session) acquire(width, height int) (*rings, error) {
	if r := s.runtime.idle.take(s, width, height); r != nil {
		return r, nil
	}
	r := &rings{session: s, plan: s.plan(width, height, s.runtime.options.Memory), scratch: s.scratch()}
	if err := r.allocate(); err != nil {
		r.free()
		return nil, err
	}
	return r, nil
}

func (s *session) release(r *rings) { s.runtime.idle.put(r) }

func (r *rings) allocate() (err error) {
	if r.step, err = kernels.NewStep(); err != nil {
		return err
	}
	for i, t := range r.session.model.Tensors {
		width := r.plan.width * t.Scale
		tensor := kernels.Ring{Type: r.session.types[i], Capacity: r.plan.capacity[i], Channels: t.Channels, Width: width}
		kept := kernels.Ring{Type: kernels.Float32, Capacity: r.plan.kept[i], Channels: t.Kept, Width: width}
		for _, ring := range []*kernels.Ring{&tensor, &kept} {
			if ring.Bytes() == 0 {
				continue
			}
			if ring.Memory, err = kernels.Allocate(ring.Bytes()); err != nil {
				return err
			}
		}
		r.tensors, r.kept = append(r.tensors, tensor), append(r.kept, kept)
	}
	last := len(r.session.model.Convolutions) - 1
	r.result, err = kernels.Allocate(r.plan.bandRows(last) * r.plan.width * r.plan.scale(last) * r.session.model.Convolutions[last].Out * 4)
	return err
}

// bytes returns about how much memory the rings take.
func (r *rings) bytes() int64 { return r.plan.bytes(r.session.types) }

func (r *rings) free() {
	r.step.Free()
	for i := range r.tensors {
		r.tensors[i].Memory.Free()
		r.kept[i].Memory.Free()
	}
	r.result.Free()
}

// run reads the next rows of the image and computes what they allow. It returns the
// rows of the result that this finished; they are valid until the next call.
func (r *rings) run(ctx context.Context, at *progress, in imagedata.Raster) (imagedata.Raster, error) {
	m := r.session.model
	last := len(m.Convolutions) - 1
	before, began := at.read, at.done[last]
	// The sizes of the step are known before its operations are listed.
	ahead := &progress{read: at.read, done: slices.Clone(at.done)}
	r.plan.step(ahead, func(int, int, int) {})
	out := r.reserve(in, (ahead.done[last]-began)*m.PixelShuffle)
	if ahead.read > before {
		block := m.PixelUnshuffle
		r.step.ImageIn(kernels.ImageRows{
			Samples: samples(in.Rows(before*block, ahead.read*block)), Colors: m.Channels, Block: block,
			Width: r.plan.width, Y: before, Rows: ahead.read - before, Ring: r.tensors[0], Ones: m.Ones,
		})
	}
	r.plan.step(at, func(i, y, rows int) {
		r.step.Conv(r.session.convs[i], r.band(i, y, rows))
		if i == last {
			r.imageOut(in, out, y, rows, (y-began)*m.PixelShuffle)
		}
	})
	return out, r.session.runtime.pool.run(ctx, r.step, r.scratch)
}

// imageOut converts a band of the last convolution to rows of out from top on.
func (r *rings) imageOut(in, out imagedata.Raster, y, rows, top int) {
	m := r.session.model
	image := kernels.ImageRows{
		Samples: samples(out.Rows(top, top+rows*m.PixelShuffle)), Colors: m.Channels, Block: m.PixelShuffle,
		Width: r.plan.width * r.plan.scale(len(m.Convolutions)-1), Rows: rows, Sums: r.result,
	}
	if m.AddsInput {
		image.Added = samples(in.Rows(y, y+rows))
	}
	r.step.ImageOut(image)
}

// reserve returns a reused image of the result's width.
func (r *rings) reserve(in imagedata.Raster, height int) imagedata.Raster {
	m := r.session.model
	width := r.plan.width * r.plan.scale(len(m.Convolutions)-1) * m.PixelShuffle
	if r.out.Height < height || r.out.Depth() != in.Depth() {
		r.out = imagedata.NewRaster(width, height, m.Channels, in.Depth())
	}
	return r.out.Rows(0, height)
}

func (r *rings) band(i, y, rows int) kernels.Band {
	c := &r.session.model.Convolutions[i]
	b := kernels.Band{
		Src: r.tensors[c.From], Upsample: c.Upsample, Y: y, Rows: rows,
		Width: r.plan.width * r.plan.scale(i), Height: r.plan.outHeight(i),
		Gated: c.Gated, GateBias: c.GateBias, PReLU: r.session.prelu[i], DstChannel: c.At,
	}
	for n, a := range c.Residuals {
		b.Residuals[n] = kernels.Residual{Ring: r.kept[a.Tensor], Scale: a.Factor}
	}
	if c.To >= 0 {
		b.Dst = r.tensors[c.To]
		if c.At == 0 {
			b.Kept = r.kept[c.To]
		}
	} else {
		b.Result = r.result
	}
	return b
}

func samples(r imagedata.Raster) any {
	if r.Pix16 != nil {
		return r.Pix16
	}
	return r.Pix
}

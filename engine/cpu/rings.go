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
	// all are the plan's rings, with the memory of each size in bytes and the tables
	// of places.
	all    []kernels.Ring
	memory map[int]kernels.Memory
	tables [][]int32
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
	r.memory = map[int]kernels.Memory{}
	for size, count := range r.plan.places {
		if r.memory[size], err = kernels.Allocate(size * count); err != nil {
			return err
		}
	}
	for _, p := range r.plan.rings {
		var ring kernels.Ring
		var table []int32
		if len(p.readers) > 0 {
			ring = kernels.Ring{Memory: r.memory[p.bytes], Type: p.elements, Capacity: p.capacity, Channels: p.channels, Width: p.width}
			if ring.Places, err = kernels.Allocate(4 * p.capacity); err != nil {
				return err
			}
			table = ring.Places.Ints(p.capacity)
		}
		r.all, r.tables = append(r.all, ring), append(r.tables, table)
	}
	last := len(r.session.model.Convolutions) - 1
	r.result, err = kernels.Allocate(r.plan.bandRows(last) * r.plan.width * r.plan.scale(last) * r.session.model.Convolutions[last].Out * 4)
	return err
}

// bytes returns about how much memory the rings take.
func (r *rings) bytes() int64 { return r.plan.bytes() }

func (r *rings) free() {
	r.step.Free()
	for _, memory := range r.memory {
		memory.Free()
	}
	for i := range r.all {
		r.all[i].Places.Free()
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
			Width: r.plan.width, Y: before, Rows: ahead.read - before, Ring: r.all[0], Ones: m.Ones,
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
		Src: r.all[c.From], Upsample: c.Upsample, Y: y, Rows: rows,
		Width: r.plan.width * r.plan.scale(i), Height: r.plan.outHeight(i),
		Gated: c.Gated, GateBias: c.GateBias, PReLU: r.session.prelu[i], DstChannel: c.At,
	}
	for n, a := range c.Residuals {
		b.Residuals[n] = kernels.Residual{Ring: r.all[r.plan.copyOf(a.Tensor)], Scale: a.Factor}
	}
	if c.To >= 0 {
		b.Dst = r.all[c.To]
		if c.At == 0 {
			b.Kept = r.all[r.plan.copyOf(c.To)]
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

package engine

import (
	"sync"

	"upscaled/engine/imagedata"
)

// pool recycles the buffers of one image. Bands and tiles are large and alike, and
// would otherwise double the memory as garbage. It may be used concurrently.
type pool struct {
	mutex sync.Mutex
	free  []imagedata.Raster
}

// maxPooled is the number of unused buffers that are kept.
const maxPooled = 8

// get returns a raster with undefined samples.
func (p *pool) get(width, height, channels, depth int) imagedata.Raster {
	need := width * height * channels
	p.mutex.Lock()
	for i, r := range p.free {
		if room := cap(r.Pix) + cap(r.Pix16); r.Depth() == depth && room >= need && room <= need+need/2 {
			p.free = append(p.free[:i], p.free[i+1:]...)
			p.mutex.Unlock()
			out := imagedata.Raster{Width: width, Height: height, Channels: channels}
			if depth == 16 {
				out.Pix16 = r.Pix16[:need]
			} else {
				out.Pix = r.Pix[:need]
			}
			return out
		}
	}
	p.mutex.Unlock()
	return imagedata.NewRaster(width, height, channels, depth)
}

// put recycles rasters that are no longer used.
func (p *pool) put(rasters ...imagedata.Raster) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, r := range rasters {
		if len(p.free) == maxPooled {
			p.free = p.free[1:]
		}
		p.free = append(p.free, r)
	}
}

// whole gathers the bands of an image with the channels and depths of planes.
func (p *pool) whole(width, height int, planes []imagedata.Raster, produce func(emitter) error) ([]imagedata.Raster, error) {
	whole := make([]imagedata.Raster, len(planes))
	for i, plane := range planes {
		whole[i] = imagedata.NewRaster(width, height, plane.Channels, plane.Depth())
	}
	top := 0
	err := produce(func(bands []imagedata.Raster) error {
		for i, band := range bands {
			rows := whole[i].Rows(top, top+band.Height)
			copy(rows.Pix, band.Pix)
			copy(rows.Pix16, band.Pix16)
		}
		top += bands[0].Height
		p.put(bands...)
		return nil
	})
	return whole, err
}

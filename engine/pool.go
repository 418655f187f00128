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

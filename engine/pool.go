package engine

import (
	"sync"

	"upscaled/engine/imagedata"
)

// pool keeps the buffers of one picture for use again: bands and tiles are
// large and all alike, and would otherwise double the memory as garbage. It
// may be used concurrently.
type pool struct {
	mutex sync.Mutex
	free  []imagedata.Raster
}

// maxPooled is how many buffers wait at most.
const maxPooled = 8

// get gives a raster whose samples hold anything.
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

// put takes rasters back that nobody uses any more.
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

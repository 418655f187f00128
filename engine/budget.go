package engine

import (
	"upscaled/models/fault"
	"upscaled/models/network"
)

const (
	// minTilePixels is the smallest tile: still smaller ones are all margin.
	minTilePixels = 64 * 64
	// A session uses at most defaultTileMemory bytes and freeShare of the free
	// memory.
	defaultTileMemory = 600 << 20
	freeShare         = 0.4
	// wholeShare of the free memory is for a model that computes whole images.
	wholeShare = 0.8
	// stripShare of the free memory bounds the output that waits for other strips.
	stripShare = 0.15
	// bandMemory bounds the output rows that are held at once, in bytes.
	bandMemory = 128 << 20
	// maxStaticPixels bounds a tile on devices with one shape per session: larger
	// ones are no faster, and 64 features at four times the side must not exceed
	// 2^31 elements, which cuDNN counts in 32 bits.
	maxStaticPixels = 1 << 20
	// halfBytes is the part of Info.BytesPerPixel, measured in float32 on the CPU,
	// that float16 needs with its workspace.
	halfBytes = 0.7
	// staticShare of the free memory is for one session of a fixed shape: several
	// are open at once, and other programs need some.
	staticShare = 0.3
)

// whole reports whether the model needs the image as one tile and the user did not ask
// for others.
func (p *pass) whole() bool { return p.info.Tiles() == network.WholeImage && p.run.request.Tile == 0 }

// checkWhole refuses an image that is too large to be one tile.
func (p *pass) checkWhole() error {
	memory := p.engine.options.TileMemory
	if memory == 0 {
		memory = int64(wholeShare * float64(p.engine.free()))
	}
	in := p.planes[0]
	most := memory / int64(max(p.info.BytesPerPixel, 1))
	//guard:whole-image TestWholeImages => true
	if memory == 0 || !p.whole() || int64(in.Width)*int64(in.Height) <= most {
		return nil
	}
	return fault.New(fault.TooLarge, "The model computes whole images only, here of at most %d pixels; this one is %dx%d.", most, in.Width, in.Height)
}

// tilePixels returns the largest tile, in input pixels.
func (p *pass) tilePixels() int {
	if side := p.run.request.Tile; side > 0 {
		return side * side
	}
	if p.whole() {
		return minTilePixels // of which there is no smaller one to try
	}
	if p.engine.devices[0].static && p.engine.options.TileMemory == 0 {
		return p.engine.staticPixels(p.model)
	}
	perPixel := int64(max(p.info.BytesPerPixel, 1))
	memory := p.engine.options.TileMemory
	if memory == 0 {
		memory = defaultTileMemory
		if free := p.engine.free(); free > 0 {
			memory = min(memory, int64(freeShare*float64(free)))
		}
		// Models that need much per pixel get more, or tiles are all margin.
		memory = max(memory, min(int64(p.info.BytesPerPixel)*512*512, memory*4))
	}
	return max(minTilePixels, int(memory/perPixel))
}

// staticPixels is tilePixels on devices with one shape per session: the fastest
// measured size that memory allows.
func (e *Engine) staticPixels(model *network.Network) int {
	pixels := maxStaticPixels
	if e.options.Tuning != nil {
		if tuned := e.options.Tuning(model).TilePixels; tuned > 0 {
			pixels = tuned
		}
	}
	if free := e.free(); free > 0 {
		bytes := halfBytes * float64(max(model.Info().BytesPerPixel, 1))
		pixels = min(pixels, int(staticShare*float64(free)/bytes))
	}
	return max(minTilePixels, pixels)
}

// stripMemory returns the bytes of output that may wait for other strips.
func (e *Engine) stripMemory() int64 {
	if free := e.free(); free > 0 {
		return min(stripMemory, int64(stripShare*float64(free)))
	}
	return stripMemory
}

// bandRows returns the number of input rows that a row of tiles may keep; 0 is no
// limit.
func (p *pass) bandRows() int {
	if p.run.request.Tile > 0 {
		return 0
	}
	row := 0
	for _, plane := range p.planes {
		row += plane.Width * plane.Channels * plane.Depth() / 8
	}
	return max(32, bandMemory/(row*p.info.Scale*p.info.Scale))
}

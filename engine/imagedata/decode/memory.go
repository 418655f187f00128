package decode

import (
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/jpeg"
	"upscaled/models/fault"
)

// overhead is the memory that a file takes besides its pixels, in bytes: unpacked
// profiles and metadata, tables, an idle heap.
const overhead = 64 << 20

// memory estimates the peak memory of decoding in bytes from the header, without
// the file itself. It is valid after checkLimits, so that the product fits.
func (s *source) memory() int64 {
	//guard:memory-estimate TestMemoryIsForeseen => 0.25
	const spread = 1.25 // heap beyond live objects, measured
	return int64(overhead + spread*s.perPixel*float64(s.info.Width)*float64(s.info.Height))
}

// checkMemory checks the estimate against the limit.
func checkMemory(s *source, limits imagedata.Limits) error {
	need := s.memory()
	//guard:memory-limit TestHostileFiles/progressive_JPEG_9999x9999_cut_off,_inside_the_limit => true
	//guard:pixels-and-memory => true
	if limits.Memory <= 0 || need <= limits.Memory {
		return nil
	}
	return fault.New(fault.TooLarge,
		"Decoding this %s image of %dx%d pixels takes %d MiB of memory and the limit is %d MiB; scale it down%s first.",
		s.info.Format.Name(), s.info.Width, s.info.Height, need>>20, limits.Memory>>20, s.lighter)
}

// raster returns the bytes per pixel of a decoded frame.
func (s *source) raster() float64 {
	samples := s.info.Channels
	if s.info.Alpha {
		samples++
	}
	return float64(samples * s.info.Depth / 8)
}

// takes sets perPixel for a library that first allocates an image of its own, in
// bytes per pixel.
func (s *source) takes(image float64) { s.perPixel = image + s.raster() }

// composes adds the memory of an animation: its canvas, the composed frame, and a
// growing buffer for the area under a patch.
func (s *source) composes() { s.perPixel += 4 * s.raster() }

// takesJPEG: a progressive image is also held as coefficients of 2 bytes per sample
// until its last scan.
func (s *source) takesJPEG(f *jpeg.File) {
	samples := 0.0
	for _, c := range f.Components {
		samples += float64(c.H*c.V) / float64(f.MaxH*f.MaxV)
	}
	s.takes(samples)
	if s.scans = f.Progressive; s.scans {
		const coefficient = 2
		s.perPixel = max(s.perPixel, (1+coefficient)*samples)
		s.lighter = ", or save it as a baseline JPEG,"
	}
}

// takesPNG: the library makes RGBA of color and transparency, and a second image
// for the last pass of an interlaced one.
func (s *source) takesPNG(f *pngFile) {
	image := 4.0
	if f.colorType == colorGray && !f.transparent() || f.colorType == colorIndexed {
		image = 1
	}
	if f.depth == 16 {
		image *= 2
	}
	if f.header[12] != 0 { // interlaced
		image *= 1.5
		s.lighter = ", or save it without interlacing,"
	}
	s.takes(image)
}

// takesWebP: lossless images, and the alpha of lossy ones, go through arrays of 4
// bytes per pixel before and after their transforms.
func (s *source) takesWebP(frames []webpFrame) {
	const planes, transformed = 1.5, 8
	image := 0.0
	for _, f := range frames {
		switch {
		case f.lossless != nil:
			image = max(image, transformed)
		case f.alphaPlane != nil:
			image = max(image, planes+1+transformed)
		default:
			image = max(image, planes)
		}
	}
	s.takes(image)
}

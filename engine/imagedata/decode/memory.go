package decode

import (
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// beside is what a file takes beside its pixels, in bytes: profiles, texts and
// metadata that are unpacked, tables and an idle heap.
const beside = 64 << 20

// memory is the bytes that decoding takes at its peak, by the header: the file
// itself is not counted. It may be asked after checkLimits, which has bounded the
// size so that the product fits.
func (s *source) memory() int64 {
	//guard:memory-estimate TestMemoryIsForeseen => 0.25
	const spread = 1.25 // what the heap has beyond its objects, measured
	return int64(beside + spread*s.perPixel*float64(s.info.Width)*float64(s.info.Height))
}

// checkMemory compares what decoding would take with what is allowed.
func checkMemory(s *source, limits imagedata.Limits) error {
	need := s.memory()
	//guard:memory-limit TestHostileFiles/progressive_JPEG_9999x9999_cut_off,_inside_the_limit => true
	//guard:pixels-and-memory => true
	if limits.Memory <= 0 || need <= limits.Memory {
		return nil
	}
	return fault.New(fault.TooLarge,
		"Decoding this %s picture of %dx%d pixels takes %d MiB of memory and the limit is %d MiB; scale it down%s first, or raise --decode-memory.",
		name(s.info.Format), s.info.Width, s.info.Height, need>>20, limits.Memory>>20, s.lighter)
}

// raster is the bytes that a pixel of a decoded frame takes.
func (s *source) raster() float64 {
	samples := s.info.Channels
	if s.info.Alpha {
		samples++
	}
	return float64(samples * s.info.Depth / 8)
}

// takes sets what decoding takes for each pixel when a library makes a picture
// of so many bytes a pixel first, from which a frame is made.
func (s *source) takes(image float64) { s.perPixel = image + s.raster() }

// composes adds what an animation keeps: its canvas, the composed frame, and
// what lay under a patch, in a buffer that grows.
func (s *source) composes() { s.perPixel += 4 * s.raster() }

// takesJPEG: a progressive picture is held as coefficients of 4 bytes a sample
// until its last scan. samples counts them by pixel: 3 without subsampling.
func (s *source) takesJPEG(h jpegHeader) {
	s.takes(h.samples)
	if h.components == 4 {
		s.perPixel += 4 // converted from YCCK first
	}
	if h.progressive {
		const coefficient = 4
		s.perPixel = max(s.perPixel, (1+coefficient)*h.samples)
		s.lighter = ", or save it as a baseline JPEG,"
	}
}

// takesPNG: the library makes RGBA of colours and of what may be transparent,
// and another picture of an interlaced one's last pass.
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

// takesTIFF: a strip may be the whole picture, and it is read into a buffer that
// grows by quarters and leaves its former selves behind.
func (s *source) takesTIFF(samples, bits int64) {
	image := float64(4 * s.info.Depth / 8)
	if s.info.Channels == 1 {
		image = float64(s.info.Depth / 8)
	}
	const growth = 3.5
	s.takes(image + growth*float64(samples*bits)/8)
}

// takesWebP: lossless pictures, and the alpha of lossy ones, go through arrays
// of 4 bytes a pixel before and after their transforms.
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

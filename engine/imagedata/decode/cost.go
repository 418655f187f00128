package decode

import "upscaled/engine/imagedata"

// Seconds estimates the time to decode all frames on one core, from the header
// alone. Most files take less.
func (d *Decoder) Seconds() float64 {
	const frame = 40e-6
	i := d.source.info
	pixel := d.source.nanoseconds() * 1e-9 * float64(i.Depth) / 8
	return float64(i.Frames) * (frame + pixel*float64(i.Width)*float64(i.Height))
}

// nanoseconds returns an upper estimate of the time to decode a pixel of 8 bits per
// sample.
func (s *source) nanoseconds() float64 {
	switch s.info.Format {
	case imagedata.JPEG:
		if s.scans {
			return 60
		}
		return 20
	case imagedata.PNG:
		return 30
	case imagedata.WebP:
		return 80
	case imagedata.GIF:
		return 15
	case imagedata.TIFF:
		return 40
	}
	if ns, ok := codecNanoseconds(s.info.Format); ok {
		return ns
	}
	return 10
}

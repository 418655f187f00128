package film

import (
	"encoding/binary"

	"upscaled/engine/imagedata"
)

// frame returns the planes of raw samples. It may share their memory.
func (f *Film) frame(raw []byte) imagedata.Frame {
	if !f.Alpha && f.Depth == 8 {
		return imagedata.Frame{Color: imagedata.Raster{Width: f.Width, Height: f.Height, Channels: 3, Pix: raw}}
	}
	color := imagedata.NewRaster(f.Width, f.Height, 3, f.Depth)
	if !f.Alpha {
		for i := range color.Pix16 {
			color.Pix16[i] = binary.LittleEndian.Uint16(raw[2*i:])
		}
		return imagedata.Frame{Color: color}
	}
	alpha := imagedata.NewRaster(f.Width, f.Height, 1, f.Depth)
	for i := range f.Width * f.Height {
		if f.Depth == 8 {
			copy(color.Pix[3*i:3*i+3], raw[4*i:])
			alpha.Pix[i] = raw[4*i+3]
			continue
		}
		for c := range 3 {
			color.Pix16[3*i+c] = binary.LittleEndian.Uint16(raw[8*i+2*c:])
		}
		alpha.Pix16[i] = binary.LittleEndian.Uint16(raw[8*i+6:])
	}
	return imagedata.Frame{Color: color, Alpha: &alpha}
}

// appendRaw appends rows as raw samples. Alpha that is not to be kept lays the color
// on white.
func appendRaw(raw []byte, color imagedata.Raster, alpha *imagedata.Raster, keep bool) []byte {
	if color.Pix16 == nil {
		return appendSamples(raw, color.Pix, samplesOf(alpha, func(r *imagedata.Raster) []uint8 { return r.Pix }), keep,
			func(raw []byte, v uint8) []byte { return append(raw, v) })
	}
	return appendSamples(raw, color.Pix16, samplesOf(alpha, func(r *imagedata.Raster) []uint16 { return r.Pix16 }), keep, binary.LittleEndian.AppendUint16)
}

func samplesOf[S any](r *imagedata.Raster, samples func(*imagedata.Raster) []S) []S {
	if r == nil {
		return nil
	}
	return samples(r)
}

func appendSamples[S uint8 | uint16](raw []byte, color, alpha []S, keep bool, put func([]byte, S) []byte) []byte {
	white := uint32(^S(0))
	for i := 0; i < len(color); i += 3 {
		pixel := color[i : i+3]
		if alpha == nil || keep {
			raw = put(put(put(raw, pixel[0]), pixel[1]), pixel[2])
			if alpha != nil {
				raw = put(raw, alpha[i/3])
			}
			continue
		}
		a := uint64(alpha[i/3])
		for _, v := range pixel {
			raw = put(raw, S((uint64(v)*a+uint64(white)*(uint64(white)-a)+uint64(white)/2)/uint64(white)))
		}
	}
	return raw
}

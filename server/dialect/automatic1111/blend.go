package automatic1111

import (
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// blended lays a second picture of the same size over a first. Where their
// forms differ, since a network need not keep its input's, the result has
// colour and the lesser depth.
type blended struct {
	first, second frames
	share         float64
}

func (b blended) Info() imagedata.Info {
	info, other := b.first.Info(), b.second.Info()
	if info.Channels < other.Channels {
		info.Channels, info.Meta = other.Channels, other.Meta // a gray profile does not fit
	}
	info.Depth = min(info.Depth, other.Depth)
	return info
}

func (b blended) Next() (imagedata.Frame, error) {
	first, err := b.first.Next()
	if err != nil {
		return first, err
	}
	second, err := b.second.Next()
	if err != nil {
		return first, err
	}
	info := b.Info()
	first.Color = inForm(first.Color, info.Channels, info.Depth)
	if err := overlay(first.Color, inForm(second.Color, info.Channels, info.Depth), b.share); err != nil {
		return first, err
	}
	if first.Alpha == nil {
		return first, nil
	}
	alpha := inForm(*first.Alpha, 1, info.Depth)
	first.Alpha = &alpha
	if second.Alpha == nil {
		return first, nil
	}
	return first, overlay(alpha, inForm(*second.Alpha, 1, info.Depth), b.share)
}

// overlay lays a raster over another of the same form in place.
func overlay(under, over imagedata.Raster, share float64) error {
	if under.Width != over.Width || under.Height != over.Height {
		return fault.New(fault.Internal, "The two upscalers' pictures have the sizes %dx%d and %dx%d.", under.Width, under.Height, over.Width, over.Height)
	}
	if under.Pix16 != nil {
		mix(under.Pix16, over.Pix16, share)
	} else {
		mix(under.Pix, over.Pix, share)
	}
	return nil
}

// inForm gives gray three channels and 16 bits the nearest 8 where asked for;
// the other ways are not needed.
func inForm(r imagedata.Raster, channels, depth int) imagedata.Raster {
	if r.Pix16 != nil && depth == 8 {
		narrow := imagedata.NewRaster(r.Width, r.Height, r.Channels, 8)
		for i, v := range r.Pix16 {
			narrow.Pix[i] = uint8((uint32(v)*255 + 32767) / 65535)
		}
		r = narrow
	}
	if r.Channels == channels {
		return r
	}
	wide := imagedata.NewRaster(r.Width, r.Height, channels, depth)
	if r.Pix16 != nil {
		triple(wide.Pix16, r.Pix16)
	} else {
		triple(wide.Pix, r.Pix)
	}
	return wide
}

// triple repeats every gray sample for red, green and blue.
func triple[T uint8 | uint16](to, gray []T) {
	for i, v := range gray {
		three := to[3*i : 3*i+3]
		three[0], three[1], three[2] = v, v, v
	}
}

// mix rounds to nearest. The weights are of 2^16, so that a sum of 16-bit
// samples and the rounding just fit 32 bits.
func mix[T uint8 | uint16](under, over []T, share float64) {
	const one = 1 << 16
	weight := uint32(share*one + 0.5)
	over = over[:len(under)]
	for i, u := range under {
		under[i] = T((uint32(u)*(one-weight) + uint32(over[i])*weight + one/2) >> 16)
	}
}

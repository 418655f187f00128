package automatic1111

import (
	"bytes"
	"context"
	"fmt"

	"upscaled/engine/fault"
	"upscaled/engine/picture"
	"upscaled/engine/picture/encode"
	"upscaled/engine/resize"
)

// frames is a picture on its way to the result: as a decoder, Next gives the
// frames in order, Info().Frames of them.
type frames interface {
	Info() picture.Info
	Next() (picture.Frame, error)
}

// each changes the planes of every frame, colour and alpha alike.
type each struct {
	frames
	info   picture.Info
	change func(picture.Raster) picture.Raster
}

func (e each) Info() picture.Info { return e.info }

func (e each) Next() (picture.Frame, error) {
	frame, err := e.frames.Next()
	if err != nil {
		return frame, err
	}
	frame.Color = e.change(frame.Color)
	if frame.Alpha != nil {
		alpha := e.change(*frame.Alpha)
		frame.Alpha = &alpha
	}
	return frame, nil
}

// sized makes frames of another size with a change that does so.
func sized(from frames, width, height int, change func(picture.Raster) picture.Raster) frames {
	info := from.Info()
	info.Width, info.Height = width, height
	return each{from, info, change}
}

// resized brings frames to a size by Lanczos's filter or to the nearest pixel.
func resized(from frames, width, height int, name string) frames {
	return sized(from, width, height, func(r picture.Raster) picture.Raster {
		if name == nearest {
			return nearestOf(r, width, height)
		}
		return resize.Whole(r, width, height)
	})
}

// cropped takes the centre of frames that are at least that large.
func cropped(from frames, width, height int) frames {
	return sized(from, width, height, func(r picture.Raster) picture.Raster {
		x, y := r.Width/2-width/2, r.Height/2-height/2
		out := picture.NewRaster(width, height, r.Channels, r.Depth())
		if r.Pix16 != nil {
			cutRows(out.Pix16, r.Pix16, width*r.Channels, r.Width*r.Channels, x*r.Channels, y)
		} else {
			cutRows(out.Pix, r.Pix, width*r.Channels, r.Width*r.Channels, x*r.Channels, y)
		}
		return out
	})
}

// cutRows fills to with rows of a stride, from a place in rows of another.
func cutRows[T uint8 | uint16](to, from []T, toStride, fromStride, x, y int) {
	for at := fromStride*y + x; len(to) > 0; at += fromStride {
		copy(to[:toStride], from[at:])
		to = to[toStride:]
	}
}

// nearestOf resizes by taking the pixel under each new pixel's centre.
func nearestOf(r picture.Raster, width, height int) picture.Raster {
	out := picture.NewRaster(width, height, r.Channels, r.Depth())
	columns := make([]int, width) // samples into a row
	for x := range columns {
		columns[x] = (2*x + 1) * r.Width / (2 * width) * r.Channels
	}
	if r.Pix16 != nil {
		pickRows(out.Pix16, r.Pix16, columns, r, height)
	} else {
		pickRows(out.Pix, r.Pix, columns, r, height)
	}
	return out
}

func pickRows[T uint8 | uint16](to, from []T, columns []int, r picture.Raster, height int) {
	stride, last := len(columns)*r.Channels, -1
	for y := range height {
		row := to[y*stride : (y+1)*stride]
		under := (2*y + 1) * r.Height / (2 * height)
		if under == last {
			copy(row, to[(y-1)*stride:])
			continue
		}
		last = under
		source := from[under*r.Width*r.Channels:]
		for i, x := range columns {
			copy(row[i*r.Channels:(i+1)*r.Channels], source[x:])
		}
	}
}

// blended lays a second picture of the same size over a first.
type blended struct {
	first, second frames
	share         float64
}

func (b blended) Info() picture.Info { return b.first.Info() }

func (b blended) Next() (picture.Frame, error) {
	first, err := b.first.Next()
	if err != nil {
		return first, err
	}
	second, err := b.second.Next()
	if err != nil {
		return first, err
	}
	if err := overlay(first.Color, second.Color, b.share); err != nil {
		return first, err
	}
	if first.Alpha != nil && second.Alpha != nil {
		return first, overlay(*first.Alpha, *second.Alpha, b.share)
	}
	return first, nil
}

// overlay lays a raster over another in place. Both come from one picture, so
// they have one form unless a network does not keep it.
func overlay(under, over picture.Raster, share float64) error {
	if under.Width != over.Width || under.Height != over.Height || under.Channels != over.Channels || under.Depth() != over.Depth() {
		return fault.New(fault.Internal, "The two upscalers' pictures differ in form: %dx%d with %d channels of %d bits, and %dx%d with %d of %d.",
			under.Width, under.Height, under.Channels, under.Depth(), over.Width, over.Height, over.Channels, over.Depth())
	}
	if under.Pix16 != nil {
		mix(under.Pix16, over.Pix16, share)
	} else {
		mix(under.Pix, over.Pix, share)
	}
	return nil
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

// writePNG encodes all frames with this project's encoder, which is five times
// as fast as Go's at best speed.
func writePNG(ctx context.Context, from frames) ([]byte, error) {
	info := from.Info()
	var out bytes.Buffer
	encoder, err := encode.New(&out, encode.Header{
		Width: info.Width, Height: info.Height, Channels: info.Channels, Depth: info.Depth,
		Alpha: info.Alpha, Frames: info.Frames, Loop: info.Loop, Meta: info.Meta,
	}, encode.Options{Format: picture.PNG})
	if err != nil {
		return nil, fmt.Errorf("begin PNG: %w", err)
	}
	for range info.Frames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		frame, err := from.Next()
		if err != nil {
			return nil, fmt.Errorf("make frame: %w", err)
		}
		if err := encoder.BeginFrame(frame.Delay); err != nil {
			return nil, fmt.Errorf("encode frame: %w", err)
		}
		if err := encoder.WriteBand(frame.Color, frame.Alpha); err != nil {
			return nil, fmt.Errorf("encode frame: %w", err)
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("end PNG: %w", err)
	}
	return out.Bytes(), nil
}

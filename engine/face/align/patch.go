package align

import (
	"math"

	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
	"upscaled/engine/resize"
)

// Patch is a restored face to be blended into an upscaled image. Blend may be
// called concurrently for different bands.
type Patch struct {
	restored sampler
	// outline, unless nil, limits the mask; toOutline maps the upscaled image's pixels
	// to it.
	outline   *sampler
	toOutline affine
	// into maps the upscaled image's pixels to the restored square's, unit to
	// coordinates in which the mask is the unit circle.
	into, unit               affine
	left, top, right, bottom int
	strength                 float64
	// side is the restored square's, step the length in it of a step of one pixel in
	// the upscaled image.
	side int
	step float64
}

// NewPatch prepares blending a restored square. crop is the original's Crop for
// the same square, resized here if its size differs; its channels are the
// result's, so that an RGB restored square becomes luma (BT.601) on a gray
// image. t maps the original's pixels to the restored square's. scaleX and
// scaleY, both positive, are the upscaled image's pixels per original pixel.
// strength is the weight of the restored face, from 0 to 1.
//
// Colors are matched to the original's, not to the upscaled image's, so that
// this can run before there is an upscaled image.
func NewPatch(restored, crop imagedata.Raster, t Transform, scaleX, scaleY, strength float64) *Patch {
	p := &Patch{strength: min(max(strength, 0), 1)}
	if !(p.strength > 0 && scaleX > 0 && scaleY > 0 && t.usable() && restored.Width > 0 && restored.Height > 0) {
		return p
	}
	width, height := float64(restored.Width), float64(restored.Height)
	p.into = affine{
		xx: t.A / scaleX, xy: -t.B / scaleY, x: t.X,
		yx: t.B / scaleX, yy: t.A / scaleY, y: t.Y,
	}
	p.unit = p.into.around(maskX*width, maskY*height, maskRadiusX*width, maskRadiusY*height)
	p.left, p.top, p.right, p.bottom = p.unit.circle()
	if restored = inChannels(restored, crop.Channels); crop.Width != restored.Width || crop.Height != restored.Height {
		crop = resize.Whole(crop, restored.Width, restored.Height)
	}
	p.side, p.step = restored.Width, t.scale()/math.Sqrt(scaleX*scaleY)
	p.restored = newSampler(restored, p.step, 0, 0, width, height)
	p.restored.add(newTint(restored, crop))
	return p
}

// Limit multiplies the mask with an Outline of the crop.
func (p *Patch) Limit(outline imagedata.Raster) {
	if p.left >= p.right || outline.Width == 0 {
		return
	}
	toSide := float64(p.side) / float64(outline.Width)
	p.toOutline = p.into.around(0, 0, toSide, toSide)
	s := newSampler(outline, p.step/toSide, 0, 0, float64(outline.Width), float64(outline.Height))
	p.outline = &s
}

// Bounds returns the range of pixels of the upscaled image that Blend may change,
// right and bottom exclusive. It may reach outside the image and is empty if
// nothing would change.
func (p *Patch) Bounds() (left, top, right, bottom int) {
	return p.left, p.top, p.right, p.bottom
}

// Blend blends the patch into a band of rows of the upscaled image, which starts
// at row top and has the image's full width. Pixels outside the mask are not
// touched. The result does not depend on the bands.
func (p *Patch) Blend(band imagedata.Raster, top int) {
	first, end := max(p.top, top), min(p.bottom, top+band.Height)
	if first >= end || p.left >= band.Width || p.right <= 0 {
		return
	}
	parallel.For(end-first, func(i int) {
		y := first + i
		at := (y - top) * band.Width * band.Channels
		if band.Pix16 != nil {
			blendRow(p, band.Pix16[at:][:band.Width*band.Channels], band.Channels, y, 65535)
		} else {
			blendRow(p, band.Pix[at:][:band.Width*band.Channels], band.Channels, y, 255)
		}
	})
}

// piecePixels is the number of pixels computed at a time, on the stack.
const piecePixels = 256

func blendRow[S uint8 | uint16](p *Patch, row []S, channels, y int, most float32) {
	var samples [3 * piecePixels]float32
	from, end := p.unit.chord(float64(y) + 0.5)
	from, end = max(from, 0), min(end, len(row)/channels)
	for ; from < end; from += piecePixels {
		count := min(piecePixels, end-from)
		restored := samples[:count*p.restored.channels]
		x, y := float64(from)+0.5, float64(y)+0.5
		startX, startY := p.into.apply(x, y)
		p.restored.line(restored, startX, startY, p.into.xx, p.into.yx)
		var limits [piecePixels]float32
		if p.outline != nil {
			startX, startY := p.toOutline.apply(x, y)
			p.outline.line(limits[:count], startX, startY, p.toOutline.xx, p.toOutline.yx)
		}
		for i := range count {
			unitX, unitY := p.unit.apply(x+float64(i), y)
			weight := float32(p.strength * maskAt(math.Sqrt(unitX*unitX+unitY*unitY)))
			if p.outline != nil {
				weight *= min(max(limits[i], 0), 1)
			}
			if weight > 0 {
				pixel := row[(from+i)*channels:][:channels]
				mix(pixel, restored[i*p.restored.channels:][:p.restored.channels], weight, most)
			}
		}
	}
}

// mix blends one pixel. If only the image is gray, RGB becomes luma; if only the
// restored face is, it is repeated in all channels.
func mix[S uint8 | uint16](pixel []S, restored []float32, weight, most float32) {
	for c := range pixel {
		v := restored[min(c, len(restored)-1)]
		if len(pixel) < len(restored) {
			v = luma(restored[0], restored[1], restored[2])
		}
		before := float32(pixel[c])
		pixel[c] = S(before + weight*(min(max(v, 0), 1)*most-before) + 0.5)
	}
}

// luma is BT.601's.
func luma(red, green, blue float32) float32 {
	return 0.299*red + 0.587*green + 0.114*blue
}

// inChannels converts a raster to luma or to three equal channels.
func inChannels(r imagedata.Raster, channels int) imagedata.Raster {
	if r.Channels == channels {
		return r
	}
	out := imagedata.NewRaster(r.Width, r.Height, channels, r.Depth())
	if r.Pix16 != nil {
		convert(out.Pix16, r.Pix16, channels, r.Channels)
	} else {
		convert(out.Pix, r.Pix, channels, r.Channels)
	}
	return out
}

func convert[S uint8 | uint16](out, in []S, outChannels, inChannels int) {
	for i := range len(in) / inChannels {
		pixel := in[i*inChannels:][:inChannels]
		v := pixel[0]
		if inChannels == 3 {
			v = S(luma(float32(pixel[0]), float32(pixel[1]), float32(pixel[2])) + 0.5)
		}
		for c := range outChannels {
			out[i*outChannels+c] = v
		}
	}
}

package decode

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"

	"upscaled/engine/imagedata"
)

// convert makes an upright frame of the layout from a standard library image; m
// is the matrix for YCbCr. It fails if the image does not have the layout's size
// and kind, that is, if the header does not belong to the pixels.
func convert(img image.Image, l layout, m matrix) (imagedata.Frame, error) {
	if img.Bounds() != image.Rect(0, 0, l.width, l.height) {
		return imagedata.Frame{}, damaged(fmt.Sprintf("header says %dx%d, pixels are %v", l.width, l.height, img.Bounds()))
	}
	switch img := img.(type) {
	case *image.YCbCr:
		if l.channels == 3 && !l.alpha {
			return assemble(l, ycbcrRows(planesOf(img), m, nil, 0)), nil
		}
	case *image.NYCbCrA:
		if l.channels == 3 {
			return assemble(l, ycbcrRows(planesOf(&img.YCbCr), m, img.A, img.AStride)), nil
		}
	case *image.Gray:
		if l.channels == 1 && !l.alpha {
			return assemble(l, grayRows(img)), nil
		}
	case *image.Gray16:
		if l.channels == 1 && !l.alpha {
			return assemble(l, gray16Rows(img)), nil
		}
	case *image.Paletted:
		if l.channels == 3 {
			return assemble(l, palettedRows(img)), nil
		}
	case *image.RGBA:
		return assemble(l, rgbaRows(img.Pix, img.Stride, l)), nil
	case *image.NRGBA:
		return assemble(l, rgbaRows(img.Pix, img.Stride, l)), nil
	case *image.RGBA64:
		return assemble(l, rgba64Rows(img.Pix, img.Stride, l)), nil
	case *image.NRGBA64:
		return assemble(l, rgba64Rows(img.Pix, img.Stride, l)), nil
	}
	return imagedata.Frame{}, damaged(fmt.Sprintf("unexpected pixels of type %T", img))
}

func grayRows(img *image.Gray) func() rowFunc[uint8] {
	return func() rowFunc[uint8] {
		return func(y int, out, _ []uint8) { copy(out, img.Pix[y*img.Stride:]) }
	}
}

func gray16Rows(img *image.Gray16) func() rowFunc[uint16] {
	return func() rowFunc[uint16] {
		return func(y int, out, _ []uint16) {
			row := img.Pix[y*img.Stride:]
			for x := range out {
				out[x] = binary.BigEndian.Uint16(row[2*x:])
			}
		}
	}
}

func palettedRows(img *image.Paletted) func() rowFunc[uint8] {
	// Indices beyond the palette are opaque black, as in PNG viewers.
	var table [256]color.NRGBA
	for i := range table {
		table[i].A = 255
	}
	for i, entry := range img.Palette[:min(len(img.Palette), 256)] {
		table[i], _ = color.NRGBAModel.Convert(entry).(color.NRGBA)
	}
	return func() rowFunc[uint8] {
		return func(y int, out, alpha []uint8) {
			width := img.Rect.Dx()
			for x, index := range img.Pix[y*img.Stride : y*img.Stride+width] {
				entry := &table[index]
				out[3*x], out[3*x+1], out[3*x+2] = entry.R, entry.G, entry.B
				if alpha != nil {
					alpha[x] = entry.A
				}
			}
		}
	}
}

// rgbaRows splits off alpha; the decoders use premultiplied types for opaque images
// only. With one channel all three colors are equal and the first is taken.
func rgbaRows(pix []uint8, stride int, l layout) func() rowFunc[uint8] {
	return func() rowFunc[uint8] {
		return func(y int, out, alpha []uint8) {
			row := pix[y*stride : y*stride+4*l.width]
			for x := range l.width {
				pixel := row[4*x : 4*x+4 : 4*x+4]
				if l.channels == 1 {
					out[x] = pixel[0]
				} else {
					target := out[3*x : 3*x+3 : 3*x+3]
					target[0], target[1], target[2] = pixel[0], pixel[1], pixel[2]
				}
				if alpha != nil {
					alpha[x] = pixel[3]
				}
			}
		}
	}
}

// rgba64Rows is rgbaRows for samples of 16 bits in big-endian order.
func rgba64Rows(pix []uint8, stride int, l layout) func() rowFunc[uint16] {
	return func() rowFunc[uint16] {
		return func(y int, out, alpha []uint16) {
			row := pix[y*stride : y*stride+8*l.width]
			for x := range l.width {
				pixel := row[8*x : 8*x+8 : 8*x+8]
				if l.channels == 1 {
					out[x] = binary.BigEndian.Uint16(pixel)
				} else {
					target := out[3*x : 3*x+3 : 3*x+3]
					target[0] = binary.BigEndian.Uint16(pixel)
					target[1] = binary.BigEndian.Uint16(pixel[2:])
					target[2] = binary.BigEndian.Uint16(pixel[4:])
				}
				if alpha != nil {
					alpha[x] = binary.BigEndian.Uint16(pixel[6:])
				}
			}
		}
	}
}

// straighten divides premultiplied samples by their alpha; color under full
// transparency is lost and becomes black.
func straighten[T sample](samples []T, alpha, full uint32) {
	for i, v := range samples {
		if alpha == 0 {
			samples[i] = 0
			continue
		}
		samples[i] = T(min((uint32(v)*full+alpha/2)/alpha, full))
	}
}

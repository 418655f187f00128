package encode_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"testing"

	"upscaled/engine/picture"
	"upscaled/engine/picture/encode"
)

func toNRGBA(r picture.Raster) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, r.Width, r.Height))
	for i := range r.Width * r.Height {
		copy(out.Pix[4*i:], r.Pix[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

// profile is an RGB profile with a header and one tag, large enough to need
// two JPEG segments.
func profile() []byte {
	p := make([]byte, 70_000)
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	copy(p[8:], []byte{4, 0x30})
	copy(p[12:], "mntrRGB XYZ ")
	copy(p[36:], "acsp")
	binary.BigEndian.PutUint32(p[128:], 1)
	copy(p[132:], "desc")
	binary.BigEndian.PutUint32(p[136:], 144)
	binary.BigEndian.PutUint32(p[140:], uint32(len(p)-144))
	return p
}

// exifBlock has a camera's name and orientation 6.
func exifBlock() []byte {
	var b bytes.Buffer
	b.WriteString("II*\x00\x08\x00\x00\x00")
	for _, v := range []any{
		uint16(2),
		uint16(0x10f), uint16(2), uint32(8), uint32(38),
		uint16(0x112), uint16(3), uint32(1), uint16(6), uint16(0),
		uint32(0),
	} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("AcmeCam\x00")
	return b.Bytes()
}

// BenchmarkEncode gives megabytes of samples a second.
func BenchmarkEncode(b *testing.B) {
	color := gradient(4000, 2000, 3, 8)
	for _, format := range []picture.Format{picture.PNG, picture.JPEG, picture.BMP, picture.TIFF, picture.WebP} {
		b.Run(string(format), func(b *testing.B) {
			b.SetBytes(int64(len(color.Pix)))
			for b.Loop() {
				write(b, io.Discard, header(color, nil), encode.Options{Format: format}, color, nil, 500, 500, 500, 500)
			}
		})
	}
}

package encode_test

import (
	"bytes"
	"encoding/binary"
	"image"

	"upscaled/engine/imagedata"
)

func toNRGBA(r imagedata.Raster) *image.NRGBA {
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

// grayProfile is a minimal gray profile with a tone curve of gamma 1.8.
func grayProfile() []byte {
	curve := []byte("curv\x00\x00\x00\x00\x00\x00\x00\x01\x01\xcd\x00\x00")
	white := []byte("XYZ \x00\x00\x00\x00\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d")
	p := make([]byte, 132, 132+24+len(curve)+len(white))
	copy(p[12:], "mntrGRAYXYZ ")
	copy(p[36:], "acsp")
	binary.BigEndian.PutUint32(p[128:], 2)
	for _, tag := range []struct {
		name     string
		at, size int
	}{{"kTRC", 156, len(curve)}, {"wtpt", 156 + len(curve), len(white)}} {
		p = append(p, tag.name...)
		p = binary.BigEndian.AppendUint32(p, uint32(tag.at))
		p = binary.BigEndian.AppendUint32(p, uint32(tag.size))
	}
	p = append(append(p, curve...), white...)
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	return p
}

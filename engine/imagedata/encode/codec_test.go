package encode_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/engine/imagedata/encode"
)

// TestCodecsRoundTrip writes and reads all kinds of images: without loss samples stay
// the same (in AVIF 12 of 16 bits), with loss they stay close.
func TestCodecsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, format := range []imagedata.Format{imagedata.AVIF, imagedata.JXL} {
		if err := codec.Check(format); err != nil {
			t.Skip(err)
		}
		for _, channels := range []int{1, 3} {
			for _, depth := range []int{8, 16} {
				for _, lossless := range []bool{false, true} {
					for _, transparent := range []bool{false, true} {
						t.Run(fmt.Sprintf("%s/%d/%d/%v/%v", format, channels, depth, lossless, transparent), func(t *testing.T) {
							t.Parallel()
							color := gradient(67, 43, channels, depth)
							var alpha *imagedata.Raster
							if transparent {
								plane := gradient(67, 43, 1, depth)
								alpha = &plane
							}
							var out bytes.Buffer
							h := header(color, alpha)
							if lossless { // JPEG XL's loss is large in PQ's extreme colors
								h.Meta.HDR = []imagedata.Chunk{{Kind: "cICP", Data: []byte{9, 16, 0, 1}}}
							}
							write(t, &out, h, encode.Options{Format: format, Lossless: lossless}, color, alpha, 20, 3)
							info, frame := read(t, out.Bytes())
							if info.Channels != channels || info.Depth != depth || info.Alpha != transparent || info.Format != format {
								t.Fatalf("read as %+v", info)
							}
							// JPEG XL's grays have no primaries.
							if channels == 3 && !reflect.DeepEqual(info.Meta.HDR, h.Meta.HDR) {
								t.Errorf("coding %v, want %v", info.Meta.HDR, h.Meta.HDR)
							}
							most := 30.0
							if lossless && format == imagedata.AVIF && depth == 16 {
								most = 1 / 16.0
							} else if lossless {
								most = 0
							}
							if d := distance(frame.Color, color); d > most {
								t.Errorf("colors differ by %.2f of 255", d)
							}
							if alpha != nil && distance(*frame.Alpha, *alpha) > most {
								t.Errorf("alpha differs by %.2f of 255", distance(*frame.Alpha, *alpha))
							}
						})
					}
				}
			}
		}
	}
}

// TestAVIFKeeps10Bits: samples of 10 bits are written as they were read, by libheif
// before 1.15.2 in 12.
func TestAVIFKeeps10Bits(t *testing.T) {
	t.Parallel()
	if err := codec.Check(imagedata.AVIF); err != nil {
		t.Skip(err)
	}
	color := gradient(67, 43, 3, 16)
	for i, v := range color.Pix16 {
		color.Pix16[i] = uint16((uint32(v>>6)*65535 + 511) / 1023)
	}
	h := header(color, nil)
	for _, bits := range []int{0, 10, 12} {
		h.Bits = bits
		var out bytes.Buffer
		write(t, &out, h, encode.Options{Format: imagedata.AVIF, Lossless: true}, color, nil, 43)
		info, frame := read(t, out.Bytes())
		if info.Bits != 12 && (bits != 10 || info.Bits != 10) {
			t.Errorf("%d bits: read as %d", bits, info.Bits)
		}
		if d := distance(frame.Color, color); d > 1/16.0 || info.Bits == 10 && d != 0 {
			t.Errorf("%d bits, read as %d: samples differ by %.3f of 255", bits, info.Bits, d)
		}
		t.Logf("%d bits: written as %d", bits, info.Bits)
	}
}

// distance returns the largest difference of samples, on a scale of 255.
func distance(a, b imagedata.Raster) float64 {
	most := 0.0
	for i := range a.Pix {
		most = max(most, float64(a.Pix[i])-float64(b.Pix[i]), float64(b.Pix[i])-float64(a.Pix[i]))
	}
	for i := range a.Pix16 {
		most = max(most, (float64(a.Pix16[i])-float64(b.Pix16[i]))/257, (float64(b.Pix16[i])-float64(a.Pix16[i]))/257)
	}
	return most
}

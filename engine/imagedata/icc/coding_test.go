package icc

import (
	"testing"

	"upscaled/engine/imagedata"
)

// TestCoding converts single colors whose results are known.
func TestCoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		primaries, transfer int
		in, want            [3]uint8
		tolerance           int
	}{
		{"sRGB stays", bt709, srgb, [3]uint8{200, 100, 3}, [3]uint8{200, 100, 3}, 0},
		{"linear light", bt709, linear, [3]uint8{55, 55, 55}, [3]uint8{128, 128, 128}, 1},
		{"P3's green lies outside", p3D65, srgb, [3]uint8{0, 255, 0}, [3]uint8{0, 255, 0}, 0},
		{"grays of P3 stay", p3D65, srgb, [3]uint8{90, 90, 90}, [3]uint8{90, 90, 90}, 1},
		{"a color of P3", p3D65, srgb, [3]uint8{180, 120, 100}, [3]uint8{189, 119, 96}, 2},
		// Code 0.508 is 100 cd/m2 (ITU-R BT.2408, table 1), 0.493 of white.
		{"PQ of 100 cd/m2", bt2020, pq, [3]uint8{130, 130, 130}, [3]uint8{187, 187, 187}, 2},
		{"PQ of 10000 cd/m2", bt2020, pq, [3]uint8{255, 255, 255}, [3]uint8{255, 255, 255}, 0},
		{"black", bt2020, hlg, [3]uint8{}, [3]uint8{}, 0},
		{"HLG of 1000 cd/m2", bt2020, hlg, [3]uint8{255, 255, 255}, [3]uint8{255, 255, 255}, 0},
	} {
		conversion, ok := NewCoding(c.primaries, c.transfer, 3)
		if !ok {
			t.Fatalf("%s: not known", c.name)
		}
		r := imagedata.Raster{Width: 1, Height: 1, Channels: 3, Pix: append([]uint8(nil), c.in[:]...)}
		conversion.Convert(r)
		for i, v := range r.Pix {
			if d := int(v) - int(c.want[i]); d > c.tolerance || d < -c.tolerance {
				t.Errorf("%s: %v, want %v", c.name, r.Pix, c.want)
				break
			}
		}
	}
	if _, ok := NewCoding(99, srgb, 3); ok {
		t.Error("unknown primaries were accepted")
	}
}

// TestHDRKeepsOrder: brighter grays stay brighter, and gray images become what color
// images of the same grays become.
func TestHDRKeepsOrder(t *testing.T) {
	t.Parallel()
	for _, transfer := range []int{pq, hlg} {
		gray, color := imagedata.NewRaster(256, 1, 1, 16), imagedata.NewRaster(256, 1, 3, 16)
		for i := range gray.Pix16 {
			v := uint16(i * 257)
			gray.Pix16[i], color.Pix16[3*i], color.Pix16[3*i+1], color.Pix16[3*i+2] = v, v, v, v
		}
		for channels, r := range map[int]imagedata.Raster{1: gray, 3: color} {
			conversion, _ := NewCoding(bt709, transfer, channels)
			if !conversion.HDR() {
				t.Error("not known as HDR")
			}
			conversion.Convert(r)
		}
		for i, v := range gray.Pix16 {
			if i > 0 && v < gray.Pix16[i-1] || v != color.Pix16[3*i+1] {
				t.Fatalf("transfer %d: %d became %d after %d, in color %d", transfer, i, v, gray.Pix16[max(i-1, 0)], color.Pix16[3*i+1])
			}
		}
		if low, high := gray.Pix16[100], gray.Pix16[200]; low == 0 || high < low+2000 {
			t.Errorf("transfer %d: %d and %d", transfer, low, high)
		}
	}
}

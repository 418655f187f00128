package icc

import (
	"encoding/binary"
	"math"
	"testing"

	"upscaled/engine/imagedata"
)

// profileFixture joins tags to a profile.
func profileFixture(space string, names []string, values [][]byte) []byte {
	out := make([]byte, 128)
	copy(out[16:], space)
	copy(out[20:], "XYZ ")
	copy(out[36:], "acsp")
	out = binary.BigEndian.AppendUint32(out, uint32(len(names)))
	at := len(out) + 12*len(names)
	for i, name := range names {
		out = binary.BigEndian.AppendUint32(append(out, name...), uint32(at))
		out = binary.BigEndian.AppendUint32(out, uint32(len(values[i])))
		at += len(values[i])
	}
	for _, value := range values {
		out = append(out, value...)
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out
}

func numbers(kind string, values ...uint32) []byte {
	out := append([]byte(kind), 0, 0, 0, 0)
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

var gamma22 = append(numbers("curv", 1), 0x02, 0x33)

// matrixProfile has the primaries in 1/65536 and one curve.
func matrixProfile(primaries [3][3]uint32, curve []byte) []byte {
	values := [][]byte{curve, curve, curve}
	for _, p := range primaries {
		values = append(values, numbers("XYZ ", p[:]...))
	}
	return profileFixture("RGB ", []string{"rTRC", "gTRC", "bTRC", "rXYZ", "gXYZ", "bXYZ"}, values)
}

var (
	adobeRGB = [3][3]uint32{{0x9c18, 0x4fa5, 0x04fc}, {0x348d, 0xa02c, 0x0f95}, {0x2631, 0x102f, 0xbe9c}}
	sRGB     = [3][3]uint32{{28578, 14581, 912}, {25241, 46981, 6362}, {9376, 3972, 46799}}
	srgbPara = numbers("para", 3<<16, 157286, 62119, 3417, 5072, 2652) // 2.4, 1/1.055, ...
)

// TestSRGBOfAdobeRGB checks published values: Adobe RGB (1998) shares sRGB's red
// and blue primaries and white.
func TestSRGBOfAdobeRGB(t *testing.T) {
	t.Parallel()
	c, ok := NewSRGB(matrixProfile(adobeRGB, gamma22))
	if !ok || c.Identity() {
		t.Fatal("Adobe RGB was not read")
	}
	for _, v := range []struct{ in, want [3]uint8 }{
		{[3]uint8{0, 0, 0}, [3]uint8{0, 0, 0}},
		{[3]uint8{255, 255, 255}, [3]uint8{255, 255, 255}},
		{[3]uint8{128, 128, 128}, [3]uint8{128, 128, 128}},
		{[3]uint8{219, 0, 0}, [3]uint8{255, 0, 0}},
		{[3]uint8{0, 255, 0}, [3]uint8{0, 255, 0}},
		{[3]uint8{144, 255, 60}, [3]uint8{0, 255, 1}}, // the green primary of sRGB
		{[3]uint8{0, 0, 250}, [3]uint8{0, 0, 255}},
	} {
		small := imagedata.Raster{Width: 1, Height: 1, Channels: 3, Pix: append([]uint8(nil), v.in[:]...)}
		c.Convert(small)
		large := imagedata.NewRaster(1, 1, 3, 16)
		for i, s := range v.in {
			large.Pix16[i] = uint16(s) * 257
		}
		c.Convert(large)
		for i, want := range v.want {
			if d := math.Abs(float64(small.Pix[i]) - float64(want)); d > 1 {
				t.Errorf("%v = %v, want %v", v.in, small.Pix, v.want)
			}
			if d := math.Abs(float64(large.Pix16[i])/257 - float64(small.Pix[i])); d > 0.6 {
				t.Errorf("%v = %v in 16 bits, %v in 8", v.in, large.Pix16, small.Pix)
			}
		}
	}
}

func TestSRGBKeepsSRGB(t *testing.T) {
	t.Parallel()
	c, ok := NewSRGB(matrixProfile(sRGB, srgbPara))
	if !ok || !c.Identity() {
		t.Error("sRGB changes")
	}
}

func TestSRGBOfGray(t *testing.T) {
	t.Parallel()
	sampled := append(numbers("curv", 3), 0, 0, 0x80, 0, 0xff, 0xff)
	for name, curve := range map[string][]byte{"linear": numbers("curv", 0), "samples": sampled, "gamma 1": numbers("para", 0, 1<<16)} {
		c, ok := NewSRGB(profileFixture("GRAY", []string{"kTRC"}, [][]byte{curve}))
		if !ok {
			t.Fatal(name)
		}
		r := imagedata.Raster{Width: 3, Height: 1, Channels: 1, Pix: []uint8{0, 55, 255}}
		c.Convert(r)
		// 55/255 is 0.2157 of linear light, which sRGB stores as 0.502.
		if r.Pix[0] != 0 || r.Pix[1] != 128 || r.Pix[2] != 255 {
			t.Errorf("%s = %v", name, r.Pix)
		}
	}
}

func TestToneCurves(t *testing.T) {
	t.Parallel()
	const one = 1 << 16
	half := uint32(one / 2)
	for name, c := range map[string]struct {
		tag  []byte
		want [3]float64 // of 0, 0.25 and 1
	}{
		"para 0": {numbers("para", 0, 2*one), [3]float64{0, 0.0625, 1}},
		"para 1": {numbers("para", 1<<16, one, 2*one, -half), [3]float64{0, 0, 1}},
		"para 2": {numbers("para", 2<<16, one, one, -half, one/8), [3]float64{0.125, 0.125, 0.625}},
		"para 3": {numbers("para", 3<<16, 2*one, one, 0, half, half), [3]float64{0, 0.125, 1}},
		"para 4": {numbers("para", 4<<16, one, half, 0, half, half, one/4, one/8), [3]float64{0.125, 0.25, 0.75}},
	} {
		curve, ok := parseCurve(c.tag)
		if !ok {
			t.Fatal(name)
		}
		for i, x := range []float64{0, 0.25, 1} {
			if got := curve(x); math.Abs(got-c.want[i]) > 1e-4 {
				t.Errorf("%s of %v = %v, want %v", name, x, got, c.want[i])
			}
		}
	}
}

func TestSRGBRefusesOtherProfiles(t *testing.T) {
	t.Parallel()
	whole := matrixProfile(adobeRGB, gamma22)
	lab := append([]byte(nil), whole...)
	copy(lab[20:], "Lab ")
	for name, profile := range map[string][]byte{
		"empty": nil, "tables": lab, "cut": whole[:240],
		"no curves": profileFixture("RGB ", []string{"rXYZ"}, [][]byte{numbers("XYZ ", 1, 2, 3)}),
		"no matrix": profileFixture("RGB ", []string{"rTRC", "gTRC", "bTRC"}, [][]byte{gamma22, gamma22, gamma22}),
		"count":     matrixProfile(adobeRGB, numbers("curv", 1<<31)),
		"kind":      matrixProfile(adobeRGB, numbers("para", 9<<16, 1, 2, 3, 4, 5, 6, 7)),
	} {
		if _, ok := NewSRGB(profile); ok {
			t.Errorf("%s was accepted", name)
		}
	}
}

// FuzzSRGB checks that any profile is refused or converts every sample.
func FuzzSRGB(f *testing.F) {
	f.Add(matrixProfile(adobeRGB, gamma22))
	f.Add(matrixProfile(sRGB, srgbPara))
	f.Add(profileFixture("GRAY", []string{"kTRC"}, [][]byte{numbers("curv", 0)}))
	f.Add(lutProfile("CMYK", 2, tables(4, 3, false)))
	f.Add(lutProfile("RGB ", 2, tables(3, 3, true)))
	f.Add(lutProfile("RGB ", 4, stages()))
	f.Fuzz(func(_ *testing.T, profile []byte) {
		c, ok := NewSRGB(profile)
		if !ok {
			return
		}
		if c.CMYK() {
			Inks(c, []uint8{0, 50, 100, 255, 7, 7, 7, 7}, make([]uint8, 6))
			return
		}
		r := imagedata.NewRaster(2, 3, 3, 8)
		for i := range r.Pix {
			r.Pix[i] = uint8(14 * i)
		}
		c.Convert(r)
		c.Identity()
	})
}

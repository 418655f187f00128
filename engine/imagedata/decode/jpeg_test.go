package decode

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/jpeg"
)

// constant sets every block of a component to the same value.
func constant(values ...uint8) func(int, int, int) uint8 {
	return func(component, _, _ int) uint8 { return values[component] }
}

func TestJPEGColourModels(t *testing.T) {
	t.Parallel()
	full := []byte{0x11, 0x11, 0x11, 0x11}
	tests := []struct {
		name    string
		fixture jpegFixture
		want    []uint8
	}{
		{"gray", jpegFixture{sampling: full[:1], value: constant(77)}, []uint8{77}},
		{"gray, odd factors", jpegFixture{sampling: []byte{0x22}, value: constant(77)}, []uint8{77}},
		{"gray progressive", jpegFixture{sampling: full[:1], progressive: true, value: constant(200)}, []uint8{200}},
		{"YCbCr", jpegFixture{sampling: full[:3], value: constant(76, 85, 255)}, []uint8{254, 0, 0}},
		{"YCbCr 4:2:0", jpegFixture{sampling: []byte{0x22, 0x11, 0x11}, value: constant(150, 44, 21)}, []uint8{0, 255, 1}},
		{"YCbCr 4:2:0 progressive", jpegFixture{sampling: []byte{0x22, 0x11, 0x11}, progressive: true, value: constant(150, 44, 21)}, []uint8{0, 255, 1}},
		{"YCbCr 4:4:0", jpegFixture{sampling: []byte{0x12, 0x11, 0x11}, value: constant(29, 255, 107)}, []uint8{0, 0, 254}},
		{"YCbCr 4:1:1", jpegFixture{sampling: []byte{0x41, 0x11, 0x11}, value: constant(29, 255, 107)}, []uint8{0, 0, 254}},
		{"YCbCr 4:1:0", jpegFixture{sampling: []byte{0x42, 0x11, 0x11}, value: constant(29, 255, 107)}, []uint8{0, 0, 254}},
		{"RGB by Adobe", jpegFixture{sampling: full[:3], segments: adobe(0), value: constant(10, 20, 30)}, []uint8{10, 20, 30}},
		{"RGB by identifiers", jpegFixture{sampling: full[:3], ids: []byte("RGB"), value: constant(10, 20, 30)}, []uint8{10, 20, 30}},
		// Adobe stores inks inverted, so the values are light already.
		{"CMYK", jpegFixture{sampling: full, segments: adobe(0), value: constant(255, 128, 0, 255)}, []uint8{255, 128, 0}},
		{"CMYK with black", jpegFixture{sampling: full, segments: adobe(0), value: constant(255, 128, 0, 51)}, []uint8{51, 26, 0}},
		// YCC is the complement of the inverted inks (libjpeg, jdcolor.c).
		// As libjpeg takes any other transform of four components.
		{"YCCK of transform 1", jpegFixture{sampling: full, segments: adobe(1), value: constant(76, 85, 255, 255)}, []uint8{1, 255, 255}},
		{"YCCK", jpegFixture{sampling: full, segments: adobe(2), value: constant(76, 85, 255, 255)}, []uint8{1, 255, 255}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.fixture.width, test.fixture.height = 37, 19
			info, frames := all(t, test.fixture.encode())
			if info.Width != 37 || info.Height != 19 || info.Channels != len(test.want) || info.Alpha || info.Depth != 8 {
				t.Fatalf("info = %+v", info)
			}
			for i, v := range frames[0].Color.Pix {
				if d := int(v) - int(test.want[i%len(test.want)]); d < -2 || d > 2 {
					t.Fatalf("sample %d = %d, want %d", i, v, test.want[i%len(test.want)])
				}
			}
		})
	}
}

func TestJPEGMetadata(t *testing.T) {
	t.Parallel()
	icc := iccFixture("RGB ")
	segments := bytes.Join([][]byte{
		appSegment(0xe1, []byte("Exif\x00\x00"), exifFixture(6)),
		appSegment(0xe2, []byte("ICC_PROFILE\x00\x02\x02"), icc[60:]),
		appSegment(0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00<a/>")),
		appSegment(0xe2, []byte("ICC_PROFILE\x00\x01\x02"), icc[:60]),
	}, nil)
	fixture := jpegFixture{width: 16, height: 8, sampling: []byte{0x11, 0x11, 0x11}, segments: segments, value: constant(1, 2, 3)}
	info, err := Probe(fixture.encode(), imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Width != 8 || info.Height != 16 {
		t.Errorf("upright size = %dx%d, want 8x16", info.Width, info.Height)
	}
	if !bytes.Equal(info.Meta.ICC, icc) || !bytes.Equal(info.Meta.EXIF, exifFixture(6)) || string(info.Meta.XMP) != "<a/>" {
		t.Errorf("metadata = %+v", info.Meta)
	}
	fixture.sampling, fixture.value = []byte{0x11, 0x11, 0x11, 0x11}, constant(1, 2, 3, 4)
	fixture.segments = append(adobe(0), appSegment(0xe2, []byte("ICC_PROFILE\x00\x01\x01"), iccFixture("CMYK"))...)
	d, err := Open(fixture.encode(), imagedata.Limits{})
	if err != nil || d.Info().Meta.ICC != nil || len(d.Notes()) != 1 {
		t.Errorf("CMYK: profile %v, notes %v, error %v", d.Info().Meta.ICC, d.Notes(), err)
	}
}

// TestChromaIsInterpolated compares with the triangle filter in floating
// point: samples sit in the middle of the pixels they stand for.
func TestChromaIsInterpolated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 40).Draw(t, "width"), rapid.IntRange(1, 40).Draw(t, "height")
		ratio := rapid.SampledFrom([]image.YCbCrSubsampleRatio{
			image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422,
			image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440,
		}).Draw(t, "ratio")
		img := image.NewYCbCr(image.Rect(0, 0, width, height), ratio)
		for i := range img.Cb {
			img.Cb[i] = rapid.Byte().Draw(t, "sample")
		}
		fx, fy := 1, 1
		if ratio == image.YCbCrSubsampleRatio422 || ratio == image.YCbCrSubsampleRatio420 {
			fx = 2
		}
		if ratio == image.YCbCrSubsampleRatio440 || ratio == image.YCbCrSubsampleRatio420 {
			fy = 2
		}
		at := func(x, y int) float64 {
			x, y = max(min(x, (width-1)/fx), 0), max(min(y, (height-1)/fy), 0)
			return float64(img.Cb[y*img.CStride+x])
		}
		plane := jpeg.Plane{Pix: img.Cb, Stride: img.CStride, Width: (width + fx - 1) / fx, Height: (height + fy - 1) / fy,
			H: 1, V: 1, MaxH: fx, MaxV: fy}
		c := upsampled([]jpeg.Plane{plane})[0]
		for y := range height {
			for x, got := range c.row(y)[:width] {
				sx, sy := (float64(x)+0.5)/float64(fx)-0.5, (float64(y)+0.5)/float64(fy)-0.5
				x0, y0 := math.Floor(sx), math.Floor(sy)
				wx, wy := sx-x0, sy-y0
				ix, iy := int(x0), int(y0)
				want := (1-wy)*((1-wx)*at(ix, iy)+wx*at(ix+1, iy)) + wy*((1-wx)*at(ix, iy+1)+wx*at(ix+1, iy+1))
				if math.Abs(float64(got)-want) > 1 {
					t.Fatalf("%v at (%d,%d) = %d, want %.2f", ratio, x, y, got, want)
				}
			}
		}
	})
}

func TestMatrixAgreesWithStandardLibrary(t *testing.T) {
	t.Parallel()
	m := fullRange()
	var pixel [3]uint8
	for y := 0; y < 256; y += 5 {
		for cb := 0; cb < 256; cb += 5 {
			for cr := 0; cr < 256; cr += 5 {
				m.row(pixel[:], []uint8{uint8(y)}, []uint8{uint8(cb)}, []uint8{uint8(cr)})
				r, g, b := color.YCbCrToRGB(uint8(y), uint8(cb), uint8(cr))
				for i, want := range []uint8{r, g, b} {
					if d := int(pixel[i]) - int(want); d < -1 || d > 1 {
						t.Fatalf("YCbCr %d %d %d = %v, want %d %d %d", y, cb, cr, pixel, r, g, b)
					}
				}
			}
		}
	}
	studio := studioRange()
	for luma, want := range map[uint8]uint8{0: 0, 16: 0, 126: 128, 235: 255, 255: 255} {
		if studio.row(pixel[:], []uint8{luma}, []uint8{128}, []uint8{128}); pixel != [3]uint8{want, want, want} {
			t.Errorf("studio luma %d = %v, want %d", luma, pixel, want)
		}
	}
}

// TestMemoryOfLargeJPEG is not parallel: it counts all allocations of the
// process, which bound what it can hold at once.
func TestMemoryOfLargeJPEG(t *testing.T) {
	data := jpegFixture{
		width: 6000, height: 4000, sampling: []byte{0x22, 0x11, 0x11},
		segments: appSegment(0xe1, []byte("Exif\x00\x00"), exifFixture(6)),
		value:    func(c, x, y int) uint8 { return uint8(100 + c*10 + (x+y)%7) },
	}.encode()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := Open(data, imagedata.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	frame, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	used := (after.TotalAlloc - before.TotalAlloc) >> 20
	t.Logf("24 megapixels took %d MiB", used)
	if used > 150 || frame.Color.Width != 4000 {
		t.Errorf("allocated %d MiB for %dx%d, want at most 150", used, frame.Color.Width, frame.Color.Height)
	}
}

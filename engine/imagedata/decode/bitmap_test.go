package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

func TestBMPKinds(t *testing.T) {
	t.Parallel()
	palette := []byte{3, 2, 1, 0, 252, 251, 250, 0}
	full := append(slices.Clone(palette), make([]byte, 1016)...)
	two := []uint8{1, 2, 3, 250, 251, 252}
	masks := func(values ...uint32) []byte {
		var out []byte
		for _, v := range values {
			out = binary.LittleEndian.AppendUint32(out, v)
		}
		return out
	}
	tests := []struct {
		name         string
		data         []byte
		color, alpha []uint8
	}{
		{"1 bit", bmpFixture(2, 1, 1, 0, palette, []byte{0x40, 0, 0, 0}), two, nil},
		{"4 bits", bmpFixture(2, 1, 4, 0, full[:64], []byte{0x01, 0, 0, 0}), two, nil},
		{"8 bits", bmpFixture(2, 1, 8, 0, full, []byte{0, 1, 0, 0}), two, nil},
		{"16 bits", bmpFixture(2, 1, 16, 0, nil, []byte{0xff, 0x7f, 0x1f, 0x00}), []uint8{255, 255, 255, 0, 0, 255}, nil},
		{"16 bits, 565", bmpFixture(2, 1, 16, 3, masks(0xf800, 0x7e0, 0x1f), []byte{0x00, 0xf8, 0xe0, 0x07}), []uint8{255, 0, 0, 0, 255, 0}, nil},
		{"24 bits", bmpFixture(2, 1, 24, 0, nil, []byte{3, 2, 1, 252, 251, 250, 0, 0}), two, nil},
		{"last row lacks padding", bmpFixture(2, 1, 24, 0, nil, []byte{3, 2, 1, 252, 251, 250}), two, nil},
		{"32 bits", bmpFixture(2, 1, 32, 0, nil, []byte{3, 2, 1, 9, 252, 251, 250, 9}), two, nil},
		{"10 bits a sample", bmpFixture(1, 1, 32, 3, masks(0x3ff00000, 0xffc00, 0x3ff), masks(0x3ff00000|512<<10)), []uint8{255, 128, 0}, nil},
		{"alpha", bmpFixture(2, 1, 32, 6, masks(0xff0000, 0xff00, 0xff, 0xff000000), []byte{3, 2, 1, 9, 252, 251, 250, 0}), two, []uint8{9, 0}},
		{"alpha unused", bmpFixture(2, 1, 32, 6, masks(0xff0000, 0xff00, 0xff, 0xff000000), []byte{3, 2, 1, 0, 252, 251, 250, 0}), two, nil},
		{"run-length 8", bmpFixture(2, 1, 8, 1, full, []byte{1, 0, 1, 1, 0, 1}), two, nil},
		{"run-length 8, beyond the row", bmpFixture(2, 1, 8, 1, full, []byte{1, 0, 9, 1, 0, 1}), two, nil},
		{"run-length 8, without end", bmpFixture(2, 1, 8, 1, full, []byte{1, 0, 1, 1}), two, nil},
		{"run-length 8, literal", bmpFixture(2, 1, 8, 1, full, []byte{0, 3, 0, 1, 1, 0, 0, 1}), two, nil},
		{"run-length 8, skip", bmpFixture(2, 1, 8, 1, full, []byte{0, 2, 1, 0, 1, 1, 0, 0}), two, nil},
		{"run-length 8, two rows", bmpFixture(1, 2, 8, 1, full, []byte{1, 1, 0, 0, 1, 0, 0, 0}), two, nil},
		{"run-length 8, skipped row", bmpFixture(1, 2, 8, 1, full, []byte{1, 1, 0, 1}), two, nil},
		{"run-length 4", bmpFixture(2, 1, 4, 2, full[:64], []byte{2, 0x01, 0, 1}), two, nil},
		{"run-length 4, literal", bmpFixture(2, 1, 4, 2, full[:64], []byte{0, 3, 0x01, 0x10, 0, 0}), two, nil},
		{"run-length 4, odd literal", bmpFixture(2, 1, 4, 2, full[:64], []byte{1, 0, 0, 5, 0x11, 0x11, 0x10, 0, 0, 1}), two, nil},
		{"bottom up", bmpFixture(1, 2, 24, 0, nil, []byte{252, 251, 250, 0, 3, 2, 1, 0}), two, nil},
		{"top down", bmpFixture(1, -2, 24, 0, nil, []byte{3, 2, 1, 0, 252, 251, 250, 0}), two, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			info, frames := all(t, test.data)
			if !bytes.Equal(frames[0].Color.Pix, test.color) {
				t.Errorf("color = %v, want %v", frames[0].Color.Pix, test.color)
			}
			if info.Alpha != (test.alpha != nil) {
				t.Fatalf("alpha = %v", info.Alpha)
			}
			if info.Alpha && !bytes.Equal(frames[0].Alpha.Pix, test.alpha) {
				t.Errorf("alpha = %v, want %v", frames[0].Alpha.Pix, test.alpha)
			}
		})
	}
	for name, data := range map[string][]byte{
		"end":        bmpFixture(2, 1, 8, 1, full, []byte{1, 0}),
		"half a run": bmpFixture(2, 1, 8, 1, full, []byte{1, 0, 1}),
		"literal":    bmpFixture(2, 1, 8, 1, full, []byte{0, 9, 0, 0}),
		"skip":       bmpFixture(2, 1, 8, 1, full, []byte{0, 2, 0}),
		"depth":      bmpFixture(2, 1, 4, 1, full, []byte{1, 0, 1, 1}),
	} {
		if err := decodeAll(data, imagedata.Limits{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("run-length, damaged %s: %v", name, err)
		}
	}
}

func TestTIFFKinds(t *testing.T) {
	t.Parallel()
	extra := func(kind byte) ifd.Field {
		return ifd.Field{Tag: ifd.ExtraSamples, Type: ifd.Short, Count: 1, Value: []byte{0, kind}}
	}
	floating := shortField(binary.BigEndian, ifd.SampleFormat, 3)
	littleFloating := shortField(binary.LittleEndian, ifd.SampleFormat, 3)
	sampled := ifd.Field{Tag: ifd.YCbCrSubSampling, Type: ifd.Short, Count: 2, Value: []byte{0, 2, 0, 1}}
	tests := []struct {
		name         string
		data         []byte
		color, alpha []uint16
	}{
		{"bilevel", tiffFixture(binary.BigEndian, 2, 1, 0, []uint16{1}, []byte{0x40}), []uint16{255, 0}, nil},
		{"gray", tiffFixture(binary.BigEndian, 2, 1, 1, []uint16{8}, []byte{7, 9}), []uint16{7, 9}, nil},
		{"gray 16", tiffFixture(binary.LittleEndian, 2, 1, 1, []uint16{16}, []byte{7, 1, 9, 2}), []uint16{0x107, 0x209}, nil},
		{"rgb", tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{8, 8, 8}, []byte{1, 2, 3}), []uint16{1, 2, 3}, nil},
		{"rgb 16", tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{16, 16, 16}, []byte{1, 2, 3, 4, 5, 6}), []uint16{0x102, 0x304, 0x506}, nil},
		{"straight alpha", tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{8, 8, 8, 8}, []byte{200, 100, 50, 51}, extra(2)), []uint16{200, 100, 50}, []uint16{51}},
		{"premultiplied alpha", tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{8, 8, 8, 8}, []byte{40, 20, 10, 51}, extra(1)), []uint16{200, 100, 50}, []uint16{51}},
		{"premultiplied, all clear", tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{8, 8, 8, 8}, []byte{0, 0, 0, 0}, extra(1)), []uint16{0, 0, 0}, []uint16{0}},
		{"unspecified sample", tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{8, 8, 8, 8}, []byte{200, 100, 50, 51}), []uint16{200, 100, 50}, []uint16{51}},
		{"gray and alpha", tiffFixture(binary.BigEndian, 1, 1, 1, []uint16{8, 8}, []byte{200, 51}, extra(2)), []uint16{200}, []uint16{51}},
		{"white is zero and alpha", tiffFixture(binary.BigEndian, 1, 1, 0, []uint16{8, 8}, []byte{200, 51}, extra(2)), []uint16{55}, []uint16{51}},
		{"spot colors", tiffFixture(binary.BigEndian, 1, 1, 1, []uint16{8, 8, 8}, []byte{200, 51, 7}), []uint16{200}, nil},
		{"2 bits", tiffFixture(binary.BigEndian, 4, 1, 1, []uint16{2}, []byte{0x1b}), []uint16{0, 85, 170, 255}, nil},
		{"4 bits", tiffFixture(binary.BigEndian, 2, 1, 1, []uint16{4}, []byte{0x5f}), []uint16{85, 255}, nil},
		{"12 bits", tiffFixture(binary.BigEndian, 2, 1, 1, []uint16{12}, []byte{0x80, 0x0f, 0xff}), []uint16{0x8008, 0xffff}, nil},
		{"32 bits", tiffFixture(binary.LittleEndian, 1, 1, 1, []uint16{32}, []byte{1, 2, 3, 4}), []uint16{0x403}, nil},
		{"half floats", tiffFixture(binary.BigEndian, 4, 1, 1, []uint16{16}, []byte{0x38, 0, 0x40, 0, 0xbc, 0, 0x7e, 0}, floating), []uint16{0x8000, 0xffff, 0, 0}, nil},
		{"floats", tiffFixture(binary.LittleEndian, 2, 1, 1, []uint16{32}, []byte{0, 0, 0x80, 0x3e, 0, 0, 0x80, 0x7f}, littleFloating), []uint16{0x4000, 0xffff}, nil},
		{"CMYK", tiffFixture(binary.BigEndian, 1, 1, 5, []uint16{8, 8, 8, 8}, []byte{0, 255, 51, 51}), []uint16{204, 0, 163}, nil},
		{"CIE Lab", tiffFixture(binary.BigEndian, 2, 1, 8, []uint16{8, 8, 8}, []byte{137, 0, 0, 138, 81, 70}), []uint16{128, 128, 128, 255, 0, 1}, nil},
		{"ICC Lab", tiffFixture(binary.BigEndian, 1, 1, 9, []uint16{8, 8, 8}, []byte{137, 128, 128}), []uint16{128, 128, 128}, nil},
		{"YCbCr 2x1", tiffFixture(binary.BigEndian, 2, 1, 6, []uint16{8, 8, 8}, []byte{76, 150, 85, 255}, sampled), []uint16{254, 0, 0, 255, 73, 73}, nil},
		{"premultiplied alpha 16", tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{16, 16, 16, 16}, []byte{0x20, 0, 0x10, 0, 0, 0, 0x40, 0}, extra(1)), []uint16{0x8000, 0x4000, 0}, []uint16{0x4000}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			info, frames := all(t, test.data)
			if got := widened(frames[0].Color); !within(got, test.color, 2) {
				t.Errorf("color = %v, want %v", got, test.color)
			}
			if info.Alpha != (test.alpha != nil) {
				t.Fatalf("alpha = %v", info.Alpha)
			}
			if info.Alpha && !slices.Equal(widened(*frames[0].Alpha), test.alpha) {
				t.Errorf("alpha = %v, want %v", frames[0].Alpha, test.alpha)
			}
		})
	}
}

func within(got, want []uint16, tolerance int) bool {
	return slices.EqualFunc(got, want, func(a, b uint16) bool {
		return int(a)-int(b) <= tolerance && int(b)-int(a) <= tolerance
	})
}

func TestTIFFMetadataAndRefusals(t *testing.T) {
	t.Parallel()
	text := ifd.Field{Tag: ifd.Copyright, Type: ifd.ASCII, Count: 8, Value: []byte("someone\x00")}
	data := tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{8, 8, 8}, []byte{1, 2, 3}, text,
		ifd.Field{Tag: ifd.ICC, Type: ifd.Undefined, Count: 132, Value: iccFixture("RGB ")},
		ifd.Field{Tag: ifd.XMP, Type: ifd.Byte, Count: 4, Value: []byte("<a/>")})
	info, err := Probe(data, imagedata.Limits{})
	if err != nil || !bytes.Equal(info.Meta.ICC, iccFixture("RGB ")) || string(info.Meta.XMP) != "<a/>" {
		t.Errorf("metadata = %+v, %v", info.Meta, err)
	}
	if !bytes.Contains(info.Meta.EXIF, text.Value) {
		t.Errorf("EXIF %q lacks the copyright", info.Meta.EXIF)
	}
	for name, data := range map[string][]byte{
		"LogLuv": tiffFixture(binary.BigEndian, 1, 1, 32845, []uint16{8, 8, 8}, []byte{1, 2, 3}),
		"WebP":   tiffFixture(binary.BigEndian, 1, 1, 1, []uint16{8}, []byte{1}, shortField(binary.BigEndian, ifd.Compression, 50001)),
		"signed": tiffFixture(binary.BigEndian, 1, 1, 1, []uint16{8}, []byte{1}, shortField(binary.BigEndian, ifd.SampleFormat, 2)),
		"DNG":    tiffFixture(binary.BigEndian, 1, 1, 1, []uint16{8}, []byte{1}, ifd.Field{Tag: ifd.DNGVersion, Type: ifd.Byte, Count: 4, Value: []byte{1, 4, 0, 0}}),
		"5-6-5":  tiffFixture(binary.BigEndian, 1, 1, 2, []uint16{5, 6, 5}, []byte{1, 2, 3}),
	} {
		if _, err := Probe(data, imagedata.Limits{}); fault.KindOf(err) != fault.Unsupported {
			t.Errorf("%s: %v, want unsupported", name, err)
		}
	}
}

func TestTIFFPages(t *testing.T) {
	t.Parallel()
	data := tiffFixture(binary.LittleEndian, 1, 1, 1, []uint16{8}, []byte{42})
	file, err := ifd.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := file.Directory(file.First)
	second := len(data)
	data = append(data, data[first.Start:first.End]...)
	binary.LittleEndian.PutUint32(data[first.End-4:], uint32(second))
	binary.LittleEndian.PutUint32(data[len(data)-4:], uint32(second)) // a circle
	d, err := Open(data, imagedata.Limits{})
	if err != nil || len(d.Notes()) != 1 || d.Info().Frames != 1 {
		t.Errorf("notes = %v, info = %+v, error %v", d.Notes(), d.Info(), err)
	}
	gifBytes := []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x3b")
	for page, want := range map[int]fault.Kind{1: "", 2: "", 3: fault.Invalid} {
		d, err := OpenPage(data, page, imagedata.Limits{})
		if fault.KindOf(err) != want || err == nil && len(d.Notes()) > 0 {
			t.Errorf("page %d: %v", page, err)
		}
	}
	if _, err := ProbePage(gifBytes, 2, imagedata.Limits{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("page 2 of a GIF: %v", err)
	}
}

// TestCompressedAgreesWithWriters reads what the usual encoders write.
func TestCompressedAgreesWithWriters(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	img := image.NewNRGBA(image.Rect(0, 0, 67, 41))
	for i := range img.Pix {
		img.Pix[i] = byte(random.Uint32())
	}
	var asTIFF, asBMP bytes.Buffer
	if err := tiff.Encode(&asTIFF, img, &tiff.Options{Compression: tiff.Deflate, Predictor: true}); err != nil {
		t.Fatal(err)
	}
	if err := bmp.Encode(&asBMP, img); err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{asTIFF.Bytes(), asBMP.Bytes()} {
		info, frames := all(t, data)
		for i := range 67 * 41 {
			want := img.NRGBAAt(i%67, i/67)
			got := color.NRGBA{R: frames[0].Color.Pix[3*i], G: frames[0].Color.Pix[3*i+1], B: frames[0].Color.Pix[3*i+2], A: want.A}
			if info.Format == imagedata.TIFF {
				got.A = frames[0].Alpha.Pix[i] // x/image's BMP puts it into a reserved byte
			}
			if got != want {
				t.Fatalf("%s: pixel %d = %v, want %v", info.Format, i, got, want)
			}
		}
	}
}

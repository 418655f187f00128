package decode

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// twoPages is a TIFF file of two gray pages of 2x1 pixels; kinds are their
// NewSubfileType.
func twoPages(kinds [2]uint16, pixels [2][]byte) []byte {
	order := binary.LittleEndian
	file := tiffFixture(order, 2, 1, blackIsZero, []uint16{8}, pixels[0], shortField(order, ifd.NewSubfileType, kinds[0]))
	long := func(tag uint16, v int) ifd.Field {
		return ifd.Field{Tag: tag, Type: ifd.Long, Count: 1, Value: order.AppendUint32(nil, uint32(v))}
	}
	strip := len(file)
	file = append(file, pixels[1]...)
	second, at := ifd.At(uint32(len(file)), order, []ifd.Field{
		shortField(order, ifd.NewSubfileType, kinds[1]), shortField(order, ifd.ImageWidth, 2), shortField(order, ifd.ImageLength, 1),
		shortField(order, ifd.BitsPerSample, 8), shortField(order, ifd.Photometric, 1), long(ifd.StripOffsets, strip), long(ifd.StripByteCounts, 2),
	}, nil, nil)
	first := int(order.Uint32(file[4:]))
	order.PutUint32(file[first+2+12*int(order.Uint16(file[first:])):], at)
	return append(file, second...)
}

// TestTIFFVariants reads files of writers that are rare today, made as the
// specification says; libtiff 4.5 reads the same pixels of each.
func TestTIFFVariants(t *testing.T) {
	t.Parallel()
	order := binary.LittleEndian
	var old bytes.Buffer
	w := lzw.NewWriter(&old, lzw.LSB, 8)
	_, _ = w.Write([]byte{9, 8, 9, 8, 9, 8, 9, 8})
	_ = w.Close()
	none := ifd.Field{Tag: ifd.StripByteCounts, Type: ifd.Long, Count: 2, Value: make([]byte, 8)}
	lab := func(v ...uint16) (out []byte) {
		for _, v := range v {
			out = order.AppendUint16(out, v)
		}
		return out
	}
	grayAlpha := jpegFixture{width: 8, height: 8, sampling: []byte{0x11, 0x11}, value: constant(40, 200)}.encode()
	rainbow, rainbow8 := paletteField(order, 16), paletteField(order, 256)
	for _, c := range []struct {
		name string
		file []byte
		want []byte // colors, then alpha
		note string
	}{
		{"LZW before TIFF 5.0", tiffFixture(order, 8, 1, blackIsZero, []uint16{8}, old.Bytes(), shortField(order, ifd.Compression, 5)), []byte{9, 8, 9, 8, 9, 8, 9, 8}, ""},
		// A row ends in bit 12 and 7 of its word.
		{"CCITT RLE in words", tiffFixture(order, 8, 2, whiteIsZero, []uint16{1}, []byte{0xb6, 0, 0xb6, 0}, shortField(order, ifd.Compression, faxRLEWords)),
			[]byte{255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0}, ""},
		{"strips of unknown size", tiffFixture(order, 2, 2, blackIsZero, []uint16{8}, []byte{1, 2, 3, 4}, none), []byte{1, 2, 3, 4}, ""},
		{"thumbnail first", twoPages([2]uint16{1, 0}, [2][]byte{{1, 2}, {3, 4}}), []byte{3, 4}, ""},
		{"thumbnail only", twoPages([2]uint16{1, 1}, [2][]byte{{1, 2}, {3, 4}}), []byte{1, 2}, ""},
		{"mask", twoPages([2]uint16{0, 4}, [2][]byte{{1, 2}, {255, 0}}), []byte{1, 2}, "mask"},
		{"two pages", twoPages([2]uint16{0, 0}, [2][]byte{{1, 2}, {3, 4}}), []byte{1, 2}, "2 pages"},
		{"layers", tiffFixture(order, 2, 1, blackIsZero, []uint16{8}, []byte{1, 2}, shortField(order, ifd.PhotoshopLayers, 1)), []byte{1, 2}, "layers"},
		// Index 1 half transparent, index 2 opaque; the palette's three colors are red, green, blue.
		{"alpha of 4 bits with a palette", tiffFixture(order, 2, 1, paletted, []uint16{4, 4}, []byte{0x18, 0x2f}, shortField(order, ifd.ExtraSamples, 2), rainbow),
			[]byte{0, 255, 0, 0, 0, 255, 136, 255}, ""},
		{"associated alpha with a palette", tiffFixture(order, 2, 1, paletted, []uint16{8, 8}, []byte{1, 136, 2, 255}, shortField(order, ifd.ExtraSamples, 1), rainbow8),
			[]byte{0, 255, 0, 0, 0, 255, 136, 255}, ""},
		{"gray and alpha in JPEG", tiffFixture(order, 8, 8, blackIsZero, []uint16{8, 8}, grayAlpha, shortField(order, ifd.Compression, 7), shortField(order, ifd.ExtraSamples, 2)),
			append(bytes.Repeat([]byte{40}, 64), bytes.Repeat([]byte{200}, 64)...), ""},
		// White and a middle gray: L* of 100 and 50, in units of 1/256 of 255.
		{"ICC's Lab of 16 bits", tiffFixture(order, 2, 1, iccLab, []uint16{16, 16, 16}, lab(0xff00, 0x8000, 0x8000, 0x7f80, 0x8000, 0x8000)),
			[]byte{255, 255, 255, 119, 119, 119}, "Lab"},
	} {
		d, err := Open(c.file, imagedata.Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		frame, err := d.Next()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := slices.Clone(frame.Color.Pix)
		for _, v := range frame.Color.Pix16 {
			got = append(got, uint8((uint32(v)+128)/257))
		}
		if frame.Alpha != nil {
			got = append(got, frame.Alpha.Pix...)
		}
		if notes := strings.Join(d.Notes(), " "); !bytes.Equal(got, c.want) || (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: %v, want %v; notes %q", c.name, got, c.want, notes)
		}
	}
}

// paletteField is a color map of red, green, blue and blacks.
func paletteField(order binary.ByteOrder, count int) ifd.Field {
	value := make([]byte, 6*count)
	for i := range 3 {
		order.PutUint16(value[2*(i*count+i):], 0xffff)
	}
	return ifd.Field{Tag: ifd.ColorMap, Type: ifd.Short, Count: uint32(3 * count), Value: value}
}

// TestNamedRefusals: variants that cannot be read are refused by their name.
func TestNamedRefusals(t *testing.T) {
	t.Parallel()
	order := binary.LittleEndian
	gray := jpegFixture{width: 8, height: 8, sampling: []byte{0x11}, value: constant(9)}.encode()
	file := func(photometric int, bits []uint16, extra ...ifd.Field) []byte {
		return tiffFixture(order, 1, 1, photometric, bits, make([]byte, 64), extra...)
	}
	for want, data := range map[string][]byte{
		"JPEG 2000":                     file(2, []uint16{8, 8, 8}, shortField(order, ifd.Compression, 34712)),
		"compression 50001 WebP":        file(2, []uint16{8, 8, 8}, shortField(order, ifd.Compression, 50001)),
		"compression 7777 cannot":       file(2, []uint16{8, 8, 8}, shortField(order, ifd.Compression, 7777)),
		"inks other than CMYK":          file(5, []uint16{8, 8, 8, 8}, shortField(order, ifd.InkSet, 2)),
		"signed or complex":             file(1, []uint16{16}, shortField(order, ifd.SampleFormat, 2)),
		"JPEG with other than 8 bits":   file(1, []uint16{12}, shortField(order, ifd.Compression, 7)),
		"this form of Lab or YCbCr":     file(6, []uint16{8, 8, 8, 8}),
		"color model 32844":             file(32844, []uint16{16}),
		"2 components":                  jpegFixture{width: 8, height: 8, sampling: []byte{0x11, 0x11}, value: constant(9, 9)}.encode(),
		"JPEG-LS":                       bytes.Replace(gray, []byte{0xff, 0xc0}, []byte{0xff, 0xf7}, 1),
		"Lossless":                      bytes.Replace(gray, []byte{0xff, 0xc0}, []byte{0xff, 0xc3}, 1),
		"12 bits per sample":            bytes.Replace(gray, []byte{0xff, 0xc0, 0, 11, 8}, []byte{0xff, 0xc1, 0, 11, 12}, 1),
		"BMP files with this":           bmpFixture(8, 1, 1, 3, make([]byte, 8), make([]byte, 4)),
		"BMP files with this compressi": bmpFixture(8, 1, 24, 4, nil, make([]byte, 24)),
	} {
		_, err := Probe(data, imagedata.Limits{})
		if fault.KindOf(err) != fault.Unsupported || !strings.Contains(fault.Sentence(err), want) {
			t.Errorf("%s: %v (%s)", want, err, fault.KindOf(err))
		}
	}
}

// TestLinesDefinedLater: the height is in a segment after the scan (T.81, B.2.5).
func TestLinesDefinedLater(t *testing.T) {
	t.Parallel()
	for _, progressive := range []bool{false, true} {
		file := jpegFixture{width: 16, height: 24, sampling: []byte{0x11}, progressive: progressive, value: func(_, x, y int) uint8 { return uint8(20 + 50*y + 9*x) }}.encode()
		_, want := all(t, file)
		size := bytes.Index(file, []byte{8, 0, 24, 0, 16})
		later := slices.Concat(file[:size+1], []byte{0, 0}, file[size+3:len(file)-2], []byte{0xff, 0xdc, 0, 4, 0, 24}, file[len(file)-2:])
		if _, got := all(t, later); !bytes.Equal(got[0].Color.Pix, want[0].Color.Pix) || got[0].Color.Height != 24 {
			t.Errorf("progressive %v: %dx%d differs", progressive, got[0].Color.Width, got[0].Color.Height)
		}
	}
}

// TestNothingIsLostSilently: data that no output keeps makes a note, and what is kept
// makes none.
func TestNothingIsLostSilently(t *testing.T) {
	t.Parallel()
	order := binary.LittleEndian
	photo := func(after string, segments ...[]byte) []byte {
		f := jpegFixture{width: 8, height: 8, sampling: []byte{0x11}, segments: bytes.Join(segments, nil), value: constant(9)}
		return append(f.encode(), after...)
	}
	still := pngChunk("IDAT", pngRows([]byte{1, 2, 3}))
	pngOf := func(kind string, parts ...[]byte) []byte {
		return pngFixture(pngHeader(1, 1, 8, 2), pngChunk(kind, parts...), still)
	}
	app1 := func(packet string) []byte {
		return appSegment(0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00"), []byte(packet))
	}
	box := func(kind, body string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))) + kind + body
	}
	const motion, map21496 = `<r GCamera:MotionPhoto="1"/>`, "urn:iso:std:iso:ts:21496:-1\x00\x00\x00"
	packet := []byte(`<r xmlns:g="http://ns.adobe.com/hdr-gain-map/1.0/" g:Version="1.0"/>`)
	var art bytes.Buffer
	_ = gif.EncodeAll(&art, &gif.GIF{Image: []*image.Paletted{indexed(image.Rect(0, 0, 1, 1), false)}, Delay: []int{0}})
	gifWith := func(application string, body []byte) []byte {
		at := 13 // no global palette
		return slices.Concat(art.Bytes()[:at], []byte{0x21, 0xff, 11}, []byte(application), body, art.Bytes()[at:])
	}
	caption := append([]byte("8BIM\x04\x04\x00\x00\x00\x00\x00\x0a"), "\x1c\x02\x78\x00\x05hello"...)
	path := []byte("8BIM\x07\xd0\x00\x00\x00\x00\x00\x02ab")
	const faces = "<r><mwg-rs:Regions/></r>"
	bytesField := func(tag, kind uint16, count int, value []byte) ifd.Field {
		return ifd.Field{Tag: tag, Type: kind, Count: uint32(count), Value: value}
	}
	gray := func(extra ...ifd.Field) []byte { return tiffFixture(order, 1, 1, 1, []uint16{8}, []byte{9}, extra...) }
	for _, c := range []struct {
		name string
		file []byte
		note string
		has  func(m imagedata.Metadata) bool
	}{
		{"plain", photo(""), "", nil},
		{"zeros after the image", photo("\x00\x00\x00\x00"), "", nil},
		{"film after the image", photo(box("ftyp", "mp42")), "video", nil},
		{"Samsung's motion photo", photo("\x00\x00\x30\x0a\x10\x00\x00\x00MotionPhoto_Data" + box("ftyp", "mp42")), "video", nil},
		{"motion photo", photo(box("ftyp", "mp42"), app1(motion)), "video", nil},
		{"motion photo in PNG", pngOf("iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"+motion)), "video", nil},
		{"gain map of another prefix in WebP", webpFixture(webpCanvas(4, 4, 2), losslessChunk(t, filled(4, 2, color.NRGBA{1, 2, 3, 255})), riff("XMP ", packet)), "gain map", nil},
		{"gain map of ISO 21496-1", photo(string(photo("")), appSegment(0xe2, []byte("MPF\x00II")), appSegment(0xe2, []byte(map21496))), "gain map", nil},
		{"several images", photo(string(photo("")), appSegment(0xe2, []byte("MPF\x00II"))), "more images", nil},
		{"other data", photo("\xff\xd8 and more"), "data after its image", nil},
		{"content credentials", photo("", appSegment(0xeb, []byte("JP\x00\x01\x00\x00\x00\x01 jumb c2pa"))), "C2PA", nil},
		{"content credentials in PNG", pngOf("caBX", []byte("x")), "C2PA", nil},
		{"extension of XMP", photo("", app1(`<r xmpNote:HasExtendedXMP="00"/>`)), "extended XMP", nil},
		{"faces of a rotated image", photo("", appSegment(0xe1, []byte("Exif\x00\x00"), exifFixture(6)), app1(`<r><mwg-rs:Regions/></r>`)), "regions", nil},
		{"damaged EXIF", photo("", appSegment(0xe1, []byte("Exif\x00\x00nonsense"))), "EXIF data is damaged", nil},
		{"damaged XMP", photo("", app1("<r")), "XMP data is damaged", nil},
		{"damaged profile in PNG", pngOf("iCCP", []byte("p\x00\x00nonsense")), "color profile is damaged", nil},
		{"damaged EXIF in PNG", pngOf("eXIf", []byte("nonsense")), "EXIF data is damaged", nil},
		{"transparency of a wrong checksum in PNG", bytes.Replace(pngOf("tRNS", []byte("\x00\x01\x00\x02\x00\x03")), []byte("\x00\x03"), []byte("\x00\x04"), 1), `"tRNS"`, nil},
		{"flat pixels in PNG", pngOf("pHYs", []byte("\x00\x00\x00\x02\x00\x00\x00\x01\x00")), "not square (2 by 1", nil},
		{"square pixels in PNG", pngOf("pHYs", []byte("\x00\x00\x00\x02\x00\x00\x00\x02\x00")), "", nil},
		{"flat pixels in JPEG", photo("", appSegment(0xe0, []byte("JFIF\x00\x01\x02\x00\x00\x10\x00\x0f\x00\x00"))), "not square (16 by 15", nil},
		{"path in JPEG", photo("", appSegment(0xed, []byte("Photoshop 3.0\x00"), path)), "clipping path", nil},
		{"path in TIFF", gray(bytesField(ifd.Photoshop, ifd.Byte, len(path), path)), "clipping path", nil},
		{"damaged XMP in TIFF", gray(bytesField(ifd.XMP, ifd.Byte, 6, []byte("<a> <b"))), "XMP data is damaged", nil},
		{"map position in TIFF", gray(bytesField(33550, ifd.Byte, 5, []byte("12345"))), "33550", nil},
		{"document's name in TIFF", gray(bytesField(ifd.DocumentName, ifd.ASCII, 5, []byte("name\x00"))), "",
			func(m imagedata.Metadata) bool { return bytes.Contains(m.EXIF, []byte("name")) }},
		{"faces of a rotated TIFF", gray(shortField(order, ifd.Orientation, 6), bytesField(ifd.XMP, ifd.Byte, len(faces), []byte(faces))), "regions",
			func(m imagedata.Metadata) bool { return string(m.XMP) == "<r></r>" }},
		{"XMP in GIF", gifWith("XMP DataXMP", append([]byte("<r a='1'/>\x01"), append(countdown(), 0)...)), "",
			func(m imagedata.Metadata) bool { return string(m.XMP) == "<r a='1'/>" }},
		{"profile in GIF", gifWith("ICCRGBG1012", append(append([]byte{132}, iccFixture("RGB ")...), 0)), "",
			func(m imagedata.Metadata) bool { return len(m.ICC) == 132 }},
		{"captions among Photoshop's resources in TIFF", gray(bytesField(ifd.Photoshop, ifd.Byte, len(caption), caption)), "",
			func(m imagedata.Metadata) bool { return bytes.HasSuffix(m.IPTC, []byte("hello")) }},
		{"swapped captions in TIFF", gray(bytesField(ifd.IPTC, ifd.Long, 3, []byte("\x00\x78\x02\x1clleh\x00\x00\x00o"))), "",
			func(m imagedata.Metadata) bool { return bytes.HasPrefix(m.IPTC, []byte("\x1c\x02\x78\x00hell")) }},
	} {
		d, err := Open(c.file, imagedata.Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		notes := strings.Join(d.Notes(), " ")
		if (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) || len(d.Notes()) > 1 {
			t.Errorf("%s: notes %q", c.name, notes)
		}
		if c.has != nil && !c.has(d.Info().Meta) {
			t.Errorf("%s: %+v", c.name, d.Info().Meta)
		}
	}
}

// countdown is the end of XMP in GIF: wherever a reader of blocks enters, it arrives at
// the terminator.
func countdown() []byte {
	var out []byte
	for v := 255; v >= 0; v-- {
		out = append(out, byte(v))
	}
	return out
}

// TestLightOfHDR reads HEIF's properties of the mastering screen.
func TestLightOfHDR(t *testing.T) {
	t.Parallel()
	meta := []byte("....\x00\x00\x00\x20mdcvGxGyBxByRxRyWxWy\x00\x98\x96\x80\x00\x00\x01\xf4\x00\x00\x00\x0cclli\x03\xe8\x01\x90")
	got := metadata.Light(meta)
	if len(got) != 2 || string(got[0].Data) != "RxRyGxGyBxByWxWy\x00\x98\x96\x80\x00\x00\x01\xf4" || string(got[1].Data) != "\x00\x98\x96\x80\x00\x3d\x09\x00" {
		t.Errorf("%q", got)
	}
	if got := metadata.Light(meta[:20]); got != nil {
		t.Errorf("cut: %q", got)
	}
}

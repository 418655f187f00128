package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"testing"

	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// mebi is a MiB of one byte.
func mebi(n int, of byte) []byte { return bytes.Repeat([]byte{of}, n<<20) }

// fixed is a file that needs nothing of the test.
func fixed(file func() []byte) func(testing.TB) []byte {
	return func(testing.TB) []byte { return file() }
}

func hostilePNG() []hostileFile {
	pixel := pngChunk("IDAT", pngRows([]byte{1, 2, 3}))
	withText := func(kind string, head string, body []byte) func(testing.TB) []byte {
		return fixed(func() []byte {
			return pngFixture(pngHeader(1, 1, 8, 2), pngChunk(kind, []byte(head), deflate(body)), pixel)
		})
	}
	return []hostileFile{
		{"PNG 60000x60000 of 3 bytes", fixed(func() []byte { return pngFixture(pngHeader(60000, 60000, 8, 2), pixel) }), fault.TooLarge, 24},
		{"PNG 9999x9999, 16 bits, of 3 bytes", fixed(func() []byte { return pngFixture(pngHeader(9999, 9999, 16, 6), pixel) }), fault.TooLarge, 24},
		{"PNG 6999x6999, 16 bits, of 3 bytes", fixed(func() []byte { return pngFixture(pngHeader(6999, 6999, 16, 6), pixel) }), fault.Invalid, 24},
		{"PNG 9999x9999 of zeroes, inside the limit", fixed(func() []byte {
			return pngFixture(pngHeader(9999, 9999, 8, 2), pngChunk("IDAT", deflate(make([]byte, 9999*(3*9999+1)))))
		}), "", 1000},
		{"PNG 1x1, 128 MiB behind its pixel", fixed(func() []byte {
			return pngFixture(pngHeader(1, 1, 8, 2), pngChunk("IDAT", deflate(make([]byte, 1<<27))))
		}), "", 24},
		{"PNG with an iCCP bomb of 64 MiB", withText("iCCP", "p\x00\x00", mebi(64, 0)), "", 100},
		{"PNG with a zTXt bomb of 64 MiB", withText("zTXt", "Comment\x00\x00", mebi(64, 0)), "", 24},
		{"PNG with an XMP bomb of 64 MiB", withText("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00", mebi(64, ' ')), "", 100},
		{"PNG with 15 MiB of XMP elements", withText("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00", bytes.Repeat([]byte("<a>"), 5<<20)), "", 120},
		{"PNG with 15 MiB of unclosed thumbnails", withText("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00", bytes.Repeat([]byte("<xmp:Thumbnails x='tiff:Orientation'>"), 400_000)), "", 70},
		{"PNG of 700000 empty IDAT chunks", fixed(func() []byte {
			return pngFixture(pngHeader(1, 1, 8, 2), bytes.Repeat(pngChunk("IDAT"), 700_000), pixel)
		}), "", 160},
		{"PNG 1x30000", fixed(func() []byte {
			return pngFixture(pngHeader(1, 30000, 8, 2), pngChunk("IDAT", deflate(make([]byte, 4*30000))))
		}), "", 24},
		{"PNG 65535x1", fixed(func() []byte {
			return pngFixture(pngHeader(65535, 1, 8, 2), pngChunk("IDAT", deflate(make([]byte, 3*65535+1))))
		}), fault.TooLarge, 24},
		{"PNG with HTML and ZIP behind its end", fixed(func() []byte {
			return append(pngFixture(pngHeader(1, 1, 8, 2), pixel), "<html><script>alert(1)</script>PK\x03\x04"...)
		}), "", 24},
		{"HTML with a PNG inside", fixed(func() []byte { return append([]byte("<html>"), pngFixture(pngHeader(1, 1, 8, 2), pixel)...) }), fault.Unsupported, 24},
	}
}

func hostileAnimations() []hostileFile {
	row := []byte{1, 2, 3}
	control := func(width, height, x, y int) []byte { return frameControl(0, width, height, x, y, 1, 1, 0, 0) }
	animated := func(claimed int, chunks ...[]byte) func(testing.TB) []byte {
		return fixed(func() []byte {
			return pngFixture(append([][]byte{pngHeader(1, 1, 8, 2), animationControl(claimed, 0)}, chunks...)...)
		})
	}
	data := pngChunk("fdAT", []byte{0, 0, 0, 1}, pngRows(row))
	return []hostileFile{
		{"APNG that claims 4 billion frames", animated(1<<32-1, control(1, 1, 0, 0), pngChunk("IDAT", pngRows(row))), "", 24},
		{"APNG with a frame outside the canvas", animated(2, control(1, 1, 1<<31-1, 1), pngChunk("IDAT", pngRows(row))), fault.Invalid, 24},
		{"APNG with a frame of 2^31 pixels a side", animated(2, control(1<<31-1, 1<<31-1, 0, 0), pngChunk("IDAT", pngRows(row))), fault.Invalid, 24},
		{"APNG of 100000 fcTL without pixels", animated(100_000, pngChunk("IDAT", pngRows(row)), bytes.Repeat(control(1, 1, 0, 0), 100_000)), fault.TooLarge, 40},
		{"APNG of 100000 frames", animated(100_000, pngChunk("IDAT", pngRows(row)), bytes.Repeat(append(control(1, 1, 0, 0), data...), 100_000)), fault.TooLarge, 60},
		{"GIF of 700000 frames of a pixel", manyFrames(700_000, 1, 1), fault.TooLarge, 60},
		{"GIF of 19000 frames of a pixel", manyFrames(19_000, 1, 1), "", 60},
		{"GIF of 19000 frames on 65535x65535", manyFrames(19_000, 65535, 65535), fault.TooLarge, 60},
		{"GIF with a frame outside the canvas", func(t testing.TB) []byte {
			return gifCanvas(gifFixture(t, &gif.GIF{Image: []*image.Paletted{indexed(image.Rect(0, 0, 1, 1), false), indexed(image.Rect(0, 0, 9, 9), false)}, Delay: []int{0, 0}, Config: image.Config{Width: 9, Height: 9}}), 4, 4)
		}, "", 24},
		{"GIF with a frame of 65535x65535 on 1x1", fixed(func() []byte {
			file := manyFrames(2, 1, 1)(nil)
			for i := len(file) - 11; i < len(file)-7; i++ {
				file[i] = 0xff
			}
			return file
		}), fault.Invalid, 24},
		{"WebP whose canvas claims 2^24 a side", func(t testing.TB) []byte {
			return webpFixture(webpCanvas(0, 1<<24, 1<<24), losslessChunk(t, filled(4, 2, color.NRGBA{1, 2, 3, 4})))
		}, fault.Invalid, 24},
		{"animated WebP of 1x1 on 2^24 a side", func(t testing.TB) []byte {
			return webpFixture(webpCanvas(2, 1<<24, 1<<24), webpAnimationFrame(0, 0, 1, 1, 1, 0, losslessChunk(t, filled(1, 1, color.NRGBA{}))))
		}, fault.TooLarge, 24},
		{"animated WebP of 100000 frames", func(t testing.TB) []byte {
			frame := webpAnimationFrame(0, 0, 1, 1, 1, 0, losslessChunk(t, filled(1, 1, color.NRGBA{1, 2, 3, 4})))
			return webpFixture(webpCanvas(2, 1, 1), bytes.Repeat(frame, 100_000))
		}, fault.TooLarge, 60},
		{"WebP 4x1 with 65536 groups of codes", fixed(webpCodes), fault.Invalid, 24},
	}
}

// gifCanvas overwrites the size that a file states.
func gifCanvas(file []byte, width, height int) []byte {
	binary.LittleEndian.PutUint16(file[6:], uint16(width))
	binary.LittleEndian.PutUint16(file[8:], uint16(height))
	return file
}

// manyFrames is a GIF of frames of one pixel.
func manyFrames(frames, width, height int) func(testing.TB) []byte {
	return fixed(func() []byte {
		head := gifCanvas([]byte("GIF89a\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"), width, height)
		frame := []byte("\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00")
		return append(append(head, bytes.Repeat(frame, frames)...), 0x3b)
	})
}

// webpCodes is a lossless image of 4x1 pixels that asks for 65536 groups of
// five prefix codes (RFC 9649, section 3.7.2.2), half a KiB of memory each.
func webpCodes() []byte {
	var out []byte
	var bits, count uint
	put := func(value, width uint) {
		bits |= value << count
		for count += width; count >= 8; count -= 8 {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	code := func(symbol uint) { put(1, 1); put(0, 1); put(1, 1); put(symbol, 8) } // simple, one symbol of 8 bits
	put(0x2f, 8)
	put(3, 14)
	put(0, 14)
	put(0, 4)                                     // no alpha, version 0
	put(0, 1)                                     // no transform
	put(0, 1)                                     // no color cache
	put(1, 1)                                     // groups of codes, chosen by an image
	put(0, 3)                                     // of blocks of 4x4
	put(0, 1)                                     // which has no color cache
	for _, s := range []uint{255, 255, 0, 0, 0} { // green and red choose 65535
		code(s)
	}
	for range 65536*5 - 2 { // the last ones are missing
		code(0)
	}
	return webpFixture(riff("VP8L", out))
}

func hostileJPEG() []hostileFile {
	// A file of 8x8 pixels whose header then claims another size.
	claims := func(width, height int, progressive bool) func(testing.TB) []byte {
		return fixed(func() []byte {
			return resized(jpegFixture{sampling: []byte{0x11, 0x11, 0x11}, progressive: progressive}, width, height)
		})
	}
	return []hostileFile{
		{"JPEG 65500x65500 of 300 bytes", claims(65500, 65500, false), fault.TooLarge, 24},
		{"JPEG 9999x9999 of 300 bytes", claims(9999, 9999, false), fault.Invalid, 24},
		{"progressive JPEG 9999x9999 of 300 bytes", claims(9999, 9999, true), fault.TooLarge, 24},
		{"progressive JPEG 6999x6999 of 300 bytes", claims(6999, 6999, true), fault.Invalid, 24},
		{"progressive JPEG 9999x9999 cut off, inside the limit", fixed(func() []byte {
			return append(resized(jpegFixture{sampling: []byte{0x11, 0x11, 0x11}, progressive: true}, 9999, 9999), make([]byte, 1<<18)...)
		}), fault.TooLarge, 24},
		{"progressive JPEG 9999x9999, 4:2:0, cut off, inside the limits", fixed(func() []byte {
			return append(resized(jpegFixture{sampling: []byte{0x22, 0x11, 0x11}, progressive: true}, 9999, 9999), make([]byte, 1<<18)...)
		}), fault.Invalid, 1000},
		{"JPEG 1x65535", claims(1, 65535, false), fault.TooLarge, 24},
		{"JPEG 65535x1", claims(65535, 1, false), fault.TooLarge, 24},
		{"progressive JPEG of 1000 scans", fixed(func() []byte { return manyScans(1000, 8000) }), fault.Invalid, 24},
		{"progressive JPEG of 99 scans of 64 million pixels", fixed(func() []byte { return manyScans(98, 8000) }), "", 900},
		{"JPEG with a ZIP behind its end", fixed(func() []byte {
			return append(jpegFixture{width: 8, height: 8, sampling: []byte{0x11}, value: func(int, int, int) uint8 { return 9 }}.encode(), "PK\x03\x04"...)
		}), "", 24},
	}
}

// resized is a file of one block whose header claims another size.
func resized(f jpegFixture, width, height int) []byte {
	f.width, f.height, f.value = 8, 8, func(int, int, int) uint8 { return 1 }
	file := f.encode()
	at := bytes.Index(file, []byte{8, 0, 8, 0, 8, byte(len(f.sampling))})
	binary.BigEndian.PutUint16(file[at+1:], uint16(height))
	binary.BigEndian.PutUint16(file[at+3:], uint16(width))
	return file
}

// manyScans is a gray progressive image whose DC scan is followed by scans
// that skip all blocks by runs of 32767 (T.81, section G.1.2.2).
func manyScans(scans, side int) []byte {
	file := jpegFixture{width: side, height: side, sampling: []byte{0x11}, progressive: true, value: func(int, int, int) uint8 { return 128 }}.encode()
	file = file[:len(file)-2]
	// One code of one bit, EOB14: runs of 16384 blocks and 14 bits more.
	file = append(file, appSegment(0xc4, append([]byte{0x10, 1}, make([]byte, 15)...), []byte{0xe0})...)
	blocks := side / 8 * (side / 8)
	for range scans {
		w := bitWriter{}
		for left := blocks; left > 0; left -= 1<<15 - 1 {
			w.write(0, 1)
			w.write(1<<14-1, 14)
		}
		file = append(append(file, appSegment(0xda, []byte{1, 1, 0, 1, 63, 0})...), w.flush()...)
	}
	return append(file, 0xff, 0xd9)
}

func hostileTIFF() []hostileFile {
	little := binary.LittleEndian
	return []hostileFile{
		{"TIFF 65535x65535 of 4 bytes", fixed(func() []byte { return tiffFixture(little, 65535, 65535, 1, []uint16{8}, make([]byte, 4)) }), fault.TooLarge, 24},
		{"TIFF 9999x9999 of 4 bytes", fixed(func() []byte { return tiffFixture(little, 9999, 9999, 1, []uint16{8}, make([]byte, 4)) }), fault.Invalid, 24},
		{"TIFF whose 65536 pages of 65535 fields overlap", fixed(overlappingPages), "", 60},
		{"TIFF whose pages run in a circle", fixed(func() []byte {
			file := tiffFixture(little, 1, 1, 1, []uint16{8}, []byte{1})
			first := little.Uint32(file[4:])
			end := int(first) + 2 + 12*int(little.Uint16(file[first:]))
			little.PutUint32(file[end:], first)
			return file
		}), "", 24},
		{"TIFF whose 60000 EXIF fields share 1 MiB", fixed(overlappingFields), "", 60},
		{"TIFF whose strips share 10 MiB", fixed(overlappingStrips), fault.Invalid, 60},
	}
}

// directory writes fields without their values.
func directory(fields int, field func(i int) (tag, kind uint16, count, value uint32), next uint32) []byte {
	out := binary.LittleEndian.AppendUint16(nil, uint16(fields))
	for i := range fields {
		tag, kind, count, value := field(i)
		out = binary.LittleEndian.AppendUint16(out, tag)
		out = binary.LittleEndian.AppendUint16(out, kind)
		out = binary.LittleEndian.AppendUint32(out, count)
		out = binary.LittleEndian.AppendUint32(out, value)
	}
	return binary.LittleEndian.AppendUint32(out, next)
}

// overlappingPages has one byte of ones where each directory's count is, and
// the links of all of them one after the other.
func overlappingPages() []byte {
	file := tiffFixture(binary.LittleEndian, 1, 1, 1, []uint16{8}, []byte{1})
	if len(file)%2 == 1 {
		file = append(file, 0)
	}
	first := binary.LittleEndian.Uint32(file[4:])
	end := int(first) + 2 + 12*int(binary.LittleEndian.Uint16(file[first:]))
	start := uint32(len(file))
	binary.LittleEndian.PutUint32(file[end:], start)
	const pages, size = 65536, 2 + 65535*12
	file = append(file, bytes.Repeat([]byte{0xff}, max(4*pages, size))...)
	for page := range uint32(pages) {
		file = binary.LittleEndian.AppendUint32(file, start+4*(page+1))
	}
	return file
}

// overlappingFields has an EXIF directory whose fields all have one value.
func overlappingFields() []byte {
	value := make([]byte, 4)
	build := func() []byte {
		return tiffFixture(binary.LittleEndian, 1, 1, 1, []uint16{8}, []byte{1}, ifd.Field{Tag: ifd.EXIF, Type: ifd.Long, Count: 1, Value: value})
	}
	start := uint32(len(build()))
	binary.LittleEndian.PutUint32(value, start)
	exif := directory(60000, func(i int) (uint16, uint16, uint32, uint32) { return uint16(i + 1), ifd.Undefined, 1 << 20, 8 }, 0)
	return append(append(build(), exif...), make([]byte, 1<<20)...)
}

// overlappingStrips claims 30000 rows, each a strip of the same 10 MiB.
func overlappingStrips() []byte {
	const rows, size = 30000, 10 << 20
	first := uint32(8)
	fields := [][4]uint32{
		{ifd.ImageWidth, ifd.Long, 1, 1}, {ifd.ImageLength, ifd.Long, 1, rows}, {ifd.BitsPerSample, ifd.Short, 1, 8},
		{ifd.Compression, ifd.Short, 1, 32773}, {ifd.Photometric, ifd.Short, 1, 1}, {ifd.StripOffsets, ifd.Long, rows, 1000},
		{ifd.SamplesPerPixel, ifd.Short, 1, 1}, {0x0116, ifd.Short, 1, 1}, {ifd.StripByteCounts, ifd.Long, rows, 1000 + 4*rows},
	}
	file := append([]byte("II*\x00"), binary.LittleEndian.AppendUint32(nil, first)...)
	file = append(file, directory(len(fields), func(i int) (uint16, uint16, uint32, uint32) {
		f := fields[i]
		return uint16(f[0]), uint16(f[1]), f[2], f[3]
	}, 0)...)
	file = append(file, make([]byte, 1000-len(file))...)
	for _, value := range []uint32{1000 + 8*rows, size} {
		for range rows {
			file = binary.LittleEndian.AppendUint32(file, value)
		}
	}
	file = append(file, bytes.Repeat([]byte{0x80}, size-2)...) // 0x80 is PackBits' no-operation
	return append(file, 0, 7)                                  // a run of one byte, the row
}

func hostileOthers() []hostileFile {
	return []hostileFile{
		{"BMP 9999x9999 of 4 bytes", fixed(func() []byte { return bmpFixture(9999, 9999, 24, 0, nil, make([]byte, 4)) }), fault.Invalid, 24},
		{"BMP 2^31 a side", fixed(func() []byte { return bmpFixture(1<<31-1, 1<<31-1, 24, 0, nil, make([]byte, 4)) }), fault.Invalid, 24},
		{"BMP 9999x9999 run-length coded of 2 bytes", fixed(func() []byte { return bmpFixture(9999, 9999, 8, 1, make([]byte, 1024), []byte{0, 1}) }), fault.Invalid, 24},
		{"BMP 3000x3000 run-length coded in 70 KB", fixed(func() []byte {
			return bmpFixture(3000, 3000, 8, 1, make([]byte, 1024), append(bytes.Repeat([]byte{255, 7}, 36_000), 0, 1))
		}), "", 60},
		{"BMP of one pixel with 8 MiB of skips", fixed(func() []byte {
			return bmpFixture(1, 1, 8, 1, make([]byte, 1024), append(bytes.Repeat([]byte{0, 2, 255, 0}, 2<<20), 0, 1))
		}), "", 60},
		{"PNG with EXIF directories in a circle", fixed(func() []byte {
			circle := directory(3, func(i int) (uint16, uint16, uint32, uint32) {
				return []uint16{ifd.Orientation, ifd.EXIF, ifd.GPS}[i], ifd.Long, 1, 8
			}, 8)
			exif := append([]byte("II*\x00\x08\x00\x00\x00"), circle...)
			return pngFixture(pngHeader(1, 1, 8, 2), pngChunk("eXIf", exif), pngChunk("IDAT", pngRows([]byte{1, 2, 3})))
		}), "", 24},
		{"PNG with 4000 EXIF thumbnails of the same 15 MiB", fixed(func() []byte {
			start := uint32(8 + 6 + 12)
			exif := append([]byte("II*\x00\x08\x00\x00\x00"), directory(1, func(int) (uint16, uint16, uint32, uint32) {
				return ifd.Orientation, ifd.Short, 1, 1
			}, start)...)
			exif = append(exif, directory(4000, func(i int) (uint16, uint16, uint32, uint32) {
				return uint16(i + 1), ifd.Undefined, 15 << 20, start + 50000
			}, 0)...)
			exif = append(exif, make([]byte, 15<<20+2000)...)
			return pngFixture(pngHeader(1, 1, 8, 2), pngChunk("eXIf", exif), pngChunk("IDAT", pngRows([]byte{1, 2, 3})))
		}), "", 120},
	}
}

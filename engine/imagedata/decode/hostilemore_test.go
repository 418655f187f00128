package decode

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// repeat is a part of a file many times over.
func repeat(part string, times int) []byte { return bytes.Repeat([]byte(part), times) }

// joined puts parts of a file together.
func joined(parts ...[]byte) func(testing.TB) []byte {
	return fixed(func() []byte { return bytes.Join(parts, nil) })
}

// withByte changes one byte of a file.
func withByte(file []byte, at int, to byte) []byte {
	file = slices.Clone(file)
	file[at] = to
	return file
}

func hostileFurther() []hostileFile {
	return slices.Concat(furtherPNG(), furtherGIF(), furtherWebP(), furtherTIFF(), furtherJPEG(), furtherBitmaps())
}

func furtherPNG() []hostileFile {
	pixel := pngChunk("IDAT", pngRows([]byte{1, 2, 3}))
	rgb := pngHeader(1, 1, 8, 2)
	bare := []byte(pngSignature)
	profile := iccFixture("RGB ")
	profile = append(profile[:128:128], 0xff, 0xff, 0xff, 0xff) // 4 billion tags
	entities := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "` + strings.Repeat("lol", 1000) + `">`
	for name := 'b'; name <= 'z'; name++ {
		entities += `<!ENTITY ` + string(name) + ` "` + strings.Repeat("&"+string(name-1)+";", 10) + `">`
	}
	entities += `]><x:xmpmeta xmlns:x="adobe:ns:meta/">&z;</x:xmpmeta>`
	interlaced := func(width, height, depth, kind int) []byte {
		head := pngHeader(width, height, depth, kind)
		return pngChunk("IHDR", withByte(head[8:21], 12, 1))
	}
	text := func(kind, head, body string) []byte { return pngChunk(kind, []byte(head), deflate([]byte(body))) }
	return []hostileFile{
		{"PNG interlaced 9999x9999 of 3 bytes", joined(bare, interlaced(9999, 9999, 8, 6), pixel), fault.TooLarge, 24},
		{"PNG interlaced 29999x3333 of 1 bit, zeroes", fixed(func() []byte {
			// Rows of the seven passes, each with its filter (PNG, section 8.2).
			return pngFixture(interlaced(29999, 3333, 1, 0), pngChunk("IDAT", deflate(make([]byte, 13<<20))))
		}), "", 500},
		{"PNG with a palette of 16 bits", joined(bare, pngHeader(1, 1, 16, 3), pngChunk("PLTE", []byte{1, 2, 3}), pixel), fault.Unsupported, 24},
		{"PNG without its palette", joined(bare, pngHeader(1, 1, 8, 3), pixel), fault.Invalid, 24},
		{"PNG whose pixels lie beyond its palette", joined(bare, pngHeader(1, 1, 8, 3), pngChunk("PLTE", []byte{1, 2, 3}), pngChunk("IDAT", pngRows([]byte{200})), pngChunk("IEND")), "", 24},
		{"PNG with two headers of different sizes", joined(bare, rgb, pngHeader(9999, 9999, 8, 2), pixel, pngChunk("IEND")), fault.Invalid, 24},
		{"PNG with a chunk of 2 GiB", joined(bare, rgb, []byte("\x7f\xff\xff\xffiCCPp\x00\x00"), pixel), fault.Invalid, 24},
		{"PNG with a chunk of 4 GiB", joined(bare, rgb, []byte("\xff\xff\xff\xffIDAT"), pixel), fault.Invalid, 24},
		{"PNG whose profile has 4 billion tags", joined(bare, rgb, text("iCCP", "p\x00\x00", string(profile)), pixel, pngChunk("IEND")), "", 24},
		{"PNG with XMP entities that grow to 3e28 bytes", joined(bare, rgb, text("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00", entities), pixel, pngChunk("IEND")), "", 24},
		{"PNG with a million elements of XMP inside each other", joined(bare, rgb, text("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00", strings.Repeat("<a>", 1<<20)+strings.Repeat("</a>", 1<<20)), pixel, pngChunk("IEND")), "", 120},
		{"APNG of no frames", joined(bare, rgb, animationControl(0, 0), pixel, pngChunk("IEND")), "", 24},
		{"APNG whose frames are out of order", joined(bare, rgb, animationControl(2, 0), frameControl(7, 1, 1, 0, 0, 1, 0, 9, 9), pixel,
			frameControl(3, 1, 1, 0, 0, 65535, 0, 0, 0), pngChunk("fdAT", []byte{0, 0, 0, 1}, pngRows([]byte{1, 2, 3})), pngChunk("IEND")), fault.Invalid, 24},
		{"APNG whose frame is empty", joined(bare, rgb, animationControl(2, 0), frameControl(0, 1, 1, 0, 0, 1, 1, 0, 0), pixel, frameControl(1, 0, 0, 0, 0, 1, 1, 0, 0), pngChunk("IEND")), fault.Invalid, 24},
	}
}

func furtherGIF() []hostileFile {
	head := func(width, height int) []byte {
		return gifCanvas([]byte("GIF89a\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"), width, height)
	}
	frame := func(width, height int, bits byte, blocks []byte) []byte {
		out := append([]byte(",\x00\x00\x00\x00"), byte(width), byte(width>>8), byte(height), byte(height>>8), 0, bits)
		return append(out, blocks...)
	}
	bomb := func(width, height int) []byte {
		var compressed, blocks bytes.Buffer
		w := lzw.NewWriter(&compressed, lzw.LSB, 8)
		_, _ = w.Write(make([]byte, width*height))
		_ = w.Close()
		for rest := compressed.Bytes(); len(rest) > 0; {
			n := min(255, len(rest))
			blocks.WriteByte(byte(n))
			blocks.Write(rest[:n])
			rest = rest[n:]
		}
		blocks.WriteByte(0)
		return bytes.Join([][]byte{head(width, height), frame(width, height, 8, blocks.Bytes()), {';'}}, nil)
	}
	return []hostileFile{
		{"GIF with a frame of 0x0", joined(head(4, 4), frame(0, 0, 2, []byte{0}), []byte(";")), "", 24},
		{"GIF of 0x0 with a frame", joined(head(0, 0), frame(1, 1, 2, []byte("\x02\x44\x01\x00")), []byte(";")), "", 24},
		{"GIF with codes of 255 bits", joined(head(1, 1), frame(1, 1, 255, []byte("\x02\x44\x01\x00")), []byte(";")), fault.Invalid, 24},
		{"GIF of a million blocks of a byte", joined(head(1, 1), frame(1, 1, 2, append(repeat("\x01\x44", 1<<20), 0)), []byte(";")), "", 24},
		{"GIF of a million empty comments", joined(head(1, 1), repeat("\x21\xfe\x00", 1<<20), frame(1, 1, 2, []byte("\x02\x44\x01\x00")), []byte(";")), "", 24},
		{"GIF of 29999x3333 in 75 KB", fixed(func() []byte { return bomb(29999, 3333) }), fault.TooLarge, 24},
		{"GIF of 3000x3000 in 7 KB", fixed(func() []byte { return bomb(3000, 3000) }), "", 300},
	}
}

func furtherWebP() []hostileFile {
	lossy := func(width, height int) []byte {
		return riff("VP8 ", []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, byte(width), byte(width >> 8), byte(height), byte(height >> 8)}, make([]byte, 20))
	}
	animated := func(chunks ...[]byte) func(testing.TB) []byte {
		return fixed(func() []byte {
			return webpFixture(append([][]byte{webpCanvas(2, 16, 16), riff("ANIM", make([]byte, 6))}, chunks...)...)
		})
	}
	at := func(file []byte, offset int, value uint32) []byte {
		binary.LittleEndian.PutUint32(file[offset:], value)
		return file
	}
	return []hostileFile{
		{"WebP 9999x9999 of 30 bytes", fixed(func() []byte { return webpFixture(lossy(9999, 9999)) }), fault.Invalid, 500},
		{"WebP 16383x16383 of 30 bytes", fixed(func() []byte { return webpFixture(lossy(16383, 16383)) }), fault.TooLarge, 24},
		{"WebP of 0x0", fixed(func() []byte { return webpFixture(lossy(0, 0)) }), fault.Invalid, 24},
		{"WebP whose chunk claims 4 GiB", fixed(func() []byte { return at(webpFixture(lossy(16, 16)), 16, 1<<32-1) }), fault.Invalid, 24},
		{"WebP that claims no bytes", fixed(func() []byte { return at(webpFixture(lossy(16, 16)), 4, 0) }), fault.Invalid, 24},
		{"WebP whose canvas is not its picture's", fixed(func() []byte { return webpFixture(webpCanvas(16, 16383, 16383), lossy(16, 16)) }), fault.Invalid, 24},
		{"animated WebP without a frame", animated(), fault.Invalid, 24},
		{"animated WebP with a frame outside the canvas", animated(webpAnimationFrame(30, 30, 16, 16, 1, 0, lossy(16, 16))), fault.Invalid, 24},
		{"animated WebP whose frame claims another size", animated(webpAnimationFrame(0, 0, 16, 16, 1, 0, lossy(9999, 9999))), fault.Invalid, 24},
		{"WebP of a million empty chunks", fixed(func() []byte {
			return webpFixture(webpCanvas(0, 16, 16), repeat("JUNK\x00\x00\x00\x00", 1<<20), lossy(16, 16))
		}), fault.Invalid, 60},
	}
}

func furtherTIFF() []hostileFile {
	little := binary.LittleEndian
	// pixels is a TIFF of one page by its fields: tag, type, count, value.
	page := func(fields ...[4]uint32) func(testing.TB) []byte {
		return fixed(func() []byte {
			slices.SortFunc(fields, func(a, b [4]uint32) int { return int(a[0]) - int(b[0]) })
			file := append([]byte("II*\x00\x08\x00\x00\x00"), directory(len(fields), func(i int) (uint16, uint16, uint32, uint32) {
				return uint16(fields[i][0]), uint16(fields[i][1]), fields[i][2], fields[i][3]
			}, 0)...)
			return append(file, make([]byte, 512)...)
		})
	}
	gray := func(width, height uint32, more ...[4]uint32) [][4]uint32 {
		return append([][4]uint32{
			{ifd.ImageWidth, ifd.Long, 1, width}, {ifd.ImageLength, ifd.Long, 1, height}, {ifd.BitsPerSample, ifd.Short, 1, 8},
			{ifd.Compression, ifd.Short, 1, 1}, {ifd.Photometric, ifd.Short, 1, 1}, {ifd.SamplesPerPixel, ifd.Short, 1, 1},
		}, more...)
	}
	const tileWidth, tileLength, tileOffsets, rowsPerStrip = 322, 323, 324, 278
	tiles := func(side, offset, bytes uint32) [][4]uint32 {
		return [][4]uint32{{tileWidth, ifd.Long, 1, side}, {tileLength, ifd.Long, 1, side}, {tileOffsets, ifd.Long, 1, offset}, {ifd.TileByteCounts, ifd.Long, 1, bytes}}
	}
	strip := func(offset, bytes, rows uint32) [][4]uint32 {
		return [][4]uint32{{ifd.StripOffsets, ifd.Long, 1, offset}, {ifd.StripByteCounts, ifd.Long, 1, bytes}, {rowsPerStrip, ifd.Long, 1, rows}}
	}
	packed := func(compression uint16, data []byte) func(testing.TB) []byte {
		bits := uint16(8)
		if compression == 4 {
			bits = 1
		}
		return fixed(func() []byte {
			return tiffFixture(little, 9999, 9999, 1, []uint16{bits}, data, shortField(little, ifd.Compression, compression))
		})
	}
	small := jpegFixture{width: 8, height: 8, sampling: []byte{0x11}, value: constant(9)}.encode()
	size := bytes.Index(small, []byte{0xff, 0xc0})
	turned := func(orientation uint16) func(testing.TB) []byte {
		return fixed(func() []byte {
			value := little.AppendUint16(nil, orientation)
			return tiffFixture(little, 1, 1, 1, []uint16{8}, []byte{1}, ifd.Field{Tag: ifd.Orientation, Type: ifd.Short, Count: 1, Value: value})
		})
	}
	return []hostileFile{
		{"TIFF whose tile lies beyond its end", page(gray(16, 16, tiles(16, 1<<20, 256)...)...), fault.Invalid, 24},
		{"TIFF whose tile ends beyond 4 GiB", page(gray(16, 16, tiles(16, 1<<32-8, 1<<32-8)...)...), fault.Invalid, 24},
		{"TIFF with tiles of 0x0", page(gray(16, 16, tiles(0, 200, 256)...)...), fault.Invalid, 24},
		{"TIFF 9999x9999 with tiles of 1x1", page(gray(9999, 9999, tiles(1, 200, 1)...)...), fault.Invalid, 24},
		{"TIFF with a tile of 2^31 a side", page(gray(16, 16, tiles(1<<31, 200, 256)...)...), fault.Invalid, 24},
		{"TIFF whose strip ends beyond 4 GiB", page(gray(16, 16, strip(1<<32-8, 1<<32-8, 16)...)...), fault.Invalid, 24},
		{"TIFF with strips of no rows", page(gray(16, 16, strip(200, 256, 0)...)...), "", 24},
		{"TIFF with a field of 4 billion values", page(gray(16, 16, [4]uint32{ifd.StripOffsets, ifd.Long, 1<<32 - 1, 200}, [4]uint32{ifd.StripByteCounts, ifd.Long, 1<<32 - 1, 200})...), fault.Invalid, 24},
		{"TIFF with 65533 extra samples", page(slices.Concat(gray(16, 16, strip(200, 256, 16)...), [][4]uint32{{ifd.ExtraSamples, ifd.Short, 65533, 200}})...), "", 24},
		{"TIFF of the orientation 0", turned(0), "", 24},
		{"TIFF of 255 samples of 64 bits in tiles of 65535", page(slices.Concat(gray(16, 16, tiles(65535, 200, 256)...)[:2], tiles(65535, 200, 256), [][4]uint32{
			{ifd.BitsPerSample, ifd.Short, 1, 64}, {ifd.SamplesPerPixel, ifd.Short, 1, 255}, {ifd.SampleFormat, ifd.Short, 1, 3},
		})...), fault.Invalid, 24},
		{"TIFF 9999x9999 of 512 bytes in Group 4", packed(4, make([]byte, 512)), fault.Invalid, 150},
		{"TIFF 9999x9999 of 512 bytes of LZW", packed(5, make([]byte, 512)), fault.Invalid, 150},
		{"TIFF 9999x9999 of a small JPEG", packed(7, small), fault.Invalid, 150},
		{"TIFF 9999x9999 of a JPEG 65535x65535", packed(7, withByte(withByte(withByte(withByte(small, size+5, 255), size+6, 255), size+7, 255), size+8, 255)), fault.Invalid, 150},
		{"TIFF 9999x9999 of an old JPEG", packed(6, small), fault.Invalid, 150},
		{"TIFF 9999x9999 of zstd with a window of 2 GiB", packed(50000, []byte("\x28\xb5\x2f\xfd\x00\xa8\x03\x00\x80\x00")), fault.Invalid, 150},
		{"TIFF 9999x9999 of LZMA with a dictionary of 4 GiB", packed(34925, []byte("\xfd7zXZ\x00\x00\x01\x69\x22\xde\x36\x02\x00\x21\x01\x28\x00\x00\x00\x00\x00\x00\x00")), fault.Invalid, 150},
		{"TIFF of the orientation 65535", turned(65535), "", 24},
		{"BigTIFF", joined([]byte("II+\x00\x08\x00\x00\x00"), make([]byte, 100)), fault.Invalid, 24},
	}
}

func furtherJPEG() []hostileFile {
	flat := func(int, int, int) uint8 { return 100 }
	gray := jpegFixture{width: 64, height: 64, sampling: []byte{0x11}, value: flat}.encode()
	colored := jpegFixture{width: 16, height: 16, sampling: []byte{0x11, 0x11, 0x11}, value: flat}.encode()
	size := bytes.Index(gray, []byte{0xff, 0xc0})
	huge := withByte(withByte(withByte(withByte(gray, size+5, 9999>>8), size+6, 9999&0xff), size+7, 9999>>8), size+8, 9999&0xff)
	scan := bytes.Index(gray, []byte{0xff, 0xda})
	behind := scan + 2 + int(binary.BigEndian.Uint16(gray[scan+2:]))
	start, rest := gray[:scan:scan], gray[scan:]
	frame := gray[size:scan:scan] // from SOF to the scan, with its tables
	turned := func(orientation byte) func(testing.TB) []byte {
		return fixed(func() []byte {
			return jpegFixture{width: 16, height: 8, sampling: []byte{0x11}, value: flat, segments: appSegment(0xe1, []byte("Exif\x00\x00"), exifFixture(orientation))}.encode()
		})
	}
	profile := func(parts int) []byte {
		var all []byte
		for i := range parts {
			all = append(all, appSegment(0xe2, []byte("ICC_PROFILE\x00"), []byte{byte(i + 1), byte(parts)}, make([]byte, 65000))...)
		}
		return all
	}
	return []hostileFile{
		{"JPEG of a million restart markers", joined(gray[:behind], repeat("\xff\xd0", 1<<20), gray[behind:]), fault.Invalid, 24},
		{"JPEG of 16 MiB of fill bytes", joined(start, mebi(16, 0xff), rest), "", 60},
		{"JPEG whose height comes in a DNL marker", joined(withByte(withByte(gray, size+5, 0), size+6, 0), []byte("\xff\xdc\x00\x04\x00\x40\xff\xd9")), fault.Invalid, 24},
		{"JPEG with two frames", joined(start, frame, rest), fault.Invalid, 24},
		{"JPEG of no components", joined(gray[:size], []byte("\xff\xc0\x00\x08\x08\x00\x40\x00\x40\x00"), rest), fault.Unsupported, 24},
		{"JPEG of 255 components", joined(gray[:size], appSegment(0xc0, []byte("\x08\x00\x40\x00\x40\xff"), make([]byte, 765)), rest), fault.Unsupported, 24},
		{"JPEG with a sampling of 0", joined(withByte(colored, bytes.Index(colored, []byte{0xff, 0xc0})+11, 0)), fault.Invalid, 24},
		{"JPEG with a sampling of 15x15", joined(withByte(colored, bytes.Index(colored, []byte{0xff, 0xc0})+11, 0xff)), fault.Invalid, 24},
		{"JPEG of 12 bits", joined(withByte(gray, size+4, 12)), fault.Unsupported, 24},
		{"JPEG coded arithmetically", joined(withByte(gray, size+1, 0xc9)), "", 24},
		{"JPEG coded arithmetically, 9999x9999 of 200 bytes", joined(withByte(huge, size+1, 0xc9)), fault.Invalid, 300},
		{"JPEG coded arithmetically and progressively, cut off", joined(withByte(gray, size+1, 0xca)[:len(gray)-6]), fault.Invalid, 24},
		{"JPEG with a segment of no length", joined(start, []byte("\xff\xe1\x00\x00"), rest), fault.Invalid, 24},
		{"JPEG of 200000 tables", joined(start, bytes.Repeat(appSegment(0xdb, make([]byte, 65)), 200_000), rest), "", 60},
		{"JPEG of 255 parts of a profile", joined(gray[:2], profile(255), gray[2:]), "", 150},
		{"two JPEGs, one behind the other", joined(gray, colored), "", 24},
		{"JPEG with further pictures (MPO)", joined(gray[:2], appSegment(0xe2, []byte("MPF\x00II*\x00\x08\x00\x00\x00"), repeat("\xff", 60)), gray[2:], colored), "", 24},
		{"JPEG of the orientation 0", turned(0), "", 24},
		{"JPEG of the orientation 9", turned(9), "", 24},
	}
}

func furtherBitmaps() []hostileFile {
	old := func(width, height uint16) []byte { // the 12-byte header of OS/2 1.x
		file := append([]byte("BM"), make([]byte, 12)...)
		binary.LittleEndian.PutUint32(file[10:], 26)
		for _, v := range []uint16{12, 0, width, height, 1, 24} {
			file = binary.LittleEndian.AppendUint16(file, v)
		}
		return append(file, 1, 2, 3, 0)
	}
	return []hostileFile{
		{"BMP of -2^31 rows", fixed(func() []byte { return bmpFixture(1, -1<<31, 24, 0, nil, make([]byte, 4)) }), fault.Invalid, 24},
		{"BMP of -1 columns", fixed(func() []byte { return bmpFixture(-1, 1, 24, 0, nil, make([]byte, 4)) }), fault.Invalid, 24},
		{"BMP that holds a JPEG", fixed(func() []byte { return bmpFixture(1, 1, 0, 4, nil, []byte("\xff\xd8\xff")) }), fault.Unsupported, 24},
		{"BMP whose pixels start beyond its end", fixed(func() []byte { return withByte(bmpFixture(1, 1, 24, 0, nil, make([]byte, 4)), 13, 0xff) }), fault.Invalid, 24},
		{"BMP whose header claims 4 GiB", fixed(func() []byte { return withByte(bmpFixture(1, 1, 24, 0, nil, make([]byte, 4)), 17, 0xff) }), fault.Invalid, 24},
		{"BMP with a palette of 4 billion colours", fixed(func() []byte {
			file := bmpFixture(1, 1, 8, 0, make([]byte, 1024), make([]byte, 4))
			copy(file[46:], "\xff\xff\xff\xff")
			return file
		}), "", 24},
		{"BMP of OS/2, one pixel", joined(old(1, 1)), "", 24},
		{"BMP of OS/2, 65535x65535 of 4 bytes", joined(old(65535, 65535)), fault.Invalid, 24},
		{"Windows icon of 65535 pictures", joined([]byte("\x00\x00\x01\x00\xff\xff"), make([]byte, 1000)), fault.Unsupported, 24},
	}
}

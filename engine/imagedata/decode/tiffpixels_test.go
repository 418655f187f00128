package decode

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"math/bits"
	"slices"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// shortField is a field of one number.
func shortField(order binary.ByteOrder, tag, value uint16) ifd.Field {
	out := make([]byte, 2)
	order.PutUint16(out, value)
	return ifd.Field{Tag: tag, Type: ifd.Short, Count: 1, Value: out}
}

func reversedBits(data []byte) []byte {
	out := slices.Clone(data)
	for i, b := range out {
		out[i] = bits.Reverse8(b)
	}
	return out
}

// Four white and four black pixels; the codes are those of ITU-T T.4, table 2.
var (
	rowG3 = []byte{0x00, 0x1b, 0x60, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10}
	rowG4 = []byte{0x36, 0xc0, 0x04, 0x00, 0x40}
)

func TestFaxTIFFPolarity(t *testing.T) {
	t.Parallel()
	white, black := []byte{255, 255, 255, 255, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 255, 255, 255, 255}
	colors := ifd.Field{Tag: 0x0140, Type: ifd.Short, Count: 6}
	for _, v := range []uint16{1 << 8, 2 << 8, 3 << 8, 4 << 8, 5 << 8, 6 << 8} {
		colors.Value = binary.BigEndian.AppendUint16(colors.Value, v)
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for compression, data := range map[uint16][]byte{3: rowG3, 4: rowG4} {
			for _, fill := range []uint16{1, 2} {
				if fill == 2 {
					data = reversedBits(data)
				}
				file := func(photometric int, extra ...ifd.Field) []byte {
					extra = append(extra, shortField(order, ifd.Compression, compression), shortField(order, ifd.FillOrder, fill))
					return tiffFixture(order, 8, 1, photometric, []uint16{1}, data, extra...)
				}
				for photometric, want := range [][]byte{whiteIsZero: white, blackIsZero: black} {
					if _, frames := all(t, file(photometric)); !bytes.Equal(frames[0].Color.Pix, want) {
						t.Errorf("%v, compression %d, fill order %d, photometric %d: %v", order, compression, fill, photometric, frames[0].Color.Pix)
					}
				}
				if order == binary.ByteOrder(binary.LittleEndian) {
					continue
				}
				want := append(bytes.Repeat([]byte{1, 3, 5}, 4), bytes.Repeat([]byte{2, 4, 6}, 4)...)
				if _, frames := all(t, file(paletted, colors)); !bytes.Equal(frames[0].Color.Pix, want) {
					t.Errorf("compression %d with a palette: %v", compression, frames[0].Color.Pix)
				}
			}
		}
	}
}

func TestTIFFFillOrder(t *testing.T) {
	t.Parallel()
	pixels := []byte{1, 2, 200, 7, 7, 7, 7, 7}
	var packed bytes.Buffer
	w := lzw.NewWriter(&packed, lzw.MSB, 8) // as TIFF's for less than 511 codes
	_, _ = w.Write(pixels)
	_ = w.Close()
	packbits := []byte{2, 1, 2, 200, 0xfc, 7}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for compression, data := range map[uint16][]byte{1: pixels, 5: packed.Bytes(), 8: deflate(pixels), 32773: packbits} {
			file := func(width int, depth uint16, extra ...ifd.Field) []byte {
				extra = append(extra, shortField(order, ifd.Compression, compression), shortField(order, ifd.FillOrder, 2))
				return tiffFixture(order, width, 1, blackIsZero, []uint16{depth}, reversedBits(data), extra...)
			}
			if _, frames := all(t, file(8, 8)); !bytes.Equal(frames[0].Color.Pix, pixels) {
				t.Errorf("%v, compression %d: %v", order, compression, frames[0].Color.Pix)
			}
			if _, frames := all(t, file(64, 1)); !slices.Equal(frames[0].Color.Pix[:8], []byte{0, 0, 0, 0, 0, 0, 0, 255}) {
				t.Errorf("%v, compression %d, 1 bit: %v", order, compression, frames[0].Color.Pix[:8])
			}
			_, frames := all(t, file(4, 16))
			if want := order.Uint16(pixels); frames[0].Color.Pix16[0] != want {
				t.Errorf("%v, compression %d, 16 bits: %v", order, compression, frames[0].Color.Pix16)
			}
		}
	}
}

// TestTIFFFillOrderOfTiles has two tiles, the second padded.
func TestTIFFFillOrderOfTiles(t *testing.T) {
	t.Parallel()
	order := binary.LittleEndian
	tile := func(v byte) []byte { return bytes.Repeat([]byte{v}, 16*16) }
	longs := func(tag uint16, a, b uint32) ifd.Field {
		return ifd.Field{Tag: tag, Type: ifd.Long, Count: 2, Value: order.AppendUint32(order.AppendUint32(nil, a), b)}
	}
	build := func(at uint32) []byte {
		return ifd.Build(order, []ifd.Field{
			shortField(order, ifd.ImageWidth, 20), shortField(order, ifd.ImageLength, 16), shortField(order, ifd.BitsPerSample, 8),
			shortField(order, ifd.Compression, 1), shortField(order, ifd.Photometric, 1), shortField(order, ifd.FillOrder, 2),
			shortField(order, 0x0142, 16), shortField(order, 0x0143, 16),
			longs(ifd.TileOffsets, at, at+256), longs(ifd.TileByteCounts, 256, 256),
		}, nil, nil)
	}
	head := build(uint32(len(build(0))))
	_, frames := all(t, slices.Concat(head, tile(0x01), tile(0x03)))
	if pix := frames[0].Color.Pix; pix[0] != 0x80 || pix[15] != 0x80 || pix[16] != 0xc0 || pix[19] != 0xc0 {
		t.Errorf("first row = %v", pix[:20])
	}
}

// TestTIFFPlanes has the three samples of two pixels apart, in BigTIFF too.
func TestTIFFPlanes(t *testing.T) {
	t.Parallel()
	order := binary.LittleEndian
	shorts := func(tag uint16, v ...uint16) ifd.Field {
		var value []byte
		for _, v := range v {
			value = order.AppendUint16(value, v)
		}
		return ifd.Field{Tag: tag, Type: ifd.Short, Count: uint32(len(v)), Value: value}
	}
	fields := func(at uint16) []ifd.Field {
		return []ifd.Field{
			shorts(ifd.ImageWidth, 2), shorts(ifd.ImageLength, 1), shorts(ifd.BitsPerSample, 8, 8, 8), shorts(ifd.Compression, 1),
			shorts(ifd.Photometric, 2), shorts(ifd.StripOffsets, at, at+2, at+4), shorts(ifd.SamplesPerPixel, 3),
			shorts(ifd.StripByteCounts, 2, 2, 2), shorts(ifd.PlanarConfig, 2),
		}
	}
	build := func(at int) []byte { return ifd.Build(order, fields(uint16(at)), nil, nil) }
	pixels := []byte{1, 2, 3, 4, 5, 6}
	big := append([]byte("II+\x00\x08\x00\x00\x00"), 16, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0)
	for _, f := range fields(16 + 8 + 9*20 + 8) {
		big = order.AppendUint16(order.AppendUint16(big, f.Tag), f.Type)
		big = append(order.AppendUint64(big, uint64(f.Count)), append(f.Value, make([]byte, 8-len(f.Value))...)...)
	}
	big = append(append(big, make([]byte, 8)...), pixels...)
	for name, data := range map[string][]byte{"TIFF": append(build(len(build(0))), pixels...), "BigTIFF": big} {
		if _, frames := all(t, data); !bytes.Equal(frames[0].Color.Pix, []byte{1, 3, 5, 2, 4, 6}) {
			t.Errorf("%s: %v", name, frames[0].Color.Pix)
		}
	}
}

// TestOldJPEG has a stream as a whole and one that the fields' tables make.
func TestOldJPEG(t *testing.T) {
	t.Parallel()
	order := binary.BigEndian
	stream := jpegFixture{width: 16, height: 8, sampling: []byte{0x11}, value: func(_, x, _ int) uint8 { return uint8(50 + 100*x) }}.encode()
	long := func(tag uint16, v int) ifd.Field {
		return ifd.Field{Tag: tag, Type: ifd.Long, Count: 1, Value: order.AppendUint32(nil, uint32(v))}
	}
	build := func(pixels []byte, fields func(at int) []ifd.Field) []byte {
		file := func(at int) []byte {
			return tiffFixture(order, 16, 8, 1, []uint16{8}, pixels, append(fields(at), shortField(order, ifd.Compression, 6))...)
		}
		return file(len(file(0)) - len(pixels))
	}
	table := func(marker byte) int { return bytes.Index(stream, []byte{0xff, marker}) + 5 }
	scan := bytes.Index(stream, []byte{0xff, 0xda})
	scan += 2 + int(order.Uint16(stream[scan+2:]))
	for name, data := range map[string][]byte{
		"whole": build(stream, func(at int) []ifd.Field { return []ifd.Field{long(ifd.ThumbnailOffset, at)} }),
		"tables": build(stream, func(at int) []ifd.Field {
			ac := table(0xc4) + 16 + 12 + 5
			return []ifd.Field{
				long(ifd.JPEGQTables, at+table(0xdb)), long(ifd.JPEGDCTables, at+table(0xc4)), long(ifd.JPEGACTables, at+ac),
				long(ifd.StripOffsets, at+scan), long(ifd.StripByteCounts, len(stream)-scan-2),
			}
		}),
	} {
		_, frames := all(t, data)
		if pix := frames[0].Color.Pix; pix[0] != 50 || pix[15] != 150 {
			t.Errorf("%s: %v", name, pix[:16])
		}
		if err := decodeAll(data[:len(data)-3], imagedata.Limits{}); name == "tables" && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s, cut: %v", name, err)
		}
	}
}

func TestTIFFPaletteOf8Bits(t *testing.T) {
	t.Parallel()
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, unit := range []uint16{1, 257} {
			colors := ifd.Field{Tag: 0x0140, Type: ifd.Short, Count: 768, Value: make([]byte, 1536)}
			for i, v := range []uint16{10, 20, 255} {
				order.PutUint16(colors.Value[512*i+2:], v*unit)
			}
			info, frames := all(t, tiffFixture(order, 2, 1, paletted, []uint16{8}, []byte{1, 0}, colors))
			if want := []byte{10, 20, 255, 0, 0, 0}; !bytes.Equal(frames[0].Color.Pix, want) || info.Channels != 3 {
				t.Errorf("%v, values times %d: %v", order, unit, frames[0].Color.Pix)
			}
		}
	}
	if _, err := Probe(tiffFixture(binary.LittleEndian, 1, 1, paletted, []uint16{16}, []byte{1, 0}), imagedata.Limits{}); err == nil {
		t.Error("a palette of 65536 colors was accepted")
	}
}

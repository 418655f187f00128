package decode

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
)

func pngChunk(kind string, payload ...[]byte) []byte {
	body := append([]byte(kind), bytes.Join(payload, nil)...)
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)-4))
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
}

func pngHeader(width, height, depth, colorType int) []byte {
	payload := binary.BigEndian.AppendUint32(nil, uint32(width))
	payload = binary.BigEndian.AppendUint32(payload, uint32(height))
	return pngChunk("IHDR", append(payload, byte(depth), byte(colorType), 0, 0, 0))
}

// pngRows compresses rows, each without a filter.
func pngRows(rows ...[]byte) []byte {
	var raw []byte
	for _, row := range rows {
		raw = append(append(raw, 0), row...)
	}
	return deflate(raw)
}

func deflate(raw []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(raw)
	_ = w.Close()
	return out.Bytes()
}

// pngFixture joins chunks to a file.
func pngFixture(chunks ...[]byte) []byte {
	return append([]byte(pngSignature), append(bytes.Join(chunks, nil), pngChunk("IEND")...)...)
}

func frameControl(sequence, width, height, x, y, numerator, denominator int, dispose, blend byte) []byte {
	var payload []byte
	for _, v := range []int{sequence, width, height, x, y} {
		payload = binary.BigEndian.AppendUint32(payload, uint32(v))
	}
	payload = binary.BigEndian.AppendUint16(payload, uint16(numerator))
	payload = binary.BigEndian.AppendUint16(payload, uint16(denominator))
	return pngChunk("fcTL", payload, []byte{dispose, blend})
}

func animationControl(frames, plays int) []byte {
	payload := binary.BigEndian.AppendUint32(nil, uint32(frames))
	return pngChunk("acTL", binary.BigEndian.AppendUint32(payload, uint32(plays)))
}

func riff(kind string, payload ...[]byte) []byte {
	body := bytes.Join(payload, nil)
	out := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func webpFixture(chunks ...[]byte) []byte {
	return riff("RIFF", append([][]byte{[]byte("WEBP")}, chunks...)...)
}

func le24(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }

func webpCanvas(flags byte, width, height int) []byte {
	return riff("VP8X", []byte{flags, 0, 0, 0}, le24(width-1), le24(height-1))
}

// exifFixture is a block with an orientation.
func exifFixture(orientation byte) []byte {
	return ifd.Build(binary.LittleEndian, []ifd.Field{
		{Tag: ifd.Orientation, Type: ifd.Short, Count: 1, Value: []byte{orientation, 0}},
	}, nil, nil)
}

// iccFixture is the smallest block that passes for a profile.
func iccFixture(space string) []byte {
	profile := make([]byte, 132)
	binary.BigEndian.PutUint32(profile, 132)
	copy(profile[16:], space)
	copy(profile[36:], "acsp")
	return profile
}

// tiffFixture writes one uncompressed strip; extra fields replace its own.
func tiffFixture(order binary.ByteOrder, width, height, photometric int, bits []uint16, pixels []byte, extra ...ifd.Field) []byte {
	short := func(tag uint16, values ...uint16) ifd.Field {
		value := make([]byte, 2*len(values))
		for i, v := range values {
			order.PutUint16(value[2*i:], v)
		}
		return ifd.Field{Tag: tag, Type: ifd.Short, Count: uint32(len(values)), Value: value}
	}
	long := func(tag uint16, v int) ifd.Field {
		value := make([]byte, 4)
		order.PutUint32(value, uint32(v))
		return ifd.Field{Tag: tag, Type: ifd.Long, Count: 1, Value: value}
	}
	build := func(offset int) []byte {
		fields := append(slices.Clone(extra), []ifd.Field{
			short(ifd.ImageWidth, uint16(width)), short(ifd.ImageLength, uint16(height)),
			short(ifd.BitsPerSample, bits...), short(ifd.Compression, 1),
			short(ifd.Photometric, uint16(photometric)), long(ifd.StripOffsets, offset),
			short(ifd.SamplesPerPixel, uint16(len(bits))), short(0x0116, uint16(height)),
			long(ifd.StripByteCounts, len(pixels)),
		}...)
		return ifd.Build(order, fields, nil, nil)
	}
	head := build(0)
	return append(build(len(head)), pixels...)
}

// bmpFixture writes a file of a 40-byte header; rest follows the header.
func bmpFixture(width, height, bits, compression int, rest, pixels []byte) []byte {
	out := append([]byte("BM"), make([]byte, 12)...)
	binary.LittleEndian.PutUint32(out[10:], uint32(54+len(rest)))
	for _, v := range []int{40, width, height, 1 | bits<<16, compression, len(pixels), 0, 0, 0, 0} {
		out = binary.LittleEndian.AppendUint32(out, uint32(v))
	}
	return append(append(out, rest...), pixels...)
}

// all decodes every frame.
func all(t *testing.T, data []byte) (imagedata.Info, []imagedata.Frame) {
	t.Helper()
	d, err := Open(data, imagedata.Limits{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	var frames []imagedata.Frame
	for range d.Info().Frames {
		frame, err := d.Next()
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		frames = append(frames, frame)
	}
	return d.Info(), frames
}

package metadata

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"unicode/utf8"

	"upscaled/engine/imagedata"
)

// PNGProfile unpacks the payload of an iCCP chunk (PNG, section 11.3.2.3): a name,
// a zero, compression method 0 and a zlib stream.
func PNGProfile(payload []byte) []byte {
	_, rest, ok := bytes.Cut(payload, []byte{0})
	if !ok || len(rest) < 1 || rest[0] != 0 {
		return nil
	}
	return inflate(rest[1:])
}

// packetKeyword starts the iTXt chunk that holds XMP (XMP specification, part 3,
// section 1.1.5).
const packetKeyword = "XML:com.adobe.xmp\x00"

// IsPNGPacket reports whether an iTXt chunk's payload claims to be XMP.
func IsPNGPacket(payload []byte) bool { return bytes.HasPrefix(payload, []byte(packetKeyword)) }

// PNGPacket returns the XMP packet of an iTXt chunk's payload, or nil for other
// text.
func PNGPacket(payload []byte) []byte {
	rest, ok := bytes.CutPrefix(payload, []byte(packetKeyword))
	if !ok || len(rest) < 2 {
		return nil
	}
	compressed := rest[0] == 1
	_, rest, ok = bytes.Cut(rest[2:], []byte{0}) // language
	if !ok {
		return nil
	}
	_, text, ok := bytes.Cut(rest, []byte{0}) // translated keyword
	if !ok {
		return nil
	}
	if compressed {
		text = inflate(text)
	}
	return XMP(text)
}

// PNGText returns a chunk of text: tEXt if it has ASCII characters only, which all
// readers show alike, otherwise iTXt in UTF-8.
func PNGText(keyword string, text []byte) imagedata.Chunk {
	if slices.ContainsFunc(text, func(b byte) bool { return b >= utf8.RuneSelf }) {
		data := append([]byte(keyword), 0, 0, 0, 0, 0)
		return imagedata.Chunk{Kind: "iTXt", Data: append(data, bytes.ToValidUTF8(text, []byte("\ufffd"))...)}
	}
	return imagedata.Chunk{Kind: "tEXt", Data: append(append([]byte(keyword), 0), bytes.ReplaceAll(text, []byte{0}, nil)...)}
}

// WithPNGText returns a PNG file with a text, which replaces others of its keyword. It
// returns a file that it cannot read as it is.
func WithPNGText(file []byte, keyword, text string) []byte {
	const signature, header, overhead = 8, 25, 12
	if len(file) < signature+header {
		return file
	}
	chunk := PNGText(keyword, []byte(text))
	out := slices.Grow(slices.Clone(file[:signature+header]), len(file)+len(chunk.Data))
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk.Data)))
	body := append([]byte(chunk.Kind), chunk.Data...)
	out = binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	rest := file[signature+header:]
	for len(rest) >= overhead {
		size := int64(binary.BigEndian.Uint32(rest)) + overhead
		if size > int64(len(rest)) {
			break
		}
		switch kind := string(rest[4:8]); {
		case kind == "IDAT":
			return append(out, rest...)
		case (kind == "tEXt" || kind == "iTXt" || kind == "zTXt") && bytes.HasPrefix(rest[8:], append([]byte(keyword), 0)):
		default:
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	return append(out, rest...)
}

// inflate reads a zlib stream of at most maxBytes; it returns nil if the stream is
// damaged or longer, as a decompression bomb is.
func inflate(stream []byte) []byte {
	reader, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return nil
	}
	//guard:metadata-bomb TestHostileFiles/PNG_with_an_iCCP_bomb_of_64_MiB TestHostileFiles/PNG_with_an_XMP_bomb_of_64_MiB => io.ReadAll(reader)
	out, err := io.ReadAll(io.LimitReader(reader, maxBytes+1))
	// Some writers omit the final checksum; profiles and packets state their end.
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || len(out) > maxBytes {
		return nil
	}
	return out
}

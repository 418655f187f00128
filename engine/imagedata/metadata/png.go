package metadata

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
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

package encode

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"upscaled/models/fault"
)

// webpFile is the container of RFC 9649 for finished frames.
type webpFile struct{ frames bytes.Buffer }

// add extracts the image data of a still file.
func (f *webpFile) add(file []byte, h Header, delay time.Duration) error {
	image, ok := imageChunks(file)
	if !ok {
		return fault.New(fault.Internal, "The WebP encoder returned a damaged file; use png instead.")
	}
	if h.Frames == 1 {
		f.frames.Write(image)
		return nil
	}
	const replace = 2 // frames are complete: do not blend, do not dispose
	control := make([]byte, 16)
	put24(control[6:], h.Width-1)
	put24(control[9:], h.Height-1)
	put24(control[12:], int(min(max(delay, 0).Round(time.Millisecond).Milliseconds(), 1<<24-1)))
	control[15] = replace
	riff(&f.frames, "ANMF", control, image)
	return nil
}

// write assembles the file. Stills without metadata or alpha use the simple form,
// which the oldest readers require.
func (f *webpFile) write(w io.Writer, h Header) error {
	var head, tail bytes.Buffer
	if flags := webpFlags(h); flags != 0 {
		extended := make([]byte, 10)
		extended[0] = flags
		put24(extended[4:], h.Width-1)
		put24(extended[7:], h.Height-1)
		riff(&head, "VP8X", extended)
	}
	if h.Meta.ICC != nil {
		riff(&head, "ICCP", h.Meta.ICC)
	}
	if h.Frames > 1 {
		// A transparent background, which complete frames never show.
		riff(&head, "ANIM", binary.LittleEndian.AppendUint16(make([]byte, 4), uint16(min(h.Loop, 0xffff))))
	}
	if h.Meta.EXIF != nil {
		riff(&tail, "EXIF", h.Meta.EXIF)
	}
	if h.Meta.XMP != nil {
		riff(&tail, "XMP ", h.Meta.XMP)
	}
	size := int64(4 + head.Len() + f.frames.Len() + tail.Len())
	if size >= 1<<32-16 {
		return fault.New(fault.TooLarge, "The animation is too large for webp, which is limited to 4 GiB; use png.")
	}
	mark := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(size))
	for _, part := range [][]byte{append(mark, "WEBP"...), head.Bytes(), f.frames.Bytes(), tail.Bytes()} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// webpFlags returns VP8X's flags.
func webpFlags(h Header) (flags byte) {
	if h.Meta.ICC != nil {
		flags |= 0x20
	}
	if h.Alpha {
		flags |= 0x10
	}
	if h.Meta.EXIF != nil {
		flags |= 0x08
	}
	if h.Meta.XMP != nil {
		flags |= 0x04
	}
	if h.Frames > 1 {
		flags |= 0x02
	}
	return flags
}

// imageChunks returns the image data (ALPH, VP8, VP8L) of a still file.
func imageChunks(file []byte) ([]byte, bool) {
	var out bytes.Buffer
	for rest := file[min(len(file), 12):]; len(rest) >= 8; {
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if size > int64(len(rest)-8) {
			return nil, false
		}
		switch kind := string(rest[:4]); kind {
		case "ALPH", "VP8 ", "VP8L":
			riff(&out, kind, rest[8:8+size])
		}
		rest = rest[min(int64(len(rest)), 8+size+size%2):]
	}
	return out.Bytes(), out.Len() > 0
}

// riff appends a chunk, padded to an even length.
func riff(out *bytes.Buffer, kind string, parts ...[]byte) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	out.WriteString(kind)
	out.Write(binary.LittleEndian.AppendUint32(nil, uint32(size)))
	for _, p := range parts {
		out.Write(p)
	}
	if size%2 == 1 {
		out.WriteByte(0)
	}
}

func put24(out []byte, v int) { out[0], out[1], out[2] = byte(v), byte(v>>8), byte(v>>16) }

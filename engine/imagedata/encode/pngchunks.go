package encode

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zlib"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

// pngChunks writes the chunks of a PNG file.
type pngChunks struct{ w io.Writer }

// put writes a chunk with the concatenated parts as data.
func (c pngChunks) put(kind string, parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 8), uint32(size))
	head = append(head, kind...)
	sum := crc32.ChecksumIEEE(head[4:])
	if _, err := c.w.Write(head); err != nil {
		return err
	}
	for _, p := range parts {
		sum = crc32.Update(sum, crc32.IEEETable, p)
		if _, err := c.w.Write(p); err != nil {
			return err
		}
	}
	_, err := c.w.Write(binary.BigEndian.AppendUint32(head[:0], sum))
	return err
}

// head writes everything before the pixels: the chunks that must be there, and
// the metadata, for readers that stop at the pixels.
func (c pngChunks) head(h Header) error {
	if _, err := io.WriteString(c.w, "\x89PNG\r\n\x1a\n"); err != nil {
		return err
	}
	const color, alpha = 2, 4 // bits of the color type
	ihdr := make([]byte, 13)
	binary.BigEndian.PutUint32(ihdr, uint32(h.Width))
	binary.BigEndian.PutUint32(ihdr[4:], uint32(h.Height))
	ihdr[8] = byte(h.Depth)
	if h.Channels == 3 {
		ihdr[9] |= color
	}
	if h.Alpha {
		ihdr[9] |= alpha
	}
	if err := c.put("IHDR", ihdr); err != nil {
		return err
	}
	if h.Frames > 1 {
		control := make([]byte, 8)
		binary.BigEndian.PutUint32(control, uint32(h.Frames))
		binary.BigEndian.PutUint32(control[4:], uint32(h.Loop))
		if err := c.put("acTL", control); err != nil {
			return err
		}
	}
	return c.metadata(h)
}

func (c pngChunks) metadata(h Header) error {
	var more []imagedata.Chunk
	if r := h.Meta.Resolution; r.X > 0 && r.Y > 0 {
		x, y := metadata.PerMeter(r)
		data := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, x), y)
		more = append(more, imagedata.Chunk{Kind: "pHYs", Data: append(data, 1)})
	}
	if len(h.Meta.Comment) > 0 {
		more = append(more, metadata.PNGText("Comment", h.Meta.Comment))
	}
	for _, chunk := range slices.Concat(h.Meta.HDR, more, h.Meta.Text) {
		if err := c.put(chunk.Kind, chunk.Data); err != nil {
			return err
		}
	}
	if h.Meta.ICC != nil {
		// A name of up to 79 bytes, its end and the compression method.
		if err := c.put("iCCP", []byte("ICC profile\x00\x00"), deflated(h.Meta.ICC, 6)); err != nil {
			return err
		}
	}
	if h.Meta.EXIF != nil {
		if err := c.put("eXIf", h.Meta.EXIF); err != nil {
			return err
		}
	}
	if h.Meta.XMP != nil {
		// Uncompressed, without language or translated keyword, as the XMP
		// specification (part 3, section 1.1.5) requires.
		return c.put("iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"), h.Meta.XMP)
	}
	return nil
}

// deflated returns data as a zlib stream.
func deflated(data []byte, level int) []byte {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, level) // fails for unknown levels only
	_, _ = z.Write(data)                   // a bytes.Buffer never fails
	_ = z.Close()
	return b.Bytes()
}

// fraction returns a delay in seconds as APNG stores it, with the first
// denominator that is exact to a microsecond: 1000 for most files, others for
// rates like 30 per second. Longer delays become the maximum, 18 hours.
func fraction(delay time.Duration) (numerator, denominator uint16) {
	seconds := max(delay.Seconds(), 0)
	for _, d := range []float64{1000, 60, 24000, 30000, 60000, 65535} {
		n := seconds*d + 0.5
		if n < 65536 && abs(seconds-float64(int(n))/d) < 1e-6 {
			return uint16(n), uint16(d)
		}
	}
	for _, d := range []float64{1000, 100, 10} {
		if n := seconds*d + 0.5; n < 65536 {
			return uint16(n), uint16(d)
		}
	}
	return uint16(min(seconds, 65535)), 1
}

func abs(v float64) float64 { return max(v, -v) }

package encode

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"time"

	"github.com/gen2brain/webp"

	"upscaled/engine/fault"
	"upscaled/engine/picture"
)

// webpEncoder writes WebP with libwebp (built to WebAssembly, so nothing has
// to be installed). libwebp takes whole frames; the container around them,
// with metadata and animation, is written here (RFC 9649).
type webpEncoder struct {
	w       io.Writer
	header  Header
	options webp.Options
	frame   *image.NRGBA
	row     int
	delay   time.Duration
	chunks  bytes.Buffer // finished frames
}

const defaultWebPQuality = 90

func newWebP(w io.Writer, h Header, o Options) (*webpEncoder, error) {
	quality := o.Quality
	if quality == 0 {
		quality = defaultWebPQuality
	}
	e := &webpEncoder{w: w, header: h}
	// The library takes quality 100 for lossless; whoever asks for lossy gets
	// the best lossy instead.
	e.options = webp.Options{Quality: min(quality, 99), Lossless: o.Lossless, Method: 4, Exact: o.Lossless}
	if o.Lossless {
		e.options.Quality, e.options.Method = 75, 2
	}
	return e, nil
}

// BeginFrame implements Encoder.
func (e *webpEncoder) BeginFrame(delay time.Duration) error {
	if err := e.endFrame(); err != nil {
		return err
	}
	e.frame, e.row, e.delay = image.NewNRGBA(image.Rect(0, 0, e.header.Width, e.header.Height)), 0, delay
	return nil
}

// WriteBand implements Encoder.
func (e *webpEncoder) WriteBand(color picture.Raster, alpha *picture.Raster) error {
	intoNRGBA(e.frame, e.row, color, alpha)
	e.row += color.Height
	return nil
}

// endFrame encodes the frame and keeps its image chunks.
func (e *webpEncoder) endFrame() error {
	if e.frame == nil {
		return nil
	}
	var file bytes.Buffer
	if err := webp.Encode(&file, e.frame, e.options); err != nil {
		return fault.Wrap(fault.Internal, err, "The WebP encoder refused the picture; use png instead.")
	}
	e.frame = nil
	image, err := imageChunks(file.Bytes())
	if err != nil {
		return err
	}
	if e.header.Frames == 1 {
		e.chunks.Write(image)
		return nil
	}
	control := make([]byte, 16)
	put24(control[6:], e.header.Width-1)
	put24(control[9:], e.header.Height-1)
	put24(control[12:], int(min(e.delay.Milliseconds(), 1<<24-1)))
	control[15] = 2 // frames are whole: do not blend, do not dispose
	riff(&e.chunks, "ANMF", control, image)
	return nil
}

func put24(out []byte, v int) { out[0], out[1], out[2] = byte(v), byte(v>>8), byte(v>>16) }

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

// imageChunks takes the image data (ALPH, VP8, VP8L) out of a still file.
func imageChunks(file []byte) ([]byte, error) {
	broken := fault.New(fault.Internal, "The WebP encoder gave a damaged file; use png instead.")
	if len(file) < 12 {
		return nil, broken
	}
	var out bytes.Buffer
	for rest := file[12:]; len(rest) >= 8; {
		size := int(binary.LittleEndian.Uint32(rest[4:]))
		if size < 0 || size > len(rest)-8 {
			return nil, broken
		}
		switch kind := string(rest[:4]); kind {
		case "ALPH", "VP8 ", "VP8L":
			riff(&out, kind, rest[8:8+size])
		}
		rest = rest[min(len(rest), 8+size+size%2):]
	}
	return out.Bytes(), nil
}

// Close implements Encoder.
func (e *webpEncoder) Close() error {
	if err := e.endFrame(); err != nil {
		return err
	}
	var body bytes.Buffer
	body.WriteString("WEBP")
	h := e.header
	flags := byte(0)
	for bit, set := range map[byte]bool{
		0x20: h.Meta.ICC != nil, 0x10: h.Alpha, 0x08: h.Meta.EXIF != nil, 0x04: h.Meta.XMP != nil, 0x02: h.Frames > 1,
	} {
		if set {
			flags |= bit
		}
	}
	if flags&^0x10 != 0 || h.Alpha {
		extended := make([]byte, 10)
		extended[0] = flags
		put24(extended[4:], h.Width-1)
		put24(extended[7:], h.Height-1)
		riff(&body, "VP8X", extended)
	}
	if h.Meta.ICC != nil {
		riff(&body, "ICCP", h.Meta.ICC)
	}
	if h.Frames > 1 {
		riff(&body, "ANIM", []byte{0, 0, 0, 0, byte(h.Loop), byte(h.Loop >> 8)})
	}
	body.Write(e.chunks.Bytes())
	if h.Meta.EXIF != nil {
		riff(&body, "EXIF", h.Meta.EXIF)
	}
	if h.Meta.XMP != nil {
		riff(&body, "XMP ", h.Meta.XMP)
	}
	var file bytes.Buffer
	riff(&file, "RIFF", body.Bytes())
	_, err := e.w.Write(file.Bytes())
	return err
}

package decode

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"golang.org/x/image/webp"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

// webpFile is a file split into its chunks (RFC 9649).
type webpFile struct {
	width, height int
	extended      bool
	plays         int
	frames        []webpFrame
	profile       []byte
	meta          imagedata.Metadata
	notes         notes
}

// webpFrame is one image: a lossy stream with or without an alpha plane, or a
// lossless one. The slices share the file's bytes.
type webpFrame struct {
	patch
	alphaPlane, lossy, lossless []byte
	// alpha reports whether the frame may be transparent.
	alpha bool
}

func readWebP(data []byte) (*source, error) {
	f := &webpFile{}
	if err := f.parse(data); err != nil {
		return nil, err
	}
	if len(f.frames) == 0 {
		return nil, errTruncated
	}
	s := &source{
		orientation: metadata.Orientation(f.meta.EXIF), notes: f.notes,
		info: imagedata.Info{
			Width: f.width, Height: f.height, Channels: 3, Depth: 8,
			Frames: len(f.frames), Loop: f.plays, Meta: f.meta,
		},
	}
	s.info.Meta.ICC = f.profile
	patches := make([]patch, len(f.frames))
	for i := range f.frames {
		patches[i] = f.frames[i].patch
	}
	s.info.Alpha = showsThrough(patches, !f.frames[0].alpha, f.width, f.height)
	s.takesWebP(f.frames)
	if len(f.frames) == 1 && patches[0].covers(f.width, f.height) {
		s.frames = still(func() (imagedata.Frame, error) { return f.frames[0].decode(s.stored()) })
		return s, nil
	}
	s.composes()
	s.frames = func() func() (imagedata.Frame, error) {
		return f.animate(newCanvas[uint8](s.stored()))
	}
	return s, nil
}

func (f *webpFile) animate(c *canvas[uint8]) func() (imagedata.Frame, error) {
	next := 0
	return func() (imagedata.Frame, error) {
		frame := &f.frames[next]
		next++
		drawn, err := frame.decode(layout{
			width: frame.width, height: frame.height, channels: 3,
			alpha: frame.alpha, orientation: 1,
		})
		if err != nil {
			return imagedata.Frame{}, err
		}
		color, alpha := samplesOf[uint8](drawn)
		return c.draw(frame.patch, color, alpha), nil
	}
}

// decode returns the frame's own image. Lossy images are converted here, because
// the decoder's color model treats them as full range.
func (f *webpFrame) decode(l layout) (imagedata.Frame, error) {
	img, err := webp.Decode(f.stream())
	if err != nil {
		return imagedata.Frame{}, err
	}
	return convert(img, l, studioRange())
}

// stream returns a file of this frame alone, without copying compressed pixels.
func (f *webpFrame) stream() io.Reader {
	var parts []io.Reader
	size := 4
	add := func(kind string, payload []byte) {
		head := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(payload)))
		parts = append(parts, bytes.NewReader(head), bytes.NewReader(payload))
		size += 8 + len(payload)
		if len(payload)%2 == 1 {
			parts = append(parts, bytes.NewReader([]byte{0}))
			size++
		}
	}
	switch {
	case f.lossless != nil:
		add("VP8L", f.lossless)
	case f.alphaPlane != nil:
		w, h := f.width-1, f.height-1
		add("VP8X", []byte{1 << 4, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)})
		add("ALPH", f.alphaPlane)
		add("VP8 ", f.lossy)
	default:
		add("VP8 ", f.lossy)
	}
	head := append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(size)), "WEBP"...)
	return io.MultiReader(append([]io.Reader{bytes.NewReader(head)}, parts...)...)
}

// parse walks the chunks of the file.
func (f *webpFile) parse(data []byte) error {
	rest := data[12:]
	if size := int64(binary.LittleEndian.Uint32(data[4:])) - 4; size >= 0 && size < int64(len(rest)) {
		rest = rest[:size]
	}
	var single webpFrame
	for len(rest) >= 8 {
		kind, payload, after, whole := riffChunk(rest)
		rest = after
		if !whole && kind != "EXIF" && kind != "XMP " {
			return errTruncated
		}
		switch kind {
		case "VP8X":
			if len(payload) < 10 {
				return damaged("VP8X")
			}
			f.extended = true
			f.width, f.height = uint24(payload[4:])+1, uint24(payload[7:])+1
		case "ANIM":
			if len(payload) >= 6 {
				f.plays = int(binary.LittleEndian.Uint16(payload[4:]))
			}
		case "ANMF":
			if err := f.animationFrame(payload); err != nil {
				return err
			}
		case "ALPH", "VP8 ", "VP8L":
			single.take(kind, payload)
		case "ICCP":
			f.profile = payload
		case "EXIF":
			f.meta.EXIF = f.notes.intact("EXIF data", metadata.EXIF, payload)
		case "XMP ":
			f.meta.XMP = f.notes.intact("XMP data", metadata.XMP, payload)
		case "C2PA":
			f.notes.add(credentials)
		}
	}
	if len(f.frames) > 0 || single.empty() {
		return nil
	}
	return f.singleFrame(single)
}

func (f *webpFile) singleFrame(single webpFrame) error {
	if err := single.measure(); err != nil {
		return err
	}
	//guard:webp-canvas TestHostileFiles/WebP_whose_canvas_claims_2^24_a_side
	if f.extended && !single.covers(f.width, f.height) {
		return damaged("canvas and image differ in size")
	}
	f.width, f.height = single.width, single.height
	f.frames = []webpFrame{single}
	return nil
}

// animationFrame reads an ANMF chunk (RFC 9649, section 2.7.1.1).
func (f *webpFile) animationFrame(payload []byte) error {
	if len(payload) < 16 {
		return damaged("ANMF")
	}
	var frame webpFrame
	for rest := payload[16:]; len(rest) >= 8; {
		kind, inner, after, whole := riffChunk(rest)
		if !whole {
			return errTruncated
		}
		frame.take(kind, inner)
		rest = after
	}
	if err := frame.measure(); err != nil {
		return err
	}
	if frame.width != uint24(payload[6:])+1 || frame.height != uint24(payload[9:])+1 {
		return damaged("frame and image differ in size")
	}
	frame.x, frame.y = 2*uint24(payload), 2*uint24(payload[3:])
	if !f.extended || !frame.inside(f.width, f.height) {
		return damaged("frame outside the canvas")
	}
	frame.delay = time.Duration(uint24(payload[12:])) * time.Millisecond
	frame.over = payload[15]&2 == 0
	if payload[15]&1 != 0 {
		frame.after = clearArea
	}
	f.frames = append(f.frames, frame)
	return checkFrames(len(f.frames))
}

// take keeps the first chunk of a kind.
func (f *webpFrame) take(kind string, payload []byte) {
	switch {
	case kind == "ALPH" && f.alphaPlane == nil:
		f.alphaPlane = payload
	case kind == "VP8 " && f.empty():
		f.lossy = payload
	case kind == "VP8L" && f.empty():
		f.lossless = payload
	}
}

func (f *webpFrame) empty() bool { return f.lossy == nil && f.lossless == nil }

// measure reads the size from the stream itself (RFC 6386, section 9.1; RFC
// 9649, section 3.4).
func (f *webpFrame) measure() error {
	switch {
	case f.lossless != nil:
		if len(f.lossless) < 5 || f.lossless[0] != 0x2f {
			return damaged("lossless header")
		}
		bits := binary.LittleEndian.Uint32(f.lossless[1:])
		f.width, f.height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
		f.alpha = bits>>28&1 != 0
	case len(f.lossy) >= 10 && string(f.lossy[3:6]) == "\x9d\x01\x2a":
		f.width = int(binary.LittleEndian.Uint16(f.lossy[6:]) & 0x3fff)
		f.height = int(binary.LittleEndian.Uint16(f.lossy[8:]) & 0x3fff)
		f.alpha = f.alphaPlane != nil
	default:
		return damaged("no image in a frame")
	}
	return nil
}

// riffChunk splits off the first chunk; whole is false if it is cut short.
func riffChunk(rest []byte) (kind string, payload, after []byte, whole bool) {
	kind = string(rest[:4])
	length := int64(binary.LittleEndian.Uint32(rest[4:]))
	rest = rest[8:]
	if length > int64(len(rest)) {
		return kind, rest, nil, false
	}
	payload, after = rest[:length:length], rest[length:]
	if length%2 == 1 && len(after) > 0 {
		after = after[1:]
	}
	return kind, payload, after, true
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

package decode

import (
	"compress/lzw"
	"encoding/binary"
	"io"
	"slices"
	"time"

	"upscaled/engine/imagedata"
)

// gifFile is a file split into its blocks (GIF89a, appendix A).
type gifFile struct {
	width, height int
	palette       []byte // the global one: red, green, blue
	plays         int
	frames        []gifFrame
	meta          imagedata.Metadata
	notes         notes
}

// gifFrame is one image; palette and data share the file's bytes.
type gifFrame struct {
	patch                     // the part on the canvas, which is the top left of the stored image
	storedWidth, storedHeight int
	interlaced                bool
	transparent               int // an index into the palette, -1 for none
	palette                   []byte
	codeSize                  int
	data                      []byte // sub-blocks with lengths and terminator
}

func readGIF(data []byte) (*source, error) {
	f := &gifFile{plays: 1}
	if err := f.parse(data); err != nil {
		return nil, err
	}
	if len(f.frames) == 0 {
		return &source{info: imagedata.Info{Width: f.width, Height: f.height}}, nil // checkLimits reports it
	}
	patches := make([]patch, len(f.frames))
	for i := range f.frames {
		if err := f.clip(&f.frames[i]); err != nil {
			return nil, err
		}
		patches[i] = f.frames[i].patch
	}
	s := &source{orientation: 1, notes: f.notes, info: imagedata.Info{
		Width: f.width, Height: f.height, Channels: 3, Depth: 8,
		Frames: len(f.frames), Loop: f.plays, Meta: f.meta,
		Alpha: showsThrough(patches, f.frames[0].transparent < 0, f.width, f.height),
	}}
	s.takes(1 + 4) // indices and their colors
	s.composes()
	s.refine = func() {
		// Many writers declare a transparent color that no pixel uses.
		if s.info.Alpha && !showsThrough(patches, true, f.width, f.height) {
			s.info.Alpha = !f.frames[0].opaque()
		}
	}
	s.frames = func() func() (imagedata.Frame, error) {
		return f.animate(newCanvas[uint8](s.stored()))
	}
	return s, nil
}

// clip limits a frame to the canvas.
func (f *gifFile) clip(frame *gifFrame) error {
	// Clipped pixels are decompressed as well, and no other limit counts them.
	const spare = 1 << 20
	//guard:gif-frame-area TestHostileFiles/GIF_with_a_frame_of_65535x65535_on_1x1
	if frame.storedWidth*frame.storedHeight > 4*f.width*f.height+spare {
		return damaged("frame much larger than the canvas")
	}
	frame.x, frame.y = min(frame.x, f.width), min(frame.y, f.height)
	//guard:frame-outside FuzzOpen TestHostileFiles/GIF_with_a_frame_outside_the_canvas => frame.width, frame.height
	frame.width, frame.height = min(frame.width, f.width-frame.x), min(frame.height, f.height-frame.y)
	return nil
}

func (f *gifFile) animate(c *canvas[uint8]) func() (imagedata.Frame, error) {
	next := 0
	reader := newLZW()
	return func() (imagedata.Frame, error) {
		frame := &f.frames[next]
		next++
		indices, err := frame.indices(reader)
		if err != nil {
			return imagedata.Frame{}, err
		}
		color, alpha, err := frame.paint(indices)
		if err != nil {
			return imagedata.Frame{}, err
		}
		return c.draw(frame.patch, color, alpha), nil
	}
}

// opaque reports whether the transparent color, which there is, is unused. It reports false for
// damaged pixels, so that decoding reports the damage.
func (f *gifFrame) opaque() bool {
	indices, err := f.indices(newLZW())
	return err == nil && !slices.Contains(indices, uint8(f.transparent))
}

// newLZW returns a decompressor for indices. Frames of an animation share one: it is
// larger than many frames.
func newLZW() *lzw.Reader {
	reader, _ := lzw.NewReader(nil, lzw.LSB, 2).(*lzw.Reader)
	return reader
}

// indices decompresses the palette indices of the part on the canvas, in order
// from the top.
func (f *gifFrame) indices(reader *lzw.Reader) ([]uint8, error) {
	reader.Reset(&subBlocks{rest: f.data}, lzw.LSB, f.codeSize)
	indices := make([]uint8, f.width*f.height)
	row := make([]uint8, f.storedWidth)
	passes, last := [][2]int{{0, 1}}, f.height
	if f.interlaced {
		passes, last = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}, f.storedHeight
	}
	for _, pass := range passes {
		for y := pass[0]; y < last; y += pass[1] {
			if _, err := io.ReadFull(reader, row); err != nil {
				//guard:gif-end TestTruncatedAnywhere => indices, nil
				return nil, err
			}
			if y < f.height {
				copy(indices[y*f.width:(y+1)*f.width], row)
			}
		}
	}
	return indices, nil
}

// paint looks up the colors; alpha is nil for frames without transparency.
func (f *gifFrame) paint(indices []uint8) (color, alpha []uint8, err error) {
	if len(f.palette) == 0 {
		return nil, nil, damaged("no color table")
	}
	var table [256][3]uint8
	for i := range len(f.palette) / 3 {
		copy(table[i][:], f.palette[3*i:])
	}
	color = make([]uint8, 3*len(indices))
	for i, index := range indices {
		entry := &table[index]
		color[3*i], color[3*i+1], color[3*i+2] = entry[0], entry[1], entry[2]
	}
	if f.transparent < 0 {
		return color, nil, nil
	}
	alpha = make([]uint8, len(indices))
	for i, index := range indices {
		if int(index) != f.transparent {
			alpha[i] = 255
		}
	}
	return color, alpha, nil
}

// subBlocks reads the bytes of a chain of length-prefixed blocks.
type subBlocks struct {
	rest, block []byte
}

func (s *subBlocks) ReadByte() (byte, error) {
	if len(s.block) == 0 {
		if len(s.rest) == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		length := int(s.rest[0])
		if length == 0 || length >= len(s.rest) {
			return 0, io.ErrUnexpectedEOF
		}
		s.block, s.rest = s.rest[1:1+length], s.rest[1+length:]
	}
	b := s.block[0]
	s.block = s.block[1:]
	return b, nil
}

// Read makes subBlocks an io.Reader, which lzw requires but does not use if there
// is ReadByte.
func (s *subBlocks) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := s.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// gifControl is a graphic control extension; it applies to the next image.
type gifControl struct {
	delay       time.Duration
	after       disposal
	transparent int
}

func parseGIFControl(block []byte) gifControl {
	c := gifControl{transparent: -1}
	if len(block) < 4 {
		return c
	}
	c.delay = time.Duration(binary.LittleEndian.Uint16(block[1:])) * 10 * time.Millisecond
	switch block[0] >> 2 & 7 {
	case 2:
		c.after = clearArea
	case 3:
		c.after = revertArea
	}
	if block[0]&1 != 0 {
		c.transparent = int(block[3])
	}
	return c
}

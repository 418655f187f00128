package encode

import (
	"bufio"
	"compress/lzw"
	"encoding/binary"
	"io"
	"math/bits"
	"time"

	"upscaled/engine/imagedata"
)

// gifEncoder writes GIF89a, each frame complete with its own palette. Alpha
// becomes one transparent color, with the threshold at half. It holds one frame.
type gifEncoder struct {
	w      *bufio.Writer
	header Header
	layout layout
	frame  []byte // pixels in the layout; nil before the first frame
	row    int
	delay  time.Duration
}

func newGIF(w io.Writer, h Header) (*gifEncoder, error) {
	e := &gifEncoder{w: bufio.NewWriter(w), header: h, layout: layout{channels: 3, alpha: h.Alpha, depth: 8}}
	head := []byte("GIF89a")
	head = binary.LittleEndian.AppendUint16(head, uint16(h.Width))
	head = binary.LittleEndian.AppendUint16(head, uint16(h.Height))
	head = append(head, 0, 0, 0) // no global palette, background or aspect
	if h.Frames > 1 && h.Loop != 1 {
		// The extension counts repetitions, 0 forever.
		head = append(head, "\x21\xff\x0bNETSCAPE2.0\x03\x01"...)
		head = binary.LittleEndian.AppendUint16(head, uint16(min(max(h.Loop-1, 0), 0xffff)))
		head = append(head, 0)
	}
	if comment := h.Meta.Comment; len(comment) > 0 {
		head = append(head, 0x21, 0xfe)
		for ; len(comment) > 0; comment = comment[min(len(comment), 255):] {
			part := comment[:min(len(comment), 255)]
			head = append(append(head, byte(len(part))), part...)
		}
		head = append(head, 0)
	}
	_, err := e.w.Write(head)
	return e, err
}

// BeginFrame implements Encoder.
func (e *gifEncoder) BeginFrame(delay time.Duration) error {
	if err := e.endFrame(); err != nil {
		return err
	}
	if e.frame == nil {
		e.frame = make([]byte, e.header.Width*e.header.Height*e.layout.pixel())
	}
	e.row, e.delay = 0, delay
	return nil
}

// WriteBand implements Encoder.
func (e *gifEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	band := source{e.layout, color, alpha}
	band.all(e.frame[e.row*band.stride():], band.stride())
	e.row += color.Height
	return nil
}

func (e *gifEncoder) endFrame() error {
	if e.frame == nil {
		return nil
	}
	pixels := gifPixels{e.frame, e.header.Width, e.layout.pixel()}
	palette, exact := pixels.palette()
	transparent := len(palette)
	indices := pixels.indices(palette, exact, uint8(transparent))
	size := len(palette)
	if e.header.Alpha {
		size++
	}
	return e.image(palette, max(1, bits.Len(uint(size-1))), transparent, indices)
}

// image writes a frame; depth is the bits per index.
func (e *gifEncoder) image(palette []rgb, depth, transparent int, indices []uint8) error {
	const keep, restore = 1 << 2, 2 << 2 // disposal of the frame before the next
	control := []byte{0x21, 0xf9, 4, keep, 0, 0, 0, 0}
	hundredths := min(max(0, e.delay.Round(10*time.Millisecond)/(10*time.Millisecond)), 0xffff)
	binary.LittleEndian.PutUint16(control[4:], uint16(hundredths))
	if e.header.Alpha {
		// The next frame is complete: this one must not show through its holes.
		control[3], control[6] = restore|1, byte(transparent)
	}
	head := append(control, 0x2c, 0, 0, 0, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(e.header.Width))
	head = binary.LittleEndian.AppendUint16(head, uint16(e.header.Height))
	head = append(head, 0x80|byte(depth-1))
	table := make([]byte, 3<<depth)
	for i, c := range palette {
		copy(table[3*i:], c[:])
	}
	head = append(append(head, table...), byte(max(2, depth)))
	if _, err := e.w.Write(head); err != nil {
		return err
	}
	blocks := &gifBlocks{w: e.w}
	coder := lzw.NewWriter(blocks, lzw.LSB, max(2, depth))
	if _, err := coder.Write(indices); err != nil {
		return err
	}
	if err := coder.Close(); err != nil {
		return err
	}
	return blocks.close()
}

// Close implements Encoder.
func (e *gifEncoder) Close() error {
	if err := e.endFrame(); err != nil {
		return err
	}
	if err := e.w.WriteByte(0x3b); err != nil {
		return err
	}
	return e.w.Flush()
}

// gifBlocks splits data into blocks of up to 255 bytes preceded by their length.
type gifBlocks struct {
	w     *bufio.Writer
	block [256]byte // the length comes first
	n     int
}

// Write implements io.Writer.
func (b *gifBlocks) Write(data []byte) (int, error) {
	for at := 0; at < len(data); {
		copied := copy(b.block[1+b.n:], data[at:])
		b.n, at = b.n+copied, at+copied
		if b.n == 255 {
			if err := b.flush(); err != nil {
				return at, err
			}
		}
	}
	return len(data), nil
}

func (b *gifBlocks) flush() error {
	b.block[0] = byte(b.n)
	_, err := b.w.Write(b.block[:1+b.n])
	b.n = 0
	return err
}

// close writes the rest and the empty block that ends an image.
func (b *gifBlocks) close() error {
	if b.n > 0 {
		if err := b.flush(); err != nil {
			return err
		}
	}
	return b.flush()
}

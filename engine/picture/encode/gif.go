package encode

import (
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"time"

	"github.com/ericpauley/go-quantize/quantize"

	"upscaled/engine/picture"
)

// gifEncoder writes GIF89a through the standard library, with a palette of its
// own for every frame (median cut) and Floyd-Steinberg dither. Alpha becomes
// one transparent colour, cut at half. Frames are held as palette indices, one
// byte a pixel.
type gifEncoder struct {
	w      io.Writer
	header Header
	out    gif.GIF
	frame  *image.NRGBA
	row    int
	delay  time.Duration
}

func newGIF(w io.Writer, h Header) *gifEncoder {
	e := &gifEncoder{w: w, header: h}
	if h.Loop != 0 {
		// The library counts repetitions and calls none -1.
		if e.out.LoopCount = h.Loop - 1; h.Loop == 1 {
			e.out.LoopCount = -1
		}
	}
	return e
}

// BeginFrame implements Encoder.
func (e *gifEncoder) BeginFrame(delay time.Duration) error {
	e.endFrame()
	e.frame, e.row, e.delay = image.NewNRGBA(image.Rect(0, 0, e.header.Width, e.header.Height)), 0, delay
	return nil
}

// WriteBand implements Encoder.
func (e *gifEncoder) WriteBand(color picture.Raster, alpha *picture.Raster) error {
	intoNRGBA(e.frame, e.row, color, alpha)
	e.row += color.Height
	return nil
}

// intoNRGBA writes a band's rows into a frame, opaque where there is no alpha.
func intoNRGBA(frame *image.NRGBA, row int, color picture.Raster, alpha *picture.Raster) {
	if alpha == nil {
		opaque := picture.NewRaster(color.Width, color.Height, 1, color.Depth())
		for i := range opaque.Pix {
			opaque.Pix[i] = 255
		}
		for i := range opaque.Pix16 {
			opaque.Pix16[i] = 65535
		}
		alpha = &opaque
	}
	rowsInto(frame.Pix[row*frame.Stride:], frame.Stride, layout{channels: 3, alpha: true, depth: 8}, color, alpha)
}

// endFrame reduces the frame to a palette. Pixels that are mostly transparent
// take the palette's last entry, which is then kept for them.
func (e *gifEncoder) endFrame() {
	if e.frame == nil {
		return
	}
	clear := make([]bool, len(e.frame.Pix)/4)
	transparent := false
	for i := range clear {
		clear[i] = e.frame.Pix[4*i+3] < 128
		transparent = transparent || clear[i]
		e.frame.Pix[4*i+3] = 255
	}
	colors := 256
	if transparent {
		colors = 255
	}
	quantizer := quantize.MedianCutQuantizer{Aggregation: quantize.Mean}
	palette := quantizer.Quantize(make(color.Palette, 0, colors), e.frame)
	paletted := image.NewPaletted(e.frame.Rect, palette)
	draw.FloydSteinberg.Draw(paletted, e.frame.Rect, e.frame, image.Point{})
	if transparent {
		paletted.Palette = append(paletted.Palette, color.NRGBA{})
		for i, hidden := range clear {
			if hidden {
				paletted.Pix[i] = uint8(len(paletted.Palette) - 1)
			}
		}
	}
	e.out.Image = append(e.out.Image, paletted)
	e.out.Delay = append(e.out.Delay, int((e.delay+5*time.Millisecond)/(10*time.Millisecond)))
	// The next frame is whole: the old one must not show through its holes.
	e.out.Disposal = append(e.out.Disposal, gif.DisposalBackground)
	e.frame = nil
}

// Close implements Encoder.
func (e *gifEncoder) Close() error {
	e.endFrame()
	return gif.EncodeAll(e.w, &e.out)
}

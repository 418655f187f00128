package engine

import (
	"context"
	"errors"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/imagedata/icc"
)

// errAbandoned stops an encoder whose image will not be finished.
var errAbandoned = errors.New("the image was abandoned")

// format returns the output's format.
func (r *run) format() imagedata.Format {
	if r.request.Format != "" {
		return r.request.Format
	}
	return r.input.Format.Output()
}

// openOutput writes the output's header and notes properties that the format cannot hold.
func (r *run) openOutput(context.Context) error {
	if r.encoder = r.request.Encoder; r.encoder != nil {
		r.header = encode.Header{
			Width: r.width, Height: r.height, Channels: r.input.Channels, Depth: r.input.Depth, Alpha: r.input.Alpha, Frames: r.input.Frames,
		}
		return nil
	}
	h := encode.Header{
		Width: r.width, Height: r.height, Channels: r.input.Channels, Depth: r.input.Depth,
		Bits: r.input.Bits, Alpha: r.input.Alpha, Frames: r.input.Frames, Loop: r.input.Loop, Meta: r.input.Meta,
	}
	if r.request.CropWidth > 0 {
		h.Width, h.Height = r.request.CropWidth, r.request.CropHeight
	}
	can, name := encode.Capabilities(r.format()), string(r.format())
	switch coded := h.Meta.Coded(); {
	case coded && encode.HoldsCoding(r.format()):
		if r.request.Strip {
			h.Meta.ICC = nil // which the coding overrides
		}
	case coded || r.request.Strip || !can.Profile || r.format() == imagedata.JXL && !usable(h.Meta.ICC):
		r.dropColors(&h)
	}
	if r.request.Strip {
		// Without its coding, HDR would be shown as other colors.
		h.Meta = imagedata.Metadata{HDR: h.Meta.HDR}
	}
	if lost := encode.Lost(h.Meta, r.format()); lost != "" {
		r.notes = append(r.notes, lost)
	}
	if h.Alpha && !can.Alpha {
		r.notes = append(r.notes, "Transparency was laid on white: "+name+" files cannot hold it.")
	}
	if h.Depth == 16 && !can.Depth16 {
		r.notes = append(r.notes, "16-bit samples were reduced to 8 bits: "+name+" files hold no more.")
	}
	switch partial := h.Alpha && r.input.Format != imagedata.GIF; {
	case partial && r.format() == imagedata.GIF:
		r.notes = append(r.notes, "Pixels became either transparent or opaque: gif files hold nothing between.")
	case h.Depth == 16 && h.Bits == 0 && r.format() == imagedata.AVIF:
		r.notes = append(r.notes, "16-bit samples were reduced to 12 bits: avif files hold no more.")
	}
	r.header = h
	var err error
	r.encoder, err = encode.New(r.request.Output, h, encode.Options{
		Format: r.format(), Quality: r.request.Quality, Lossless: r.request.Lossless, Pages: r.request.Pages,
	})
	return err
}

// usable reports whether a profile can be used by writers that convert colors, as JPEG
// XL's does.
func usable(profile []byte) bool {
	_, ok := icc.NewSRGB(profile)
	return ok
}

// dropColors makes the writer convert colors to sRGB, the color space of pixels without
// a profile or code points.
func (r *run) dropColors(h *encode.Header) {
	if h.Meta.ICC == nil && !h.Meta.Coded() {
		return
	}
	conversion, ok := icc.NewSRGB(h.Meta.ICC)
	if h.Meta.Coded() { // which overrides a profile
		primaries, transfer := h.Meta.Coding()
		conversion, ok = icc.NewCoding(primaries, transfer, h.Channels)
	}
	h.Meta.ICC = nil
	if h.Meta.Coded() {
		h.Meta.HDR = nil // its light levels no longer hold
	}
	switch {
	case !ok:
		r.notes = append(r.notes, "The color profile was dropped, and colors could not be converted to sRGB: it is damaged or unusual.")
		return
	case conversion.HDR():
		r.notes = append(r.notes, "HDR colors were reduced to sRGB, because the output cannot state them; avif, jxl and png can.")
	case !conversion.Identity():
		r.notes = append(r.notes, "Colors were converted to sRGB, because the output has no color profile.")
	default:
		return
	}
	r.toSRGB = conversion
}

// item is a message to the writer: the start of a frame, or a band of its rows,
// color first, then alpha if there is one.
type item struct {
	begin bool
	delay time.Duration
	band  []imagedata.Raster
}

// writer feeds an encoder from its own goroutine, so that encoding overlaps with
// the model. At most one band waits, since bands are large.
type writer struct {
	items chan item
	done  chan struct{}
	err   error
	spent time.Duration
	pool  *pool // receives the written bands
	// toSRGB, unless nil, converts bands before they are written.
	toSRGB *icc.SRGB
}

func newWriter(encoder encode.Encoder, pool *pool, toSRGB *icc.SRGB) *writer {
	w := &writer{items: make(chan item), done: make(chan struct{}), pool: pool, toSRGB: toSRGB}
	go w.run(encoder)
	return w
}

func (w *writer) run(encoder encode.Encoder) {
	defer close(w.done)
	for i := range w.items {
		started := time.Now()
		if w.toSRGB != nil && len(i.band) > 0 {
			w.toSRGB.Convert(i.band[0])
		}
		//guard:write-errors TestFullDisk => func() bool { w.err = nil; return false }()
		if w.err = write(encoder, i); w.err != nil {
			break
		}
		w.spent += time.Since(started)
		w.pool.put(i.band...)
	}
	if w.err == nil {
		started := time.Now()
		w.err = encoder.Close()
		w.spent += time.Since(started)
	}
}

func write(encoder encode.Encoder, i item) error {
	switch {
	case i.begin:
		return encoder.BeginFrame(i.delay)
	case i.band == nil:
		return errAbandoned
	case len(i.band) > 1:
		return encoder.WriteBand(i.band[0], &i.band[1])
	}
	return encoder.WriteBand(i.band[0], nil)
}

// send passes an item on, or returns the error that ended the encoding.
func (w *writer) send(i item) error {
	select {
	case w.items <- i:
		return nil
	case <-w.done:
		return w.err
	}
}

func (w *writer) write(band []imagedata.Raster) error { return w.send(item{band: band}) }

// finish waits for the encoder. An abandoned file is not completed.
func (w *writer) finish(abandoned bool) error {
	if abandoned {
		_ = w.send(item{})
	}
	close(w.items)
	<-w.done
	return w.err
}

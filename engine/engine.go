package engine

import (
	"context"
	"io"
	"time"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/resize"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Upscaler upscales images: an Engine in this process or in another one. It may
// be used concurrently.
type Upscaler interface {
	Upscale(context.Context, Request) (Result, error)
}

// Options configure an Engine.
type Options struct {
	// Runtime computes; Others are further devices of the same kind, which
	// share the work.
	Runtime Runtime
	Others  []Runtime
	Library Library
	// Detector returns a face detector; it may be called concurrently. If it is
	// nil, faces cannot be enhanced.
	Detector func(context.Context, DetectorOptions) (face.Detector, error)
	// Limits bound what is decoded.
	Limits imagedata.Limits
	// TileMemory is what one session may use for a tile, in bytes; 0 plans it
	// from the device's free memory.
	TileMemory int64
	// Precision of the sessions; "" is the device's own.
	Precision network.Precision
	// Tuning, where not nil, tells what was measured for a network on the
	// device; it may be called concurrently.
	Tuning func(*network.Network) Tuning
}

// Tuning is how a device runs a network fastest; zero values mean that it was
// not measured.
type Tuning struct {
	// TilePixels is how many input pixels a tile sees at most.
	TilePixels int
}

// Engine upscales pictures on one or several devices. It may be used
// concurrently: tiles of different pictures take turns.
type Engine struct {
	options   Options
	precision network.Precision
	devices   []*device
	scheduler *scheduler
	tiles     *tiles
	rows      *rowMemory
}

// maxSessions bounds the cache of a device: one network has at most nine border
// graphs a plane and sample type. Sessions of one shape hold device memory
// each, so that fewer are kept.
const maxSessions, maxStaticSessions = 24, 8

// New makes an engine; the caller closes it before the runtime.
func New(o Options) *Engine {
	e := &Engine{options: o, precision: o.Precision, tiles: newTiles(o.Runtime), rows: newRowMemory()}
	for _, r := range append([]Runtime{o.Runtime}, o.Others...) {
		e.devices = append(e.devices, newDevice(r))
	}
	e.scheduler = newScheduler(e.devices)
	if e.precision == "" {
		e.precision = o.Runtime.Device().Precision
	}
	return e
}

// Close frees the sessions. No Upscale may be running.
func (e *Engine) Close() {
	for _, d := range e.devices {
		d.sessions.stop()
	}
	e.clear()
	e.tiles.close()
}

// clear drops all sessions, those in use when their tiles end, and tells how
// many there were on the device that had most.
func (e *Engine) clear() int {
	most := 0
	for _, d := range e.devices {
		most = max(most, d.sessions.clear())
	}
	return most
}

// Upscale makes one picture larger. See Request for what it reads and writes.
func (e *Engine) Upscale(ctx context.Context, q Request) (Result, error) {
	r := &run{engine: e, request: q, started: time.Now()}
	result, err := r.upscale(ctx)
	if err != nil && ctx.Err() != nil {
		err = fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
	}
	r.stats.Wall = time.Since(r.started)
	result.Stats = r.stats
	return result, err
}

// upscale is the way of one picture from bytes to bytes.
func (r *run) upscale(ctx context.Context) (Result, error) {
	q := r.request
	restoration, err := r.engine.restoration(ctx, q.Faces)
	if err != nil {
		return Result{}, err
	}
	r.restoration = restoration
	decoding := time.Now()
	decoder, err := decode.Open(q.Input, r.engine.options.Limits)
	if err != nil {
		return Result{}, err
	}
	info := decoder.Info()
	r.stats.Decode = time.Since(decoding)
	name := q.Model
	if name == "" {
		name = r.engine.options.Library.Default(r.engine.options.Runtime.Device().Kind)
	}
	net, err := r.engine.options.Library.Load(ctx, name, q.Denoise)
	if err != nil {
		return Result{}, err
	}
	inWidth, inHeight := q.reduced(info.Width, info.Height)
	width, height, err := q.Size.target(inWidth, inHeight, net.Info().Scale)
	if err != nil {
		return Result{}, err
	}
	r.net, r.width, r.height, r.info = net, width, height, info
	r.steps = passes(inWidth, inHeight, width, height, net.Info().Scale)
	r.measure()
	header, notes, err := r.header()
	if err != nil {
		return Result{}, err
	}
	encoder, err := encode.New(q.Output, header, encode.Options{Format: r.format(), Quality: q.Quality, Lossless: q.Lossless})
	if err != nil {
		return Result{}, err
	}
	if err := r.frames(ctx, decoder, encoder); err != nil {
		return Result{}, err
	}
	out := imagedata.Info{
		Format: r.format(), Width: width, Height: height, Channels: header.Channels, Depth: header.Depth,
		Alpha: header.Alpha, Frames: header.Frames, Loop: header.Loop, Meta: header.Meta,
	}
	notes = append(append(decoder.Notes(), notes...), restoration.note()...)
	result := Result{Input: info, Output: out, Model: name, Notes: notes}
	if restoration != nil {
		result.Faces = &restoration.result
	}
	return result, nil
}

// format is the output's.
func (r *run) format() imagedata.Format {
	if r.request.Format != "" {
		return r.request.Format
	}
	return r.info.Format
}

// header describes the output and notes what the format cannot keep.
func (r *run) header() (encode.Header, []string, error) {
	h := encode.Header{
		Width: r.width, Height: r.height, Channels: r.info.Channels, Depth: r.info.Depth,
		Alpha: r.info.Alpha, Frames: r.info.Frames, Loop: r.info.Loop, Meta: r.info.Meta,
	}
	if r.request.Strip {
		h.Meta = imagedata.Metadata{}
	}
	var notes []string
	can, name := encode.Capabilities(r.format()), r.format()
	if h.Alpha && !can.Alpha {
		notes = append(notes, "Transparency was laid on white: "+string(name)+" files cannot hold it.")
	}
	if h.Depth == 16 && !can.Depth16 {
		notes = append(notes, "16-bit samples were reduced to 8 bits: "+string(name)+" files hold no more.")
	}
	return h, notes, nil
}

// frames runs every frame; encoding goes on beside the next band's network.
func (r *run) frames(ctx context.Context, decoder *decode.Decoder, encoder encode.Encoder) error {
	w := newWriter(encoder, &r.pool)
	err := r.eachFrame(ctx, decoder, w)
	if closeErr := w.finish(err != nil); err == nil {
		err = closeErr
	}
	r.stats.Encode = w.spent
	return err
}

func (r *run) eachFrame(ctx context.Context, decoder *decode.Decoder, w *writer) error {
	for {
		decoding := time.Now()
		frame, err := decoder.Next()
		r.stats.Decode += time.Since(decoding)
		if err == io.EOF { // itself: what is wrong with a damaged file may wrap one
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.send(item{begin: true, delay: frame.Delay}); err != nil {
			return err
		}
		if err := r.frame(ctx, frame, w); err != nil {
			return err
		}
	}
}

// frame chains the passes; the last one streams into the resize and the
// encoder.
func (r *run) frame(ctx context.Context, f imagedata.Frame, w *writer) error {
	planes := []imagedata.Raster{f.Color}
	if f.Alpha != nil {
		if !constant(*f.Alpha) {
			withoutHalo(f.Color, *f.Alpha)
		}
		planes = append(planes, *f.Alpha)
	}
	patches, err := r.patches(ctx, f.Color)
	if err != nil {
		return err
	}
	sink := blending(patches, w.bands)
	if first := r.steps[0]; first.width != f.Color.Width {
		for i := range planes {
			planes[i] = resize.Whole(planes[i], first.width, first.height)
		}
	}
	for i := range r.steps[:len(r.steps)-1] {
		whole, err := r.collect(ctx, r.net, planes)
		if err != nil {
			return err
		}
		next := r.steps[i+1]
		for k := range whole {
			whole[k] = resize.Whole(whole[k], next.width, next.height)
		}
		planes = whole
	}
	last := r.steps[len(r.steps)-1]
	scale := r.net.Info().Scale
	if last.width*scale == r.width && last.height*scale == r.height {
		return r.through(ctx, r.net, planes, sink)
	}
	streams := make([]*resize.Stream, len(planes))
	for i, plane := range planes {
		streams[i] = resize.New(last.width*scale, last.height*scale, r.width, r.height, plane.Channels, plane.Depth())
	}
	return r.through(ctx, r.net, planes, func(bands []imagedata.Raster) error {
		resizing := time.Now()
		out := make([]imagedata.Raster, len(bands))
		for i, band := range bands {
			out[i] = streams[i].Write(band)
		}
		r.pool.put(bands...)
		r.stats.Resize += time.Since(resizing)
		if out[0].Height == 0 {
			return nil
		}
		return sink(out)
	})
}

// collect runs planes through a network and keeps the whole result.
func (r *run) collect(ctx context.Context, net *network.Network, planes []imagedata.Raster) ([]imagedata.Raster, error) {
	scale := net.Info().Scale
	whole := make([]imagedata.Raster, len(planes))
	for i, plane := range planes {
		whole[i] = imagedata.NewRaster(plane.Width*scale, plane.Height*scale, plane.Channels, plane.Depth())
	}
	at := 0
	err := r.through(ctx, net, planes, func(bands []imagedata.Raster) error {
		for i, band := range bands {
			part := whole[i].Rows(at, at+band.Height)
			copy(part.Pix, band.Pix)
			copy(part.Pix16, band.Pix16)
		}
		at += bands[0].Height
		r.pool.put(bands...)
		return nil
	})
	return whole, err
}
